"""Runs: create, defaults from the assistant, modify, cancel."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Expire, Fail, FunctionCall, Incomplete, Pause, ProjectHandle, Text
from assistants_emulator.clock import MANUAL_START

STATE_ERROR = {"type": "invalid_request_error", "param": None, "code": None}
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 3,
    "total_tokens": 13,
    "prompt_token_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
FUNCTION: Any = {"type": "function", "function": {"name": "Weather-get_weather"}}


def created_run(thread_id: str, assistant_id: str) -> dict[str, Any]:
    """A new run of the fixtures' assistant, without its id."""
    return {
        "object": "thread.run",
        "created_at": MANUAL_START,
        "assistant_id": assistant_id,
        "thread_id": thread_id,
        "status": "queued",
        "started_at": None,
        "expires_at": MANUAL_START + 600,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": "gpt-4o",
        "instructions": "Answer briefly.",
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "incomplete_details": None,
        "usage": None,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }


def test_create_returns_a_queued_run(wire: httpx2.Client, assistant: Any, thread: Any) -> None:
    body = wire.post(f"/threads/{thread.id}/runs", json={"assistant_id": assistant.id}).json()
    assert body.pop("id").startswith("run_")
    assert body == created_run(thread.id, assistant.id)


def test_a_completed_run_has_usage_and_no_expiry(wire: httpx2.Client, ask: Any) -> None:
    run = ask("Hello")
    assert wire.get(f"/threads/{run.thread_id}/runs/{run.id}").json() == {
        "id": run.id,
        **created_run(run.thread_id, run.assistant_id),
        "status": "completed",
        "started_at": MANUAL_START,
        "expires_at": None,
        "completed_at": MANUAL_START,
        "usage": USAGE,
    }


@pytest.mark.parametrize(
    "field",
    [
        *("model", "instructions", "additional_instructions", "additional_messages", "tools", "metadata"),
        *("temperature", "top_p", "tool_choice", "truncation_strategy", "response_format", "reasoning_effort"),
        *("max_prompt_tokens", "max_completion_tokens", "parallel_tool_calls", "stream"),
    ],
)
def test_a_null_is_the_default(wire: httpx2.Client, assistant: Any, thread: Any, field: str) -> None:
    body = wire.post(f"/threads/{thread.id}/runs", json={"assistant_id": assistant.id, field: None}).json()
    assert body == {"id": body["id"], **created_run(thread.id, assistant.id)}


def test_a_run_overrides_its_assistant(ask: Any) -> None:
    overrides: dict[str, Any] = {
        "model": "gpt-4.1",
        "instructions": "Be rude.",
        "metadata": {"agent": "7"},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_completion_tokens": 500,
        "max_prompt_tokens": 16,
        "response_format": {"type": "json_object"},
        "tool_choice": "none",
        "parallel_tool_calls": False,
        "truncation_strategy": {"type": "last_messages", "last_messages": 3},
    }
    run = ask(**overrides).to_dict()
    assert {name: run[name] for name in overrides} == overrides


def test_functions_may_be_given_by_the_run_alone(ask: Any) -> None:
    function = {**FUNCTION["function"], "parameters": {"type": "object", "properties": {}}, "strict": False}
    assert [tool.to_dict() for tool in ask(tools=[FUNCTION]).tools] == [{"type": "function", "function": function}]


def test_empty_tools_of_a_run_replace_the_assistants(client: openai.OpenAI, thread: Any) -> None:
    assistant = client.beta.assistants.create(model="gpt-4o", instructions="Help.", tools=[FUNCTION])
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, tools=[])
    assert run.tools == []


def test_additional_instructions_are_appended(ask: Any) -> None:
    run = ask(additional_instructions="Call me Jane.")
    assert run.instructions == "Answer briefly.\nCall me Jane."


def test_empty_additional_instructions_add_nothing(ask: Any) -> None:
    assert ask(additional_instructions="", additional_messages=[]).instructions == "Answer briefly."


def test_additional_messages_join_the_thread_before_the_answer(
    client: openai.OpenAI, assistant: Any, thread: Any, texts: Any
) -> None:
    more: Any = [{"role": "assistant", "content": "Well?"}, {"role": "user", "content": "Two"}]
    client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, additional_messages=more)
    assert texts(thread.id) == ["Well?", "Two", "Echo: Two"]


