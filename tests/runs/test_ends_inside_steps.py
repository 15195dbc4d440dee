"""Runs that end in the middle of a text or of a function call, as scripts say it."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from assistants_emulator import Cancel, Expire, Fail, FunctionCall, Incomplete, ProjectHandle, Text
from assistants_emulator.errors import ScriptError

BEGUN = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
STEP = ["thread.run.step.created", "thread.run.step.in_progress"]
MESSAGE = [*BEGUN, *STEP, "thread.message.created", "thread.message.in_progress", "thread.message.delta"]
CALLS = [*BEGUN, *STEP, "thread.run.step.delta"]
FAILED = {"code": "rate_limit_exceeded", "message": "Slow down."}
TEXT_ENDS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "failed": (
        {"fail": FAILED},
        "run_failed",
        ["thread.message.incomplete", "thread.run.step.failed", "thread.run.failed"],
    ),
    "expired": (
        {"expire": True},
        "run_expired",
        ["thread.message.incomplete", "thread.run.step.expired", "thread.run.expired"],
    ),
    "cancelled": (
        {"cancel": True},
        "run_cancelled",
        ["thread.run.cancelling", "thread.message.incomplete", "thread.run.step.cancelled", "thread.run.cancelled"],
    ),
    "incomplete": (
        {"incomplete": "content_filter"},
        "content_filter",
        ["thread.message.incomplete", "thread.run.step.completed", "thread.run.incomplete"],
    ),
}
CALL_ENDS = {
    "failed": ({"fail": FAILED}, ["thread.run.step.failed", "thread.run.failed"]),
    "expired": ({"expire": True}, ["thread.run.step.expired", "thread.run.expired"]),
    "cancelled": ({"cancel": True}, ["thread.run.cancelling", "thread.run.step.cancelled", "thread.run.cancelled"]),
}

text_ends = pytest.mark.parametrize(("then", "reason", "events"), TEXT_ENDS.values(), ids=TEXT_ENDS)


def script(action: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "replies": [{"do": [action]}]}


@text_ends
def test_a_script_ends_a_run_in_the_middle_of_a_text(
    project: ProjectHandle, asking: Any, then: dict[str, Any], reason: str, events: list[str]
) -> None:
    project.load_script(script({"text": {"value": "Half a", "then": then}}))
    assert asking.names() == [*MESSAGE, *events]


@text_ends
def test_an_unfinished_text_is_stored_as_far_as_it_came(
    project: ProjectHandle, asking: Any, then: dict[str, Any], reason: str, events: list[str]
) -> None:
    project.load_script(script({"text": {"value": "Half a", "then": then}}))
    asking.poll()
    (message,) = [message for message in project.state()["messages"] if message["role"] == "assistant"]
    assert (message["status"], message["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert message["content"][0]["text"]["value"] == "Half a"


def test_a_step_that_fails_has_the_runs_error(project: ProjectHandle, asking: Any) -> None:
    project.load_script(script({"text": {"value": "Half a", "then": {"fail": FAILED}}}))
    run = asking.poll()
    (step,) = asking.steps(run.id)
    assert (step.status, step.last_error.to_dict(), run.last_error.to_dict()) == ("failed", FAILED, FAILED)
    assert (step.failed_at, step.completed_at) == (run.failed_at, None)


@pytest.mark.parametrize(("then", "events"), CALL_ENDS.values(), ids=CALL_ENDS)
def test_a_script_ends_a_run_while_it_writes_calls(
    project: ProjectHandle, asking: Any, then: dict[str, Any], events: list[str]
) -> None:
    calls = [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "then": then}]
    project.load_script(script({"function_calls": calls}))
    assert asking.names() == [*CALLS, *events]


def test_calls_that_were_never_answered_keep_null_outputs(project: ProjectHandle, asking: Any) -> None:
    project.load_script(script({"function_calls": [{"name": "f", "then": {"fail": FAILED}}, {"name": "g"}]}))
    (step,) = asking.steps(asking.poll().id)
    assert [call.function.name for call in step.step_details.tool_calls] == ["f", "g"]
    assert [call.function.output for call in step.step_details.tool_calls] == [None, None]


@pytest.mark.parametrize(("then", "events"), CALL_ENDS.values(), ids=CALL_ENDS)
def test_a_script_ends_a_run_while_its_calls_wait(
    project: ProjectHandle, asking: Any, then: dict[str, Any], events: list[str]
) -> None:
    project.load_script(script({"function_call": {"name": "f", "then": then, "after": 30}}))
    run = asking.poll()
    assert (run.status, asking.step_statuses(run.id)) == ("requires_action", ["in_progress"])
    project.clock.advance(29)
    assert asking.retrieve(run.id).status == "requires_action"
    project.clock.advance(1)
    status = events[-1].removeprefix("thread.run.")
    assert (asking.retrieve(run.id).status, asking.step_statuses(run.id)) == (status, [status])
    assert asking.retrieve(run.id).required_action is None


def test_outputs_that_come_in_time_let_the_run_go_on(project: ProjectHandle, asking: Any) -> None:
    project.respond([FunctionCall("f", id="call_1", then=Fail(), after=30), Text("In time.")])
    run = asking.poll()
    outputs = [{"tool_call_id": "call_1", "output": "1"}]
    asking.beta.threads.runs.submit_tool_outputs(run.id, thread_id=asking.thread_id, tool_outputs=outputs)
    project.clock.advance(60)
    assert asking.retrieve(run.id).status == "completed"


def test_outputs_that_come_too_late_are_refused(project: ProjectHandle, asking: Any) -> None:
    project.respond(FunctionCall("f", id="call_1", then=Expire(), after=30))
    run = asking.poll()
    project.clock.advance(30)
    with pytest.raises(openai.BadRequestError, match='Runs in status "expired" do not accept tool outputs'):
        asking.beta.threads.runs.submit_tool_outputs(run.id, thread_id=asking.thread_id, tool_outputs=[])


def test_a_message_of_the_failure_is_filled_in(project: ProjectHandle, asking: Any) -> None:
    project.load_script(script({"text": {"value": "Half a", "then": {"fail": {"message": "Not {message}."}}}}))
    assert asking.poll().last_error.message == "Not Hello."


def test_a_run_cancels_itself_between_two_texts(project: ProjectHandle, asking: Any) -> None:
    project.respond([Text("So far."), Cancel()])
    assert asking.names()[-2:] == ["thread.run.cancelling", "thread.run.cancelled"]


def test_python_says_the_same_by_then(project: ProjectHandle, asking: Any) -> None:
    project.respond(Text("Half a", then=Incomplete("content_filter")))
    assert asking.poll().incomplete_details.reason == "content_filter"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Text("a", then=Text("b")), "Text.then must be Fail, Incomplete, Expire or Cancel"),
        (lambda: FunctionCall("f", then=Incomplete()), "FunctionCall.then must be Fail, Expire or Cancel"),
        (lambda: FunctionCall("f", after=5), "FunctionCall.after belongs to `then`"),
    ],
)
def test_a_wrong_then_is_a_mistake(make: Any, problem: str) -> None:
    with pytest.raises(ScriptError, match=problem):
        make()
