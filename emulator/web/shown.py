"""What an operation's result looks like on the wire: the row's view, list envelopes, error bodies, the poll header."""

from __future__ import annotations

from emulator.errors import ApiError
from emulator.resources import Route, views, views_spec
from emulator.resources.route import View
from emulator.store import Object, Page
from emulator.web.answers import json_bytes

POLL_AFTER_MS = b"10"
UNFINISHED = {"queued", "in_progress", "cancelling"}
EVENT_VIEWS: dict[str, View] = {"wire": views.streamed, "spec": views_spec.shown}


def shown(route: Route, result: Object | Page, fidelity: str = "wire") -> Object:
    """The answer's JSON: by the row's view, or by the published schema's, which has one view of each object of v2."""
    is_spec = fidelity == "spec" and "v2" in route.versions
    view = views_spec.shown if is_spec else route.view
    if not isinstance(result, Page):
        return view(result)
    data = [view(item) for item in result.items]
    nobody = "" if is_spec else None
    first, last = (data[0]["id"], data[-1]["id"]) if data else (nobody, nobody)
    shown = {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": result.has_more}
    return {key: shown[key] for key in route.list_keys}


def error_bytes(route: Route | None, error: ApiError) -> bytes:
    """`/files` puts a `detail` beside the error (dotnet FilesTests)."""
    body = error.body()
    if route is not None and route.detail:
        body["detail"] = {"message": error.message, "code": error.code}
    return json_bytes(body, route is not None and route.newline)


def poll_after(result: Object | Page) -> tuple[tuple[bytes, bytes], ...]:
    """The SDK's poll helpers wait a second or five between two polls unless an answer says otherwise."""
    unfinished = isinstance(result, dict) and result.get("status") in UNFINISHED
    return ((b"openai-poll-after-ms", POLL_AFTER_MS),) if unfinished else ()
