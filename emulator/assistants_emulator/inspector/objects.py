"""Assistants, threads, messages and runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import Response

from assistants_emulator.contract import SubmitToolOutputs, check
from assistants_emulator.errors import ApiError, InvalidState
from assistants_emulator.inspector.conversation import conversation, first_text, parts
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.inspector.timeline import RUNNING, answered_by, asked_functions, summary, timeline
from assistants_emulator.object_kinds import ASSISTANT, MESSAGE
from assistants_emulator.resources.lookup import require, require_run, require_thread
from assistants_emulator.runs import operations as run_operations
from assistants_emulator.store import Object

OUTPUT = "output:"  # a form's field for each call: this, and the call's id


def assistants(ask: PageRequest) -> Response:
    return ask.render("assistants.html", page=ask.page("assistants"))


def assistant(ask: PageRequest, assistant_id: str) -> Response:
    found = require(ask.context, ASSISTANT, assistant_id, "assistant_id")
    return ask.render("assistant.html", assistant=found)


def threads(ask: PageRequest) -> Response:
    context = ask.context
    page = ask.page("threads")
    rows = [
        {
            "thread": thread,
            "text": first_text(context, thread["id"]),
            "messages": context.store.count("messages", "thread_id", thread["id"]),
            "run": context.newest("runs", "thread_id", thread["id"]),
        }
        for thread in page.items
    ]
    return ask.render("threads.html", page=page, rows=rows)


def thread(ask: PageRequest, thread_id: str) -> Response:
    found = require_thread(ask.context, thread_id)
    shown = conversation(ask.context, thread_id, ask.query("before"), ask.query("after"))
    count = ask.context.store.count("messages", "thread_id", thread_id)
    return ask.render(
        "thread.html", thread=found, conversation=shown, count=count, parts=_parts(ask), summary=_summary(ask)
    )


def message(ask: PageRequest, thread_id: str, message_id: str) -> Response:
    """With `part` the message alone, for the playground."""
    found = require(ask.context, MESSAGE, message_id, "message_id", thread_id=thread_id)
    name = "message_part.html" if ask.query("part") else "message.html"
    return ask.render(name, message=found, parts=_parts(ask))


def runs(ask: PageRequest) -> Response:
    return ask.render("runs.html", page=ask.page("runs"), summary=_summary(ask))


def run(ask: PageRequest, thread_id: str, run_id: str) -> Response:
    """With `part` its steps alone, for the playground."""
    return _run(ask, require_run(ask.context, thread_id, run_id))


async def submit(ask: PageRequest, thread_id: str, run_id: str) -> Response:
    """The outputs of the calls that the run waits for, one field each."""
    found = require_run(ask.context, thread_id, run_id)
    given = ask.form or {}
    outputs = [
        {"tool_call_id": name.removeprefix(OUTPUT), "output": value}
        for name, value in given.items()
        if name.startswith(OUTPUT)
    ]
    try:
        body = check(SubmitToolOutputs, {"tool_outputs": outputs})
        run_operations.submit_tool_outputs(ask.context, thread_id, run_id, body)
    except ApiError as error:
        return _run(ask, found, error)
    await ask.project.driver.settle(thread_id)
    return ask.to("threads", thread_id, "runs", run_id)


async def cancel(ask: PageRequest, thread_id: str, run_id: str) -> Response:
    try:
        run_operations.cancel(ask.context, thread_id, run_id, {})
    except InvalidState as error:
        return _run(ask, require_run(ask.context, thread_id, run_id), error)
    await ask.project.driver.settle(thread_id)
    return ask.to("threads", thread_id, "runs", run_id)


async def resume(ask: PageRequest, thread_id: str, run_id: str) -> Response:
    found = require_run(ask.context, thread_id, run_id)
    if not ask.project.driver.resume(run_id):
        return _run(ask, found, InvalidState("This run is not paused, so there is nothing to resume."))
    await ask.project.driver.settle(thread_id)
    return ask.to("threads", thread_id, "runs", run_id)


def _run(ask: PageRequest, found: Object, error: ApiError | None = None) -> Response:
    assistant = ask.context.store.get("assistants", found["assistant_id"])
    return ask.render(
        "run_part.html" if ask.query("part") else "run.html",
        status=error.status if error else 200,
        run=found,
        assistant=assistant,
        entries=timeline(ask.context, found),
        functions=asked_functions(found),
        answered_by=answered_by(ask.project, found),
        is_running=found["status"] in RUNNING,
        parts=_parts(ask),
        error=message_of(error) if error else None,
    )


def _parts(ask: PageRequest) -> Callable[..., list[dict[str, Any]]]:
    return partial(parts, ask.context)


def _summary(ask: PageRequest) -> Callable[[Object], list[str]]:
    return partial(summary, ask.context)
