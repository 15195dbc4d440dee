"""Runs: an assistant answering a thread. Created queued; what happens then is the engine's business."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulator.context import Context
from emulator.contract import CreateRun, CreateThreadAndRun, ListQuery, ModifyRun, NoBody, SubmitToolOutputs
from emulator.errors import InvalidState
from emulator.resources import views
from emulator.resources.attachments import add_messages
from emulator.resources.fields import merged_metadata
from emulator.resources.listing import page
from emulator.resources.lookup import RUN, require_run, require_thread
from emulator.resources.messages import new_message
from emulator.resources.new_run import new_run, require_assistant, require_prompt
from emulator.resources.route import Route
from emulator.resources.threads import new_thread
from emulator.resources.tool_outputs import finished_step, require_outputs
from emulator.resources.tool_resources import require_resources
from emulator.resources.vector_store_changes import Changes
from emulator.runs import events
from emulator.runs.active import active_run
from emulator.runs.lifecycle import ACTIVE, TERMINAL, enter
from emulator.store import Event, Object, Page


def create(
    context: Context,
    thread_id: str,
    body: dict[str, Any],
    include: frozenset[str] = frozenset(),
    *,
    needs_prompt: bool = True,
) -> Object:
    """`include` is what the run's own stream shows of its steps beyond the default; v1 needed no prompt."""
    require_thread(context, thread_id)
    assistant = require_assistant(context, body)
    if (active := active_run(context, thread_id)) is not None:
        raise InvalidState(f"Thread {thread_id} already has an active run {active['id']}.")
    added = [new_message(context, thread_id, sent) for sent in body.get("additional_messages") or []]
    run = {**new_run(context, thread_id, body, assistant), "_include": sorted(include)}
    if needs_prompt:
        require_prompt(context, run, added)
    changes = Changes(context)
    add_messages(context, changes, added, "additional_messages")
    return _begin(context, run, changes.puts)


def create_with_thread(context: Context, body: dict[str, Any], *, needs_prompt: bool = True) -> Object:
    assistant = require_assistant(context, body)
    require_resources(context, body.get("tool_resources"))
    changes = Changes(context)
    thread, messages = new_thread(context, changes, body.get("thread") or {})
    run = new_run(context, thread["id"], body, assistant)
    if needs_prompt:
        require_prompt(context, run, messages)
    changes.commit("thread.created", thread)
    return _begin(context, run, ())


def list_(context: Context, thread_id: str, query: ListQuery) -> Page:
    require_thread(context, thread_id)
    return page(context, RUN, query, field="thread_id", parent=thread_id)


def retrieve(context: Context, thread_id: str, run_id: str) -> Object:
    return require_run(context, thread_id, run_id)


def modify(context: Context, thread_id: str, run_id: str, body: dict[str, Any]) -> Object:
    known = require_run(context, thread_id, run_id)
    if known["status"] in ACTIVE:
        raise InvalidState(f"Cannot update run with status '{known['status']}'.")
    run = {**known, "metadata": merged_metadata(known, body)}
    context.commit(Event("run.modified", run, (("runs", run),)))
    return run


def cancel(context: Context, thread_id: str, run_id: str, body: dict[str, Any]) -> Object:
    known = require_run(context, thread_id, run_id)
    if known["status"] in TERMINAL or known["status"] == "cancelling":
        raise InvalidState(f"Cannot cancel run with status '{known['status']}'.")
    run = enter(known, "cancelling", context.clock.now(), required_action=None)
    context.commit(events.run_entered(run))
    return run


def submit_tool_outputs(context: Context, thread_id: str, run_id: str, body: dict[str, Any]) -> Object:
    """All outputs at once; the step ends, and the run is queued again, its expiry kept (dotnet FunctionToolsWork)."""
    known = require_run(context, thread_id, run_id)
    if known["status"] != "requires_action":
        raise InvalidState(f'Runs in status "{known["status"]}" do not accept tool outputs.')
    outputs = require_outputs(known, body["tool_outputs"])
    run = enter(known, "queued", context.clock.now(), required_action=None)
    step = finished_step(context, known, outputs)
    if step is None:
        context.commit(events.run_entered(run))
    else:  # one commit: a kill between the two would leave a run that waits for outputs it has
        context.commit(events.step_ended(step, [("runs", run)]))
        context.commit(events.run_queued(run))
    return run


def _begin(context: Context, run: Object, puts: Iterable[tuple[str, Object]]) -> Object:
    context.commit(events.run_created(run, puts))
    context.commit(events.run_queued(run))
    return run


RUN_PATH = "/threads/{thread_id}/runs/{run_id}"
ROUTES = (
    Route("POST", "/threads/runs", create_with_thread, views.run, CreateThreadAndRun, streams=True),
    Route("POST", "/threads/{thread_id}/runs", create, views.run, CreateRun, includes=True, streams=True),
    Route("GET", "/threads/{thread_id}/runs", list_, views.run, lists=True),
    Route("GET", RUN_PATH, retrieve, views.run),
    Route("POST", RUN_PATH, modify, views.run, ModifyRun),
    Route("POST", f"{RUN_PATH}/cancel", cancel, views.run, NoBody),
    Route("POST", f"{RUN_PATH}/submit_tool_outputs", submit_tool_outputs, views.run, SubmitToolOutputs, streams=True),
)
