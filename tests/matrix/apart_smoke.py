"""A smoke suite for an application of 2024 beside which the emulator cannot be installed: pydantic 1, pytest 7, v1 of
the API. Run by `nox -s apart` in such an environment."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path

import httpx
import openai
import pydantic
import pytest

from assistants_emulator import FunctionCall, ProjectHandle, Text, Turn

pytest_plugins = "pytester"
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]


def ask(client: openai.OpenAI, text: str = "Hello") -> object:
    assistant = client.beta.assistants.create(model="gpt-4o", tools=TOOLS)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": text}])
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    return client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)


def test_the_environment_is_an_old_one() -> None:
    assert pydantic.VERSION.startswith("1.10.")
    assert openai.__version__ == "1.10.0"
    assert pytest.version_tuple[:2] == (7, 4)
    assert [name for name in ("starlette", "tinydb", "orjson", "yaml") if importlib.util.find_spec(name)] == []


def test_texts(assistants_emulator: ProjectHandle, openai_client: openai.OpenAI) -> None:
    assistants_emulator.respond([Text("x = 1")])
    run = ask(openai_client)
    assert assistants_emulator.transcript(run.thread_id) == "user: Hello\nassistant: x = 1\nrun completed\n"


def test_function_calls(assistants_emulator: ProjectHandle, openai_client: openai.OpenAI) -> None:
    seen: list[str] = []

    @assistants_emulator.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Turn):
        seen.extend(message.text for message in turn.messages)
        (output,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"{turn.match['city']}: {output}"

    run = ask(openai_client, "The weather in Oslo?")
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Oslo"}
    outputs = [{"tool_call_id": call.id, "output": "rain"}]
    openai_client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
    assert "assistant: Oslo: rain" in assistants_emulator.transcript(run.thread_id)
    assert seen == ["The weather in Oslo?"]


def test_async_clients_and_responders(
    assistants_emulator: ProjectHandle, async_openai_client: openai.AsyncOpenAI
) -> None:
    @assistants_emulator.respond
    async def echo(turn: Turn):
        await asyncio.sleep(0)
        yield f"You said {turn.last_message}"

    async def main() -> str:
        threads = async_openai_client.beta.threads
        assistant = await async_openai_client.beta.assistants.create(model="gpt-4o")
        thread = await threads.create(messages=[{"role": "user", "content": "Hi"}])
        await threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        return (await threads.messages.list(thread.id)).data[0].content[0].text.value

    assert asyncio.run(main()) == "You said Hi"


def test_streams(assistants_emulator: ProjectHandle, openai_client: openai.OpenAI) -> None:
    assistants_emulator.respond(lambda turn: Text("Hello", chunks=["Hel", "lo"]))
    assistant = openai_client.beta.assistants.create(model="gpt-4o")
    body = {"assistant_id": assistant.id, "thread": {"messages": [{"role": "user", "content": "Hi"}]}, "stream": True}
    headers = {"Authorization": f"Bearer {assistants_emulator.api_key}", "OpenAI-Beta": "assistants=v2"}
    with httpx.stream("POST", f"{assistants_emulator.base_url}/threads/runs", json=body, headers=headers) as answer:
        events = [line[7:] for line in answer.iter_lines() if line.startswith("event: ")]
    assert events.count("thread.message.delta") == 2
    assert events[-2:] == ["thread.run.completed", "done"]


def test_a_script_in_yaml(assistants_emulator: ProjectHandle, openai_client: openai.OpenAI, tmp_path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("version: 1\nreplies: [{do: [{text: From the script}]}]\n")
    assistants_emulator.load_script(path)
    assert "assistant: From the script" in assistants_emulator.transcript(ask(openai_client).thread_id)


def test_clients_of_the_environment_and_the_clock(assistants_emulator: ProjectHandle) -> None:
    assistants_emulator.clock.set(1000)
    assert openai.OpenAI().beta.threads.create().created_at == 1000


def test_a_responder_that_raises_fails_its_test(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> None:
    command = pytestconfig.getini("assistants_emulator_command")
    pytester.makeini(f"[pytest]\nassistants_environment = session\nassistants_emulator_command = {command}\n")
    (pytester.path / "apart_smoke.py").write_text(Path(__file__).read_text())
    pytester.makepyfile(
        """
        import openai
        from apart_smoke import ask

        client = openai.OpenAI()

        def test_it(assistants_emulator):
            @assistants_emulator.respond
            def broken(turn):
                raise LookupError("no such city")

            assert ask(client).status == "failed"

        def test_next():
            assert ask(client).status == "completed"
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(['>*raise LookupError("no such city")'])
