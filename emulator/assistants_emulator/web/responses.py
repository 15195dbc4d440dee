"""Responses as bytes: views of results as two-space JSON, errors, event frames, headers, and sending them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from assistants_emulator.errors import ApiError
from assistants_emulator.resources import views, views_spec
from assistants_emulator.resources.route import Route, View
from assistants_emulator.store import Object, Page

JSON_TYPE = b"application/json"
BYTES_TYPE = b"application/octet-stream"
STREAM_TYPE = b"text/event-stream; charset=utf-8"
DONE_FRAME = b"event: done\ndata: [DONE]\n\n"
Headers = list[tuple[bytes, bytes]]
# of every response; `x-request-id` and `openai-processing-ms` are added for each
COMMON_HEADERS: Headers = [
    (b"openai-version", b"2020-10-01"),
    (b"openai-organization", b"user-assistants-emulator"),
    (b"openai-project", b"proj_assistantsemulatorlocal"),  # since 2025, like the envoy's time
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload"),  # means nothing to plain HTTP
    (b"x-content-type-options", b"nosniff"),
]
RATE_LIMITS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"30000000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-remaining-tokens", b"29999999"),
    (b"x-ratelimit-reset-requests", b"6ms"),
    (b"x-ratelimit-reset-tokens", b"0s"),
)
"""Sent with every response that is created. They never change: the emulator has no limits."""
POLL_AFTER_MS = b"10"
UNFINISHED = {"queued", "in_progress", "cancelling"}
EVENT_VIEWS: dict[str, View] = {"wire": views.streamed, "spec": views_spec.schema_form}


def view_of(route: Route, result: Object | Page, fidelity: str = "wire") -> Object:
    """The response's JSON: by the row's view, or under `spec` by the published schema's, which covers v2."""
    is_spec = fidelity == "spec" and "v2" in route.versions
    view = views_spec.schema_form if is_spec else route.view
    if not isinstance(result, Page):
        return view(result)
    data = [view(item) for item in result.items]
    empty = "" if is_spec else None
    first, last = (data[0]["id"], data[-1]["id"]) if data else (empty, empty)
    envelope = {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": result.has_more}
    return {key: envelope[key] for key in route.list_keys}


def error_bytes(route: Route | None, error: ApiError) -> bytes:
    """The error's envelope; `/files` adds a `detail` (dotnet FilesTests)."""
    body = error.body()
    if route is not None and route.detail:
        body["detail"] = {"message": error.message, "code": error.code}
    return json_bytes(body, route is not None and route.newline)


def json_bytes(value: Any, newline: bool = False, escapes: bool = False) -> bytes:
    """Indented JSON; with `escapes` in ASCII alone, as `/responses` has it."""
    whole = orjson.dumps(value, option=orjson.OPT_INDENT_2 | (orjson.OPT_APPEND_NEWLINE if newline else 0))
    if not escapes or (whole.isascii() and b"\x7f" not in whole):
        return whole
    return _NOT_ASCII.sub(_escaped, whole.decode()).encode()


_NOT_ASCII = re.compile("[^\x00-\x7e]")


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1]


def frame(name: str, data: Any) -> bytes:
    """One event: its JSON is compact (dotnet StreamingToolCall)."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def refusal_headers(error: ApiError) -> tuple[tuple[bytes, bytes], ...]:
    """The header of a 401 that names the scheme (ai-engine, 2024-09)."""
    return ((b"www-authenticate", b'Bearer realm="OpenAI API"'),) if error.status == 401 else ()


def poll_after(result: Object | Page) -> tuple[tuple[bytes, bytes], ...]:
    """The header of an unfinished object that shortens the SDK's waits between polls from seconds to milliseconds."""
    unfinished = isinstance(result, dict) and result.get("status") in UNFINISHED
    return ((b"openai-poll-after-ms", POLL_AFTER_MS),) if unfinished else ()


def without_slash(scope: Scope) -> bytes:
    """The address of a call without the slash at its path's end, whole, as the API gave it (ai-engine, 2024-06)."""
    host = dict(scope["headers"]).get(b"host", b"")
    path: bytes = scope["raw_path"].partition(b"?")[0].rstrip(b"/")
    query: bytes = scope["query_string"]
    scheme: str = scope["scheme"]
    return b"".join([scheme.encode(), b"://", host, path, *([b"?", query] if query else [])])


async def send_whole(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers + length})
    await send({"type": "http.response.body", "body": body})


async def send_pieces(send: Send, status: int, headers: Headers, pieces: AsyncIterator[bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def send_chunks(send: Send, status: int, headers: Headers, chunks: Iterator[bytes]) -> None:
    """Send a body of known length, which `headers` state, chunk by chunk."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def send_until_gone(sending: Coroutine[Any, Any, None], gone: Coroutine[Any, Any, None]) -> bool:
    """Run `sending` until it ends, or cancel it once `gone` returns; return whether it came to its end.

    Both have ended when this returns, and what either of them raises is raised here.
    """
    tasks = asyncio.ensure_future(sending), asyncio.ensure_future(gone)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
    return not tasks[0].cancelled()


async def disconnect(receive: Receive) -> None:
    """Return once the client has closed the connection, or has all of its answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
