"""Runs and run steps: an assistant answers a thread.

A run is created queued; everything that happens then is written by its task (`turns/task.py`), and so are all steps:
the API only reads them. One run may be active in a thread at a time, and the thread is locked meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from assistants_emulator.contract import CreateRun, CreateThreadAndRun, ListQuery, ModifyRun, NoBody, SubmitToolOutputs
from assistants_emulator.errors import InvalidState
from assistants_emulator.object_kinds import ASSISTANT, RUN, STEP
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import AUTO_TRUNCATION, given, merged_metadata, tools
from assistants_emulator.resources.lookup import page, require, require_run, require_thread
from assistants_emulator.resources.messages import add_messages, new_message
from assistants_emulator.resources.models import default_effort, require_model, require_no_sampling
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.run_states import ACTIVE, EXPIRES_AFTER, TERMINAL, active_run, enter
from assistants_emulator.resources.threads import new_thread
from assistants_emulator.resources.token_estimates import of_text
from assistants_emulator.resources.tool_resources import require_resources
from assistants_emulator.resources.unit_of_work import UnitOfWork
from assistants_emulator.runs import events, tokens
from assistants_emulator.runs.tokens import prompt_tokens
from assistants_emulator.store import Event, Object, Page

COPIED = ("model", "temperature", "top_p", "reasoning_effort", "response_format")
NO_PROMPT = "Run creation requires a Thread with a user message or an assistant with instructions."


def _new_run(context: Context, thread_id: str, body: dict[str, Any], assistant: Object) -> Object:
    """A queued run, not yet stored; keys in wire order (docs/reference/behaviour.md#token-budgets)."""
    copied = {name: assistant[name] for name in COPIED} | given(body, *COPIED)
    now = context.clock.now()
    truncation = body.get("truncation_strategy") or AUTO_TRUNCATION
    return {
        "id": context.ids.new("run"),
        "object": "thread.run",
        "created_at": now,
        "assistant_id": assistant["id"],
        "thread_id": thread_id,
        "status": "queued",
        "started_at": None,
        "expires_at": now + EXPIRES_AFTER,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": copied["model"],
        "instructions": _instructions(body, assistant),
        "tools": assistant["tools"] if body.get("tools") is None else tools(body["tools"]),
        "tool_resources": {},
        "metadata": body.get("metadata") or {},
        "temperature": float(copied["temperature"]),
        "top_p": float(copied["top_p"]),
        "reasoning_effort": copied["reasoning_effort"] or default_effort(context, copied["model"]),
        "max_completion_tokens": body.get("max_completion_tokens"),
        "max_prompt_tokens": body.get("max_prompt_tokens"),
        "truncation_strategy": {"type": truncation["type"], "last_messages": truncation.get("last_messages")},
        "incomplete_details": None,
        "usage": None,
        "response_format": copied["response_format"],
        "tool_choice": body.get("tool_choice") or "auto",
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "_tool_resources": body.get("tool_resources") or {},
    }


def create(
    context: Context,
    thread_id: str,
    body: dict[str, Any],
    include: frozenset[str] = frozenset(),
    *,
    needs_prompt: bool = True,
) -> Object:
    """Create a run. `include` names fields of its steps for the run's own stream; v1 needed no prompt."""
    require_thread(context, thread_id)
    assistant = _require_assistant(context, body)
    if (active := active_run(context, thread_id)) is not None:
        raise InvalidState(f"Thread {thread_id} already has an active run {active['id']}.")
    additional = [new_message(context, thread_id, message) for message in body.get("additional_messages") or []]
    run = {**_new_run(context, thread_id, body, assistant), "_include": sorted(include)}
    if needs_prompt:
        _require_prompt(context, run, additional)
    changes = UnitOfWork(context)
    add_messages(context, changes, additional, "additional_messages")
    return _begin(context, run, changes.puts)


def create_with_thread(context: Context, body: dict[str, Any], *, needs_prompt: bool = True) -> Object:
    assistant = _require_assistant(context, body)
    require_resources(context, body.get("tool_resources"))
    changes = UnitOfWork(context)
    thread, messages = new_thread(context, changes, body.get("thread") or {})
    run = _new_run(context, thread["id"], body, assistant)
    if needs_prompt:
        _require_prompt(context, run, messages)
    changes.commit("thread.created", thread)
    return _begin(context, run, ())


def list_(context: Context, thread_id: str, query: ListQuery) -> Page:
    require_thread(context, thread_id)
    return page(context, RUN, query, field="thread_id", parent=thread_id)


def retrieve(context: Context, thread_id: str, run_id: str) -> Object:
    return require_run(context, thread_id, run_id)


def modify(context: Context, thread_id: str, run_id: str, body: dict[str, Any]) -> Object:
    run = require_run(context, thread_id, run_id)
    if run["status"] in ACTIVE:
        raise InvalidState(f"Cannot update run with status '{run['status']}'.")
    run = {**run, "metadata": merged_metadata(run, body)}
    context.commit(Event("run.modified", run, (("runs", run),)))
    return run


def cancel(context: Context, thread_id: str, run_id: str, body: dict[str, Any]) -> Object:
    run = require_run(context, thread_id, run_id)
    if run["status"] in TERMINAL or run["status"] == "cancelling":
        raise InvalidState(f"Cannot cancel run with status '{run['status']}'.")
    run = enter(run, "cancelling", context.clock.now(), required_action=None)
    context.commit(events.run_entered(run))
    return run


def submit_tool_outputs(context: Context, thread_id: str, run_id: str, body: dict[str, Any]) -> Object:
    """Take all outputs, end the step and queue the run again, its expiry unchanged (dotnet FunctionToolsWork)."""
    run = require_run(context, thread_id, run_id)
    if run["status"] != "requires_action":
        raise InvalidState(f'Runs in status "{run["status"]}" do not accept tool outputs.')
    step = _completed_step(context, run, _require_outputs(run, body["tool_outputs"]))
    run = enter(run, "queued", context.clock.now(), required_action=None)
    if step is None:
        context.commit(events.run_entered(run))
    else:  # one commit: a kill between the two would leave a run that waits for outputs it has
        context.commit(events.step_ended(step, [("runs", run)]))
        context.commit(events.run_queued(run))
    return run


def list_steps(context: Context, thread_id: str, run_id: str, query: ListQuery, include: frozenset[str]) -> Page:
    run = require_run(context, thread_id, run_id)
    steps = page(context, STEP, query, field="run_id", parent=run_id)
    return replace(steps, items=[_step_view(step, run, include) for step in steps.items])


def retrieve_step(context: Context, thread_id: str, run_id: str, step_id: str, include: frozenset[str]) -> Object:
    run = require_run(context, thread_id, run_id)
    return _step_view(require(context, STEP, step_id, "step_id", run_id=run_id), run, include)


# Parts


def _begin(context: Context, run: Object, puts: Iterable[tuple[str, Object]]) -> Object:
    if context.hold is not None:
        run = {**run, "_stuck": context.hold.mark}
    context.commit(events.run_created(run, puts))
    context.commit(events.run_queued(run))
    return run


def _instructions(body: dict[str, Any], assistant: Object) -> str | None:
    """The request's instructions, else the assistant's; additional ones are appended on a new line."""
    instructions = body["instructions"] if body.get("instructions") is not None else assistant["instructions"]
    additional = body.get("additional_instructions")
    return "\n".join(part for part in (instructions, additional) if part) if additional else instructions


def _require_assistant(context: Context, body: dict[str, Any]) -> Object:
    assistant = require(context, ASSISTANT, body["assistant_id"], "assistant_id")
    if body.get("model") is not None:
        require_model(context, body["model"])
    require_no_sampling(context, body.get("model") or assistant["model"], body)
    return assistant


def _require_prompt(context: Context, run: Object, new_messages: Sequence[Object]) -> None:
    """400 for a run that would have nothing to answer (ruby-openai runs_create)."""
    if run["instructions"] or any(message["role"] == "user" for message in new_messages):
        return
    if context.newest("messages", "_asked_in", run["thread_id"]) is None:
        raise InvalidState(NO_PROMPT, code="invalid_thread")


def _require_outputs(run: Object, tool_outputs: list[dict[str, Any]]) -> dict[str, str]:
    """The outputs by call id; 400 unless there is one for each call that the run waits for."""
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    expected = [call["id"] for call in calls]
    got = [output.get("tool_call_id") for output in tool_outputs]
    if sorted(expected) != sorted(str(id) for id in got):
        raise InvalidState(f"Expected tool outputs for call_ids {expected}, got {got}")
    return {output["tool_call_id"]: output.get("output") or "" for output in tool_outputs}


def _completed_step(context: Context, run: Object, outputs: dict[str, str]) -> Object | None:
    """The run's open function step with its outputs; None if a state file brought the run without that step."""
    steps = reversed(context.store.of("steps", "run_id", run["id"]))
    step = next((step for step in steps if step["status"] == "in_progress"), None)
    if step is None:
        return None
    calls = [_with_output(call, outputs[call["id"]]) for call in step["step_details"]["tool_calls"]]
    completion_tokens = sum(of_text(call["function"]["name"] + call["function"]["arguments"]) for call in calls)
    return {
        **step,
        "status": "completed",
        "completed_at": context.clock.now(),
        "step_details": {"type": "tool_calls", "tool_calls": calls},
        "usage": tokens.usage(prompt_tokens(context, run), max(1, completion_tokens)),
    }


def _with_output(call: Object, output: str) -> Object:
    return {**call, "function": {**call["function"], "output": output}}


def _step_view(step: Object, run: Object, include: frozenset[str]) -> Object:
    """`expires_at` is the run's while it is under way, and null once it is over (dotnet)."""
    step = {**step, "expires_at": None} if run["status"] in TERMINAL else step
    return step if include else views.without_search_content(step)


RUN_PATH = "/threads/{thread_id}/runs/{run_id}"
STEPS_PATH = f"{RUN_PATH}/steps"
ROUTES = (
    Route("POST", "/threads/runs", create_with_thread, views.run, CreateThreadAndRun, streams=True),
    Route("POST", "/threads/{thread_id}/runs", create, views.run, CreateRun, includes=True, streams=True),
    Route("GET", "/threads/{thread_id}/runs", list_, views.run, lists=True),
    Route("GET", RUN_PATH, retrieve, views.run),
    Route("POST", RUN_PATH, modify, views.run, ModifyRun),
    Route("POST", f"{RUN_PATH}/cancel", cancel, views.run, NoBody, cancels=True),
    Route("POST", f"{RUN_PATH}/submit_tool_outputs", submit_tool_outputs, views.run, SubmitToolOutputs, streams=True),
    Route("GET", STEPS_PATH, list_steps, views.step, lists=True, includes=True),
    Route("GET", f"{STEPS_PATH}/{{step_id}}", retrieve_step, views.step, includes=True),
)
