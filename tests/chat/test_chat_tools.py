"""Tools of a live model: functions mapped both ways, file search and code interpreter as functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from chat_stub import HOLD, Chat, Stub, calls, delta, text

from assistants_emulator import Emulator
from assistants_emulator.responders.chat.model import ChatModel

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CITY = '{"city":"Oslo"}'


def names(asked: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in asked.get("tools", ())]


def test_a_function_is_called_and_its_output_goes_back(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("get_weather", CITY)), text("18 degrees.")]
    chat = Chat(client, tools=[WEATHER])
    run = chat.poll()
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("call_m0", "get_weather", CITY)
    run = chat.submit(run, "18")
    assert (run.status, chat.said()) == ("completed", ["18 degrees."])
    assert model.asked[0]["tools"] == [WEATHER]
    told = {"id": "call_m0", "type": "function", "function": {"name": "get_weather", "arguments": CITY}}
    assert model.asked[1]["messages"][1:] == [
        {"role": "assistant", "content": None, "tool_calls": [told]},
        {"role": "tool", "tool_call_id": "call_m0", "content": "18"},
    ]
    assert [step.usage.completion_tokens for step in chat.steps(run)] == [7, 7]


def test_parallel_calls_are_one_step(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("get_weather", CITY), ("get_weather", CITY), before="Let me see."), text("Both.")]
    chat = Chat(client, tools=[WEATHER])
    run = chat.submit(chat.poll(), "18", "19")
    assert [step.type for step in chat.steps(run)] == ["message_creation", "tool_calls", "message_creation"]
    assert chat.said() == ["Let me see.", "Both."]
    assert [told["content"] for told in model.asked[1]["messages"][-2:]] == ["18", "19"]
    assert run.usage.completion_tokens == 14


def test_calls_come_one_by_one_without_parallel_tool_calls(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("get_weather", CITY), ("get_weather", CITY)), text("Both.")]
    chat = Chat(client, tools=[WEATHER])
    run = chat.poll(parallel_tool_calls=False)
    run = chat.submit(chat.submit(run, "18"), "19")
    assert (run.status, len(chat.steps(run))) == ("completed", 3)
    assert model.asked[0]["parallel_tool_calls"] is False


def test_a_server_that_numbers_every_call_0_is_understood(model: Stub, client: openai.OpenAI) -> None:
    def call(id: str) -> dict[str, Any]:
        return {"index": 0, "id": id, "function": {"name": "get_weather", "arguments": CITY}}

    model.answers.append([delta(tool_calls=[call("call_a")]), delta("tool_calls", tool_calls=[call("call_b")])])
    run = Chat(client, tools=[WEATHER]).poll()
    assert [call.id for call in run.required_action.submit_tool_outputs.tool_calls] == ["call_a", "call_b"]


def test_calls_without_ids_get_some(model: Stub, client: openai.OpenAI) -> None:
    function = {"name": "get_weather", "arguments": CITY}
    made = [{"index": index, "function": function} for index in range(2)]
    model.answers.append([delta("tool_calls", tool_calls=made)])
    run = Chat(client, tools=[WEATHER]).poll()
    ids = {call.id for call in run.required_action.submit_tool_outputs.tool_calls}
    assert len(ids) == 2
    assert "" not in ids


def test_arguments_that_do_not_fit_are_let_through(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(calls(("get_weather", '{"town": 1}')))
    run = Chat(client, tools=[WEATHER]).poll()
    assert run.required_action.submit_tool_outputs.tool_calls[0].function.arguments == '{"town": 1}'


def test_a_forced_tool_is_asked_for_once(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("get_weather", CITY)), text("18.")]
    chat = Chat(client, tools=[WEATHER])
    choice = {"type": "function", "function": {"name": "get_weather"}}
    chat.submit(chat.poll(tool_choice=choice), "18")
    assert [asked.get("tool_choice") for asked in model.asked] == [choice, None]


def test_a_missing_tool_is_reported_to_the_model(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("get_time", "{}")), text("I cannot tell.")]
    chat = Chat(client, tools=[WEATHER])
    assert chat.poll().status == "completed"
    assert model.asked[1]["messages"][-1]["content"] == "There is no tool named 'get_time'."


def test_file_search_is_offered_over_the_real_index(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [calls(("file_search", '{"query":"vacation days"}')), text("25 days.")]
    file = client.files.create(file=("rules.md", b"Employees have 25 vacation days."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    held = {"file_search": {"vector_store_ids": [store.id]}}
    chat = Chat(client, tools=[{"type": "file_search"}], tool_resources=held)
    run = chat.poll()
    assert (run.status, chat.said()) == ("completed", ["25 days."])
    assert names(model.asked[0]) == ["file_search"]
    assert model.asked[1]["messages"][-1]["content"] == "[rules.md]\nEmployees have 25 vacation days."
    assert [step.type for step in chat.steps(run)] == ["tool_calls", "message_creation"]


def test_code_is_not_offered_where_it_may_not_run(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("4"))
    assert Chat(client, tools=[{"type": "code_interpreter"}]).poll().status == "completed"
    assert names(model.asked[0]) == []


@pytest.fixture
def allowing(model: Stub) -> Iterator[openai.OpenAI]:
    with Emulator(allow_code_execution=True, responder=ChatModel(model.base_url, "small")) as emulator:
        yield emulator.client()


def test_code_runs_where_it_may_and_the_model_sees_what_it_printed(model: Stub, allowing: openai.OpenAI) -> None:
    model.answers += [calls(("code_interpreter", json.dumps({"code": "print(2 + 2)"}))), text("4.")]
    chat = Chat(allowing, tools=[{"type": "code_interpreter"}])
    run = chat.poll()
    assert (run.status, chat.said()) == ("completed", ["4."])
    assert model.asked[1]["messages"][-1]["content"] == "4\n"
    assert chat.steps(run)[0].step_details.tool_calls[0].code_interpreter.input == "print(2 + 2)"


def test_a_file_that_code_made_is_linked_below_the_models_text(model: Stub, allowing: openai.OpenAI) -> None:
    code = "open('a.csv', 'w').write('1')"
    model.answers += [calls(("code_interpreter", json.dumps({"code": code}))), text("Here.")]
    chat = Chat(allowing, tools=[{"type": "code_interpreter"}])
    with chat.runs.stream(thread_id=chat.thread_id, assistant_id=chat.assistant_id) as stream:
        (final,) = stream.get_final_messages()
    assert chat.said() == ["Here.\n\n[Download a.csv](sandbox:/mnt/data/a.csv)"]
    assert final.content[0].text.value == chat.said()[0]
    assert [note.type for note in final.content[0].text.annotations] == ["file_path"]


def test_a_run_goes_on_after_a_restart_with_what_was_called_before(model: Stub, tmp_path: Path) -> None:
    model.answers += [calls(("get_weather", CITY)), text("18 degrees.")]
    responder = ChatModel(model.base_url, "small")
    with Emulator(data_dir=tmp_path, responder=responder) as emulator:
        chat = Chat(emulator.client(), tools=[WEATHER])
        run = chat.poll()
    with Emulator(data_dir=tmp_path, responder=responder) as emulator:
        chat.client, chat.runs = emulator.client(), emulator.client().beta.threads.runs
        run = chat.submit(run, "18")
        assert (run.status, chat.said()) == ("completed", ["18 degrees."])
    assert [told["role"] for told in model.asked[1]["messages"]] == ["user", "assistant", "tool"]
    assert len(model.asked) == 2


def test_a_text_that_a_stop_interrupted_is_requested_again(model: Stub, tmp_path: Path) -> None:
    model.answers += [[delta(content="It "), HOLD], text("It is sunny.")]
    responder = ChatModel(model.base_url, "small")
    with Emulator(data_dir=tmp_path, responder=responder) as emulator:
        chat = Chat(emulator.client(), tools=[WEATHER])
        run = next(event for event in chat.create(stream=True) if event.event == "thread.run.created").data
        while not chat.steps(run):
            pass
    with Emulator(data_dir=tmp_path, responder=responder) as emulator:
        chat.client, chat.runs = emulator.client(), emulator.client().beta.threads.runs
        assert chat.wait(run).status == "completed"
        assert chat.said() == ["It is sunny."]
    assert names(model.asked[1]) == []
