"""Effects of a variant on HTTP: most of them are faults of the one call; `sweep` has the list and the numbering.

Effects on a run are handed to its task (`turns/variation.py`), by the id of the run or response.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assistants_emulator.project.faults import Fault, InjectedError
from assistants_emulator.project.project import Project
from assistants_emulator.resources.route import Route
from assistants_emulator.store import Page
from assistants_emulator.sweep.calls import Call
from assistants_emulator.sweep.effects import TIME_OUT_HEADER, cut_after, effect_of
from assistants_emulator.web.request import Request

TIME_OUT, ERROR_EVENT, ONE_ITEM = "time-out", "error event", "one item a page"
FAILED_FILE = {"code": "server_error", "message": "An internal error occurred."}
FAULTS: dict[str, dict[str, Any]] = {
    "429 once": {"status": 429},
    "429": {"status": 429},
    "500 once": {"status": 500},
    "500": {"status": 500},
    "connection closed": {"drop_after": 0},
    "malformed JSON": {"malformed": True},
    "file failed": {"stuck": True, **FAILED_FILE},
}
AT_ONCE = ("call",)  # kinds of effects that happen as the call arrives
MAKES_FILES = ("/vector_stores/{vector_store_id}/files", "/vector_stores/{vector_store_id}/file_batches")


class TimedOut(InjectedError):
    """An answer that never came; its header tells that to the transport of a client of ours."""

    headers = ((TIME_OUT_HEADER.encode(), b"1"),)

    def __init__(self) -> None:
        super().__init__(504, "The request timed out.", None)


def strike(request: Request, project: Project, path: str) -> Fault | None:
    """The fault of the call, by its variant or else of the project's own; TimedOut for a time-out."""
    call = request.call
    if call is None or not call.effect:
        fault = project.faults.strike(request.method, path)
        if call is not None and fault is not None:
            call.has_fault = True
        return fault
    request.variant_name = project.context.calls.variant_name
    if effect_of(call.effect).kind in AT_ONCE:
        project.context.calls.is_met = True
    if call.effect == TIME_OUT:
        raise TimedOut
    number = cut_after(call.effect)
    fields = FAULTS.get(call.effect) if number is None else {"drop_after": number}
    return None if fields is None else Fault(call.route, **fields)


def narrow(call: Call, values: dict[str, Any]) -> None:
    """Note whether the call reads a further page of a list, and let its page have one item if its variant says so."""
    query = values["query"]
    call.is_further_page = bool(query.after or query.before)
    if call.effect == ONE_ITEM:
        values["query"] = replace(query, limit=1)


def note(request: Request, project: Project, route: Route, values: dict[str, Any], result: Any) -> None:
    """Note of a call what its variants depend on, and hand the effect on its run to that run's task."""
    call = request.call
    if call is None:
        return
    if isinstance(result, Page):
        call.items = len(result.items)
        if call.effect == ONE_ITEM and result.has_more:
            project.context.calls.is_met = True
    elif route.streams:
        begin_run(request, project, result["id"], values)
    elif route.method == "POST" and (route.path in MAKES_FILES or _holds_files(route, result)):
        call.has_files = True
        if call.effect == "file failed":
            project.context.calls.is_met = True


def begin_run(request: Request, project: Project, subject: str, values: dict[str, Any]) -> None:
    """Note the run or response that the call has begun or continued, before its task goes on."""
    call = request.call
    if call is None:
        return
    call.subject = subject
    call.is_background = bool(values["body"].get("background"))
    if call.effect and effect_of(call.effect).kind in ("run", "action"):
        project.context.calls.effects[subject] = call.effect


def _holds_files(route: Route, result: Any) -> bool:
    return route.path == "/vector_stores" and bool(result["file_counts"]["total"])