def test_values_copied_from_the_assistant_do_not_change_with_it(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    run = ask()
    client.beta.assistants.update(run.assistant_id, instructions="Other.", model="gpt-4.1")
    assert (settled(run).instructions, settled(run).model) == ("Answer briefly.", "gpt-4o")


def test_create_and_run_makes_thread_messages_and_run(client: openai.OpenAI, assistant: Any, texts: Any) -> None:
    thread: Any = {"messages": [{"role": "user", "content": "Hi", "metadata": None}], "metadata": {"a": "b"}}
    run = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)
    assert client.beta.threads.retrieve(run.thread_id).metadata == {"a": "b"}
    assert texts(run.thread_id) == ["Hi", "Echo: Hi"]


@pytest.mark.parametrize("field", ["thread", "tool_resources", "instructions", "tools", "metadata", "stream"])
def test_a_null_in_create_and_run_is_the_default(wire: httpx2.Client, assistant: Any, field: str) -> None:
    body = wire.post("/threads/runs", json={"assistant_id": assistant.id, field: None}).json()
    assert body == {"id": body["id"], **created_run(body["thread_id"], assistant.id)}


def test_the_newest_run_is_listed_first(client: openai.OpenAI, ask: Any) -> None:
    made = [ask(said) for said in "abc"]
    listed = client.beta.threads.runs.list(made[0].thread_id)
    assert [run.id for run in listed] == [run.id for run in made[::-1]]


def test_a_run_without_a_user_message_or_instructions_is_refused(
    client: openai.OpenAI, thread: Any, refused: Any
) -> None:
    assistant = client.beta.assistants.create(model="gpt-4o")
    message = "Run creation requires a Thread with a user message or an assistant with instructions."
    for sent in ({}, {"stream": True}):
        answer = refused("POST", f"/threads/{thread.id}/runs", json={"assistant_id": assistant.id, **sent})
        assert answer == (400, {**STATE_ERROR, "message": message, "code": "invalid_thread"})


@pytest.mark.parametrize("path", ["/threads/{thread}/runs", "/threads/runs"])
def test_a_run_of_an_unknown_assistant_is_not_found(refused: Any, thread: Any, path: str) -> None:
    answer = refused("POST", path.format(thread=thread.id), json={"assistant_id": "asst_x"})
    assert answer == (404, {**STATE_ERROR, "message": "No assistant found with id 'asst_x'."})


def test_a_run_of_an_unknown_thread_is_not_found(refused: Any, assistant: Any) -> None:
    answer = refused("POST", "/threads/thread_x/runs", json={"assistant_id": assistant.id})
    assert answer == (404, {**STATE_ERROR, "message": "No thread found with id 'thread_x'."})


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("GET", "", None),
        ("POST", "", {}),
        ("POST", "/cancel", None),
        ("GET", "/steps", None),
        ("POST", "/submit_tool_outputs", {"tool_outputs": []}),
    ],
)
def test_an_unknown_run_is_not_found(refused: Any, thread: Any, method: str, below: str, body: Any) -> None:
    answer = refused(method, f"/threads/{thread.id}/runs/run_x{below}", json=body)
    assert answer == (404, {**STATE_ERROR, "message": "No run found with id 'run_x'."})


def test_create_and_run_needs_something_to_answer(client: openai.OpenAI, refused: Any) -> None:
    assistant = client.beta.assistants.create(model="gpt-4o")
    status, error = refused("POST", "/threads/runs", json={"assistant_id": assistant.id})
    assert (status, error["code"]) == (400, "invalid_thread")


