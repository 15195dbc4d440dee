"""Run steps: the messages and tool calls of a run, in order."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import CodeInterpreter, Fail, FunctionCall, Pause, ProjectHandle, Text
from assistants_emulator.clock import MANUAL_START

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


@pytest.fixture
def steps(client: openai.OpenAI) -> Any:
    """The steps of a run, oldest first."""
    return lambda run: client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data


def test_a_step_has_its_keys_in_wire_order(wire: httpx2.Client, ask: Any) -> None:
    run = ask("Hello")
    (step,) = wire.get(f"/threads/{run.thread_id}/runs/{run.id}/steps").json()["data"]
    (message, _) = wire.get(f"/threads/{run.thread_id}/messages").json()["data"]
    assert step.pop("id").startswith("step_")
    assert step.pop("usage")["total_tokens"] > 0
    assert step == {
        "object": "thread.run.step",
        "created_at": MANUAL_START,
        "run_id": run.id,
        "assistant_id": run.assistant_id,
        "thread_id": run.thread_id,
        "type": "message_creation",
        "status": "completed",
        "cancelled_at": None,
        "completed_at": MANUAL_START,
        "expires_at": None,
        "failed_at": None,
        "last_error": None,
        "step_details": {"type": "message_creation", "message_creation": {"message_id": message["id"]}},
    }


def test_a_step_expires_with_its_active_run(project: ProjectHandle, ask: Any, settled: Any, steps: Any) -> None:
    project.respond(FunctionCall("f"))
    run = settled(ask())
    (step,) = steps(run)
    assert step.expires_at == run.expires_at == MANUAL_START + 600


def test_a_code_interpreter_step_is_completed_and_a_message_step_follows(
    project: ProjectHandle, ask: Any, steps: Any
) -> None:
    project.respond([CodeInterpreter("1 + 1", logs="2"), Text("2")])
    first, second = steps(ask())
    (call,) = first.step_details.tool_calls
    assert call.id.startswith("call_")
    shown = {"input": "1 + 1", "outputs": [{"type": "logs", "logs": "2"}]}
    assert call.to_dict() == {"id": call.id, "type": "code_interpreter", "code_interpreter": shown}
    assert (first.status, second.type) == ("completed", "message_creation")


def test_code_without_logs_has_no_outputs(project: ProjectHandle, ask: Any, steps: Any) -> None:
    project.respond(CodeInterpreter("x = 1"))
    (step,) = steps(ask())
    assert step.step_details.tool_calls[0].code_interpreter.outputs == []


def test_a_function_step_stays_in_progress_until_its_outputs_come(project: ProjectHandle, ask: Any, steps: Any) -> None:
    project.respond(FunctionCall("f", {"a": 1}))
    (step,) = steps(ask())
    (call,) = step.step_details.tool_calls
    assert (step.status, step.completed_at, step.usage) == ("in_progress", None, None)
    assert call.function.to_dict() == {"name": "f", "arguments": '{"a":1}', "output": None}


def test_a_function_step_shows_its_output_after_submission(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any, steps: Any
) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    run = settled(ask())
    outputs: Any = [{"tool_call_id": "call_1", "output": "42"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
    step = steps(run)[0]
    assert (step.status, step.completed_at, step.usage.completion_tokens > 0) == ("completed", MANUAL_START, True)
    assert step.step_details.tool_calls[0].function.output == "42"


def test_the_message_that_a_step_made_can_be_retrieved(client: openai.OpenAI, ask: Any, steps: Any) -> None:
    run = ask("Hello")
    (step,) = steps(run)
    message_id = step.step_details.message_creation.message_id
    message = client.beta.threads.messages.retrieve(message_id, thread_id=run.thread_id)
    assert message.content[0].text.value == "Echo: Hello"


def test_every_finished_step_has_completed_at(project: ProjectHandle, ask: Any, steps: Any) -> None:
    project.respond([CodeInterpreter("1"), Text("one"), CodeInterpreter("2"), Text("two")])
    found = steps(ask())
    assert [step.completed_at for step in found] == [MANUAL_START] * 4
    assert [step.type for step in found] == ["tool_calls", "message_creation"] * 2


def test_the_newest_step_is_listed_first(project: ProjectHandle, client: openai.OpenAI, ask: Any, steps: Any) -> None:
    project.respond(["One", "Two"])
    run = ask()
    newest_first = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
    assert newest_first == steps(run)[::-1]


def test_a_retrieved_step_is_the_listed_one(client: openai.OpenAI, ask: Any, steps: Any) -> None:
    run = ask()
    (step,) = steps(run)
    assert client.beta.threads.runs.steps.retrieve(step.id, thread_id=run.thread_id, run_id=run.id) == step


def test_a_run_without_steps_has_an_empty_list_of_them(project: ProjectHandle, wire: httpx2.Client, ask: Any) -> None:
    project.respond(Pause())
    run = ask()
    body = wire.get(f"/threads/{run.thread_id}/runs/{run.id}/steps").json()
    assert body == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_an_unknown_run_step_is_not_found(refused: Any, ask: Any) -> None:
    run = ask()
    answer = refused("GET", f"/threads/{run.thread_id}/runs/{run.id}/steps/step_123")
    message = "No run step found with id 'step_123'."
    assert answer == (404, {"message": message, "type": "invalid_request_error", "param": None, "code": None})


def test_a_step_is_not_found_in_another_run(refused: Any, ask: Any, steps: Any) -> None:
    first, second = ask("One"), ask("Two")
    (step,) = steps(first)
    status, error = refused("GET", f"/threads/{second.thread_id}/runs/{second.id}/steps/{step.id}")
    assert (status, error["message"]) == (404, f"No run step found with id '{step.id}'.")


@pytest.mark.parametrize("query", [f"include[]={CONTENT}", f"include%5B%5D={CONTENT.replace('*', '%2A')}"])
def test_include_is_taken_encoded_or_not(wire: httpx2.Client, ask: Any, query: str) -> None:
    run = ask()
    assert wire.get(f"/threads/{run.thread_id}/runs/{run.id}/steps?{query}").status_code == 200


def test_an_unknown_include_is_refused(refused: Any, ask: Any) -> None:
    run = ask()
    status, error = refused("GET", f"/threads/{run.thread_id}/runs/{run.id}/steps?include[]=x")
    assert (status, error["message"]) == (400, f"Invalid value: 'x'. Supported values are: '{CONTENT}'.")


def test_a_failing_run_keeps_its_finished_steps(project: ProjectHandle, ask: Any, steps: Any) -> None:
    project.respond([Text("Half"), Fail("server_error", "Sorry.")])
    run = ask()
    (step,) = steps(run)
    assert (step.status, step.last_error) == ("completed", None)


def test_cancelling_cancels_the_open_step(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any, steps: Any
) -> None:
    project.respond(FunctionCall("f"))
    run = settled(ask())
    client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    (step,) = steps(run)
    assert (step.status, step.cancelled_at, step.completed_at) == ("cancelled", MANUAL_START, None)
