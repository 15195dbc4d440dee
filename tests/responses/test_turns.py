"""A turn's place is its history: chains, branches, replayed items, restarts, and scripts that were replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from tests.responses.conftest import MODEL, WEATHER, Ask, outputs

from assistants_emulator import Emulator, FunctionCall, ProjectHandle, Text

CITIES = ("Oslo", "Rome")


def asks_twice(calls: list[str]) -> Any:
    """A responder that asks for two cities one after the other, and notes that it was begun."""

    def weather() -> Any:
        calls.append("begun")
        found = []
        for city in CITIES:
            (output,) = yield FunctionCall("get_weather", {"city": city})
            found.append(output)
        yield ", ".join(found)

    return weather


def test_a_responder_runs_once_over_several_responses(ask: Ask, project: ProjectHandle) -> None:
    begun: list[str] = []
    project.respond(asks_twice(begun))
    first = ask("Hi", tools=[WEATHER])
    second = ask(outputs(first, "sun"), previous_response_id=first.id, tools=[WEATHER])
    third = ask(outputs(second, "rain"), previous_response_id=second.id, tools=[WEATHER])
    assert (third.output_text, begun) == ("sun, rain", ["begun"])


def test_a_branch_goes_on_from_the_same_call(ask: Ask, project: ProjectHandle) -> None:
    begun: list[str] = []
    project.respond(asks_twice(begun))
    first = ask("Hi", tools=[WEATHER])
    second = ask(outputs(first, "sun"), previous_response_id=first.id, tools=[WEATHER])
    endings = [ask(outputs(second, each), previous_response_id=second.id, tools=[WEATHER]) for each in ("a", "b")]
    assert [ending.output_text for ending in endings] == ["sun, a", "sun, b"]
    assert begun == ["begun", "begun"]


def test_a_client_that_sends_the_whole_history_goes_on_too(ask: Ask, project: ProjectHandle) -> None:
    begun: list[str] = []
    project.respond(asks_twice(begun))
    history: list[Any] = [{"role": "user", "content": "Hi"}]
    for output in ("sun", "rain"):
        response = ask(history, tools=[WEATHER], store=False)
        history += [item.model_dump(exclude_none=True) for item in response.output] + outputs(response, output)
    assert ask(history, tools=[WEATHER], store=False).output_text == "sun, rain"
    assert begun == ["begun"]


def test_times_counts_turns_and_not_requests(ask: Ask, project: ProjectHandle) -> None:
    project.respond([FunctionCall("get_weather", {"city": "Oslo"}), Text("One")], times=1)
    project.respond("Another")
    first = ask("Hi", tools=[WEATHER])
    assert ask(outputs(first, "sun"), previous_response_id=first.id).output_text == "One"
    assert ask("Hi").output_text == "Another"


def test_a_message_of_the_user_begins_a_new_turn(ask: Ask, project: ProjectHandle) -> None:
    project.respond([FunctionCall("get_weather", {"city": "Oslo"}), Text("Old turn")], when="weather")
    project.respond("New turn", when="instead")
    first = ask("weather", tools=[WEATHER])
    sent: Any = [*outputs(first, "sun"), {"role": "user", "content": "instead"}]
    assert ask(sent, previous_response_id=first.id).output_text == "New turn"


def test_a_question_that_comes_again_before_its_outputs_begins_no_new_turn(ask: Ask, project: ProjectHandle) -> None:
    project.respond(asks_twice([]))
    question: Any = {"role": "user", "content": "Hi"}
    first = ask([question], tools=[WEATHER])
    both = [question, *outputs(first, "sun")]
    second = ask(both, previous_response_id=first.id, tools=[WEATHER])
    third = ask([*both, *outputs(second, "rain")], previous_response_id=second.id, tools=[WEATHER])
    assert third.output_text == "sun, rain"
    assert project.transcript(third.id).count("user: Hi") == 1


def test_a_history_that_no_responder_made_is_taken_as_said(ask: Ask, project: ProjectHandle) -> None:
    project.respond(lambda turn: f"Heard {turn.outputs[0]}")
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "sun"}
    assert ask([{"role": "user", "content": "Hi"}, call, output]).output_text == "Heard sun"


def test_a_script_that_was_replaced_goes_on_with_the_outputs(ask: Ask, project: ProjectHandle) -> None:
    call = {"function_call": {"name": "get_weather", "arguments": {"city": "Oslo"}}}
    project.load_script({"version": 1, "replies": [{"do": [call, {"text": "Never"}]}]})
    first = ask("Hi", tools=[WEATHER])
    project.load_script({"version": 1, "replies": [{"do": [{"text": "Now {outputs[0]}"}]}]})
    assert ask(outputs(first, "sun"), previous_response_id=first.id).output_text == "Now sun"


def test_a_turn_goes_on_after_a_restart(tmp_path: Path) -> None:
    begun: list[str] = []
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        emulator.respond(asks_twice(begun))
        first: Any = client.responses.create(model=MODEL, input="Hi", tools=[WEATHER])
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        emulator.respond(asks_twice(begun))
        second: Any = client.responses.create(
            model=MODEL, input=outputs(first, "sun"), previous_response_id=first.id, tools=[WEATHER]
        )
    assert second.output[0].arguments == '{"city":"Rome"}'


def test_an_output_needs_its_call(ask: Ask) -> None:
    output: Any = {"type": "function_call_output", "call_id": "call_x", "output": "sun"}
    with pytest.raises(openai.BadRequestError, match="No tool call found for function call output with call_id call_x"):
        ask([output])


def test_a_call_needs_its_output(ask: Ask, project: ProjectHandle) -> None:
    project.respond(FunctionCall("get_weather", {"city": "Oslo"}))
    first = ask("Hi", tools=[WEATHER])
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call call_"):
        ask("And now?", previous_response_id=first.id)


def test_a_reference_stands_for_its_item(ask: Ask, project: ProjectHandle) -> None:
    (message,) = ask("Hi").output
    project.respond(lambda turn: turn.messages[0].text)
    sent: Any = [{"type": "item_reference", "id": message.id}, {"role": "user", "content": "Again"}]
    assert ask(sent).output_text == "Echo: Hi"


def test_a_reference_to_what_was_not_stored_is_not_found(ask: Ask) -> None:
    (message,) = ask("Hi", store=False).output
    sent: Any = [{"type": "item_reference", "id": message.id}, {"role": "user", "content": "Again"}]
    with pytest.raises(openai.NotFoundError, match="Items are not persisted when `store` is set to false"):
        ask(sent)
