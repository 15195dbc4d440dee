"""Pages of an assistant, a thread, a message and a run; a run's forms to submit outputs, cancel and resume."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.responses import Response

from assistants_emulator.contract import SubmitToolOutputs, check
from assistants_emulator.errors import ApiError, EmulatorError, InvalidState
from assistants_emulator.inspector.conversation import conversation, first_text, parts, text_of
from assistants_emulator.inspector.exports import FORMS
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.inspector.schema_form import FormError, parse_json
from assistants_emulator.inspector.search import question, usage_of
from assistants_emulator.inspector.timeline import (
    RUNNING,
    answered_by,
    asked_functions,
    last_outputs,
    lasted,
    summary,
    timeline,
)
from assistants_emulator.object_kinds import ASSISTANT, MESSAGE
from assistants_emulator.resources.lookup import require, require_run, require_thread
from assistants_emulator.responders.rules import Trial
from assistants_emulator.runs import operations as run_operations
from assistants_emulator.store import Object

OUTPUT = "output:"  # begins the name of a form's field; the call's id follows


def assistant(request: PageRequest, assistant_id: str, error: str | None = None) -> Response:
    """The page; with an `error` of its form, which keeps what was posted."""
    assistant_object = require(request.context, ASSISTANT, assistant_id, "assistant_id")
    return request.render("assistant.html", status=400 if error else 200, assistant=assistant_object, error=error)


def thread(request: PageRequest, thread_id: str, error: str | None = None) -> Response:
    context = request.context
    thread_object = require_thread(context, thread_id)
    runs = context.store.of("runs", "thread_id", thread_id)[:]
    return request.render(
        "thread.html",
        status=400 if error else 200,
        error=error,
        thread=thread_object,
        title=first_text(context, thread_id),
        conversation=conversation(context, thread_id, request.query("before"), request.query("after")),
        count=context.store.count("messages", "thread_id", thread_id),
        runs=runs,
        tokens=usage_of(runs),
        failed=sum(run["status"] == "failed" for run in runs),
        parts=_parts(request),
        summary=_summary(request),
        exports=FORMS,
    )


def message(request: PageRequest, thread_id: str, message_id: str) -> Response:
    """A message's page; with `part` only the message, for the playground."""
    message_object = require(request.context, MESSAGE, message_id, "message_id", thread_id=thread_id)
    name = "message_part.html" if request.query("part") else "message.html"
    return request.render(name, message=message_object, parts=_parts(request))


async def run(request: PageRequest, thread_id: str, run_id: str) -> Response:
    """A run's page; with `part` only its steps, for the playground."""
    return await _run(request, require_run(request.context, thread_id, run_id))


async def submit(request: PageRequest, thread_id: str, run_id: str) -> Response:
    """Submit the outputs of the calls that the run waits for, one form field each."""
    run_object = require_run(request.context, thread_id, run_id)
    outputs = [
        {"tool_call_id": name.removeprefix(OUTPUT), "output": value}
        for name, value in (request.form or {}).items()
        if name.startswith(OUTPUT)
    ]
    doubt = next(filter(None, (_doubt(output["output"]) for output in outputs)), None)
    if doubt is not None and not request.field("sure"):
        return await _run(request, run_object, ApiError(doubt))
    try:
        body = check(SubmitToolOutputs, {"tool_outputs": outputs})
        run_operations.submit_tool_outputs(request.context, thread_id, run_id, body)
    except ApiError as error:
        return await _run(request, run_object, error)
    await request.project.scheduler.settle(thread_id)
    return request.to("threads", thread_id, "runs", run_id)


def _doubt(output: str) -> str | None:
    """The reason to ask before an output is submitted: it is empty, or begins as JSON and is none."""
    if not output.strip():
        return "An output is empty. Submit it again to send it empty."
    try:
        if output.lstrip()[0] in "{[":
            parse_json(output, "An output")
    except FormError as error:
        return f"{error} Submit it again to send it as it is."
    return None


async def cancel(request: PageRequest, thread_id: str, run_id: str) -> Response:
    try:
        run_operations.cancel(request.context, thread_id, run_id, {})
    except InvalidState as error:
        return await _run(request, require_run(request.context, thread_id, run_id), error)
    await request.project.scheduler.settle(thread_id)
    return request.to("threads", thread_id, "runs", run_id)


async def resume(request: PageRequest, thread_id: str, run_id: str) -> Response:
    run_object = require_run(request.context, thread_id, run_id)
    if not request.project.scheduler.resume(run_id):
        return await _run(request, run_object, InvalidState("This run is not paused, so there is nothing to resume."))
    await request.project.scheduler.settle(thread_id)
    return request.to("threads", thread_id, "runs", run_id)


async def _run(request: PageRequest, run_object: Object, error: ApiError | None = None) -> Response:
    assistant = request.context.store.get("assistants", run_object["assistant_id"])
    part = bool(request.query("part"))
    asked = question(request.context, run_object)
    return request.render(
        "run_part.html" if part else "run.html",
        status=error.status if error else 200,
        run=run_object,
        question=asked,
        question_text=text_of(asked),
        trials=[] if part else await trials(request, run_object["id"]),
        took=lasted(run_object),
        assistant=assistant,
        entries=timeline(request.context, run_object),
        functions=asked_functions(run_object),
        last_outputs=last_outputs(request.context, run_object),
        asks=bool(error),
        answered_by=answered_by(request.project, run_object),
        is_running=run_object["status"] in RUNNING,
        parts=_parts(request),
        exports=FORMS,
        error=message_of(error) if error else None,
    )


async def trials(request: PageRequest, id: str) -> list[Trial]:
    """The rules that were tried for the run or response; none where a pattern takes too long."""
    try:
        return await request.project.scheduler.trials(id)
    except EmulatorError:
        return []


def _parts(request: PageRequest) -> Callable[..., list[dict[str, Any]]]:
    return partial(parts, request.context)


def _summary(request: PageRequest) -> Callable[[Object], list[str]]:
    return partial(summary, request.context)
