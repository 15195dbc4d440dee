"""Rules that a program in another process answers: here a small HTTP server of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

from assistants_emulator import Emulator, ProjectHandle
from assistants_emulator.errors import ScriptError

PAGE = Path(__file__).parents[2] / "docs/how-to/callbacks.md"
TOOL: Any = {"type": "function", "function": {"name": "get_weather"}}
Answer = Callable[[dict[str, Any]], Any]


class Program(HTTPServer):
    """Answers each POST by `answer`, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[dict[str, Any]] = []
        self.answer: Answer = lambda turn: {"do": [{"text": "Hi."}]}
        self.status = 200

    @property
    def script(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.server_port}/desk"
        return {"version": 1, "replies": [{"when": {"message": "weather in (?P<city>\\w+)"}, "call": url}]}


class Handler(BaseHTTPRequestHandler):
    server: Program

    def do_POST(self) -> None:
        turn = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.received.append(turn)
        answer = json.dumps(self.server.answer(turn)).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *about: Any) -> None:
        pass


@pytest.fixture
def program() -> Iterator[Program]:
    with Program() as program:
        thread = threading.Thread(target=program.serve_forever, args=(0.01,))
        thread.start()
        yield program
        program.shutdown()
        thread.join()


def ask(client: openai.OpenAI) -> Any:
    assistant = client.beta.assistants.create(model="gpt-4o", name="Desk", instructions="Be brief.", tools=[TOOL])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "The weather in Oslo?"}])
    return client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)


def desk(turn: dict[str, Any]) -> dict[str, Any]:
    if not turn["outputs"]:
        return {
            "do": [{"function_call": {"name": "get_weather", "arguments": {"city": turn["match"]["groups"]["city"]}}}]
        }
    return {"do": [{"text": f"It is {turn['outputs'][0]}."}]}


def test_a_program_answers_and_is_asked_again_with_the_outputs_of_its_calls(
    project: ProjectHandle, client: openai.OpenAI, program: Program
) -> None:
    program.answer = desk
    project.load_script(program.script)
    run = ask(client)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "sunny"}]
    )
    assert "assistant: It is sunny.\nrun completed" in project.transcript(run.thread_id)
    first, second = program.received
    assert (first["assistant"]["name"], first["outputs"], first["replies"]) == ("Desk", [], [])
    assert (second["outputs"], second["replies"]) == (["sunny"], desk(first)["do"])


def test_the_documentation_shows_what_is_sent(project: ProjectHandle, client: openai.OpenAI, program: Program) -> None:
    program.answer = desk
    project.load_script(program.script)
    run = ask(client)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "18 degrees"}]
    )
    printed = json.loads(PAGE.read_text().partition("```json\n")[2].partition("```")[0])
    assert list(printed) == list(program.received[1])
    assert_shown(printed, program.received[1], ["id"])


def assert_shown(printed: Any, sent: Any, others: list[str]) -> None:
    """The printed value is the one that was sent, but for keys that are left out and the values of `others`."""
    if isinstance(printed, dict):
        assert printed.keys() <= sent.keys()
        for name in printed.keys() - others:
            assert_shown(printed[name], sent[name], others)
    elif isinstance(printed, list):
        assert len(printed) == len(sent)
        for item, other in zip(printed, sent, strict=True):
            assert_shown(item, other, others)
    else:
        assert printed == sent


def test_a_program_is_sent_objects_as_the_api_has_them(
    project: ProjectHandle, client: openai.OpenAI, program: Program
) -> None:
    project.load_script(program.script)
    ask(client)
    (turn,) = program.received
    objects = [turn["run"], turn["assistant"], turn["thread"], *turn["messages"]]
    assert [name for item in objects for name in item if name.startswith("_")] == []


def test_a_program_is_asked_once_where_its_answer_ends_the_run(
    project: ProjectHandle, client: openai.OpenAI, program: Program
) -> None:
    project.load_script(program.script)
    assert ask(client).status == "completed"
    assert len(program.received) == 1


@pytest.mark.parametrize(
    ("answer", "status", "problem"),
    [
        ({"do": [{"txt": "a"}]}, 200, "did you mean 'text'"),
        ({"do": []}, 200, " answered do: must hold at least one action"),
        ({"text": "a"}, 200, 'must answer 200 and {"do": [actions]}'),
        ({"do": [{"text": "a"}]}, 500, "must answer 200"),
    ],
)
def test_a_bad_answer_fails_the_run_and_names_the_rule(
    project: ProjectHandle, client: openai.OpenAI, program: Program, answer: Any, status: int, problem: str
) -> None:
    program.answer, program.status = (lambda turn: answer), status
    project.load_script(program.script)
    error = ask(client).last_error
    assert "replies[0]" in error.message
    assert problem in error.message


def test_a_program_that_is_not_there_fails_the_run(
    project: ProjectHandle, client: openai.OpenAI, program: Program
) -> None:
    program.server_close()
    project.load_script({**program.script, "replies": [{"call": "http://127.0.0.1:9/desk"}]})
    assert "replies[0]: http://127.0.0.1:9/desk gave no JSON answer" in ask(client).last_error.message


@pytest.mark.parametrize("url", ["http://example.com/desk", "file:///etc/passwd", "desk"])
def test_a_url_of_another_machine_is_refused(project: ProjectHandle, url: str) -> None:
    with pytest.raises(ScriptError, match=r"replies\[0\]: call m"):
        project.load_script({"version": 1, "replies": [{"call": url}]})


def test_an_option_allows_another_host() -> None:
    script = {"version": 1, "replies": [{"call": "http://desk.internal/"}]}
    with Emulator(script=script, allow_callbacks=("desk.internal",)) as emulator:
        assert emulator.state()["runs"] == []


def test_a_rule_has_actions_or_a_program(project: ProjectHandle) -> None:
    for rule in ({}, {"do": [{"text": "a"}], "call": "http://127.0.0.1:1/"}):
        with pytest.raises(ScriptError, match="needs do, a list of actions, or call"):
            project.load_script({"version": 1, "replies": [rule]})