def test_a_finished_run_may_be_modified(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    run = settled(ask(metadata={"a": "1"}))
    modified = client.beta.threads.runs.update(run.id, thread_id=run.thread_id, metadata={"b": "2"})
    assert modified.to_dict() == {**run.to_dict(), "metadata": {"a": "1", "b": "2"}}


def test_an_active_run_may_not_be_modified(project: ProjectHandle, ask: Any, refused: Any) -> None:
    project.respond(Pause())
    run = ask()
    answer = refused("POST", f"/threads/{run.thread_id}/runs/{run.id}", json={"metadata": {"a": "b"}})
    assert answer == (400, {**STATE_ERROR, "message": "Cannot update run with status 'in_progress'."})


def test_parameters_are_looked_at_before_the_runs_state(project: ProjectHandle, ask: Any, refused: Any) -> None:
    project.respond(Pause())
    run = ask()
    status, error = refused("POST", f"/threads/{run.thread_id}/runs/{run.id}", json={"metadata": {"a": True}})
    assert (status, error["code"]) == (400, "invalid_type")


ENDS = [
    ("completed", "Done."),
    ("failed", Fail()),
    ("incomplete", Incomplete()),
    ("expired", Expire()),
]


@pytest.mark.parametrize(("status", "reply"), ENDS, ids=[status for status, _ in ENDS])
def test_a_finished_run_cannot_be_cancelled(
    project: ProjectHandle, ask: Any, settled: Any, refused: Any, status: str, reply: object
) -> None:
    project.respond(reply)
    run = settled(ask())
    answer = refused("POST", f"/threads/{run.thread_id}/runs/{run.id}/cancel")
    assert answer == (400, {**STATE_ERROR, "message": f"Cannot cancel run with status '{status}'."})


@pytest.mark.parametrize(("status", "reply"), ENDS, ids=[status for status, _ in ENDS])
def test_a_finished_run_takes_no_outputs(
    project: ProjectHandle, ask: Any, refused: Any, status: str, reply: object
) -> None:
    project.respond(reply)
    run = ask()
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    answer = refused("POST", path, json={"tool_outputs": [{"tool_call_id": "call_x", "output": "1"}]})
    assert answer == (400, {**STATE_ERROR, "message": f'Runs in status "{status}" do not accept tool outputs.'})


def test_a_run_in_progress_takes_no_outputs(project: ProjectHandle, ask: Any, refused: Any) -> None:
    project.respond(Pause())
    run = ask()
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    answer = refused("POST", path, json={"tool_outputs": [{"tool_call_id": "call_x", "output": "1"}]})
    assert answer == (400, {**STATE_ERROR, "message": 'Runs in status "in_progress" do not accept tool outputs.'})


def test_an_active_run_is_cancelling_and_then_cancelled(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any
) -> None:
    project.respond(Pause())
    run = settled(ask())
    cancelling = client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    assert cancelling.to_dict() == {**run.to_dict(), "status": "cancelling"}
    cancelled = {**run.to_dict(), "status": "cancelled", "cancelled_at": MANUAL_START, "expires_at": None}
    assert {**settled(run).to_dict(), "usage": None} == cancelled


def test_token_budgets_below_256_are_accepted(ask: Any) -> None:
    assert ask(max_completion_tokens=16).max_completion_tokens == 16


def test_a_failed_run_shows_its_last_error(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond(Fail("rate_limit_exceeded", "Rate limit is exceeded. Try again in 60 seconds."))
    run = settled(ask())
    assert (run.status, run.failed_at, run.expires_at) == ("failed", MANUAL_START, None)
    assert run.last_error.to_dict() == {
        "code": "rate_limit_exceeded",
        "message": "Rate limit is exceeded. Try again in 60 seconds.",
    }


@pytest.mark.parametrize("reason", ["max_completion_tokens", "max_prompt_tokens", "content_filter"])
def test_a_run_that_is_cut_short_says_why_it_is_incomplete(
    project: ProjectHandle, ask: Any, settled: Any, reason: str
) -> None:
    project.respond(["Half a", Incomplete(reason)])
    run = settled(ask())
    assert (run.status, run.incomplete_details.reason) == ("incomplete", reason)


def test_usage_of_a_run_is_the_sum_of_its_steps(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any
) -> None:
    project.respond(["One", "Two"])
    run = settled(ask())
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
    assert run.usage.prompt_tokens == sum(step.usage.prompt_tokens for step in steps) > 0
    assert run.usage.completion_tokens == sum(step.usage.completion_tokens for step in steps) > 0


def test_two_threads_may_have_runs_at_once(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any
) -> None:
    project.respond([FunctionCall("f"), Text("done")], when="first")
    waiting = settled(ask("first"))
    project.respond("Hello")
    other = client.beta.threads.create_and_run(
        assistant_id=waiting.assistant_id, thread={"messages": [{"role": "user", "content": "second"}]}
    )
    assert (settled(other).status, settled(waiting).status) == ("completed", "requires_action")
