"""Function calls: a run requires action, receives its outputs and continues."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from assistants_emulator import FunctionCall, ProjectHandle, Text
from assistants_emulator.clock import MANUAL_START

STATE_ERROR = {"type": "invalid_request_error", "param": None, "code": None}


def output(call_id: str, value: str) -> Any:
    return {"tool_call_id": call_id, "output": value}


@pytest.fixture
def submit(client: openai.OpenAI) -> Any:
    """`submit(run, *outputs)`: the run as it was answered."""
    return lambda run, *outputs: client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=run.thread_id, tool_outputs=outputs
    )


@pytest.fixture
def weather(project: ProjectHandle) -> None:
    @project.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (answer,) = yield FunctionCall("get_weather", {"city": turn.match["city"]}, id="call_1")
        yield Text(f"{turn.match['city']}: {answer}")


@pytest.mark.usefixtures("weather")
def test_a_run_with_a_function_call_says_what_action_it_requires(ask: Any, settled: Any) -> None:
    run = settled(ask("the weather in Oslo"))
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    assert (run.status, run.usage, run.expires_at) == ("requires_action", None, MANUAL_START + 600)
    assert run.required_action.to_dict() == action


@pytest.mark.usefixtures("weather")
def test_submitted_outputs_reach_the_responder(ask: Any, settled: Any, submit: Any, texts: Any) -> None:
    run = settled(ask("the weather in Oslo"))
    submit(run, output("call_1", "15 C"))
    assert texts(run.thread_id) == ["the weather in Oslo", "Oslo: 15 C"]


@pytest.mark.usefixtures("weather")
def test_submitting_outputs_answers_a_queued_run(project: ProjectHandle, ask: Any, settled: Any, submit: Any) -> None:
    run = settled(ask("the weather in Oslo"))
    project.clock.advance(5)
    queued = submit(run, output("call_1", "15 C"))
    assert queued.to_dict() == {**run.to_dict(), "status": "queued", "required_action": None}
    assert settled(run).started_at == MANUAL_START + 5


@pytest.mark.usefixtures("weather")
def test_after_a_submit_the_old_requires_action_is_never_read(ask: Any, settled: Any, submit: Any) -> None:
    run = settled(ask("the weather in Oslo"))
    submit(run, output("call_1", "15 C"))
    assert (settled(run).status, settled(run).required_action) == ("completed", None)


def test_parallel_calls_are_required_at_once(project: ProjectHandle, ask: Any, settled: Any, submit: Any) -> None:
    @project.respond
    def both(turn: Any) -> Any:
        a, b = yield [FunctionCall("f", id="call_a"), FunctionCall("g", id="call_b")]
        yield Text(f"{a}, {b}")

    run = settled(ask())
    assert [call.id for call in run.required_action.submit_tool_outputs.tool_calls] == ["call_a", "call_b"]
    submit(run, output("call_b", "2"), output("call_a", "1"))
    assert project.transcript(run.thread_id).endswith("assistant: 1, 2\nrun completed\n")


def test_calls_one_after_another_require_action_twice(
    project: ProjectHandle, ask: Any, settled: Any, submit: Any
) -> None:
    project.respond([FunctionCall("f", id="call_a"), FunctionCall("g", id="call_b"), Text("done")])
    run = settled(ask())
    submit(run, output("call_a", "1"))
    assert settled(run).required_action.submit_tool_outputs.tool_calls[0].id == "call_b"
    submit(run, output("call_b", "2"))
    assert settled(run).status == "completed"


def test_a_call_without_arguments_has_an_empty_object(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond(FunctionCall("now"))
    (call,) = settled(ask()).required_action.submit_tool_outputs.tool_calls
    assert (call.type, call.function.arguments) == ("function", "{}")


def test_generated_call_ids_look_like_the_apis(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond([[FunctionCall("f"), FunctionCall("f")]])
    one, two = settled(ask()).required_action.submit_tool_outputs.tool_calls
    assert [len(call.id.removeprefix("call_")) for call in (one, two)] == [24, 24]
    assert one.id != two.id


WRONG_OUTPUTS = {
    "some ids missing": (["call_a"], "['call_a', 'call_b'], got ['call_a']"),
    "unknown ids": (["call_a", "call_x"], "['call_a', 'call_b'], got ['call_a', 'call_x']"),
    "extra ids": (["call_a", "call_b", "call_c"], "['call_a', 'call_b'], got ['call_a', 'call_b', 'call_c']"),
    "an id twice": (["call_a", "call_a"], "['call_a', 'call_b'], got ['call_a', 'call_a']"),
    "none": ([], "['call_a', 'call_b'], got []"),
}


@pytest.mark.parametrize(("sent", "told"), WRONG_OUTPUTS.values(), ids=WRONG_OUTPUTS)
def test_outputs_that_are_not_exactly_those_asked_for_are_refused(
    project: ProjectHandle, ask: Any, settled: Any, refused: Any, sent: list[str], told: str
) -> None:
    project.respond([[FunctionCall("f", id="call_a"), FunctionCall("g", id="call_b")]])
    run = settled(ask())
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    answer = refused("POST", path, json={"tool_outputs": [output(id, "1") for id in sent]})
    assert answer == (400, {**STATE_ERROR, "message": f"Expected tool outputs for call_ids {told}"})


def test_refused_outputs_leave_the_run_waiting(project: ProjectHandle, ask: Any, settled: Any, submit: Any) -> None:
    project.respond(FunctionCall("f", id="call_1"))
    run = settled(ask())
    with pytest.raises(openai.BadRequestError):
        submit(run, output("call_x", "1"))
    assert settled(run) == run


def test_a_null_output_is_an_empty_one(project: ProjectHandle, ask: Any, settled: Any, submit: Any) -> None:
    project.respond(FunctionCall("f", id="call_1"))
    run = settled(ask())
    submit(run, {"tool_call_id": "call_1", "output": None})
    assert project.transcript(run.thread_id) == "user: Hello\nfunction f({}) -> \nrun completed\n"


def test_submit_and_poll_comes_back_completed(project: ProjectHandle, client: openai.OpenAI, ask: Any) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    run = ask()
    polled = client.beta.threads.runs.poll(run.id, thread_id=run.thread_id)
    assert polled.status == "requires_action"
    done = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[output("call_1", "1")]
    )
    assert done.status == "completed"
