"""How answers look as bytes: two-space JSON, event frames, and the headers that every answer carried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
from starlette.types import Scope, Send

from emulator.errors import ApiError

JSON_TYPE = b"application/json"
BYTES_TYPE = b"application/octet-stream"
STREAM_TYPE = b"text/event-stream; charset=utf-8"
DONE_FRAME = b"event: done\ndata: [DONE]\n\n"

Headers = list[tuple[bytes, bytes]]

# what every answer carried; `x-request-id` and `openai-processing-ms` are added for each
COMMON_HEADERS: Headers = [
    (b"openai-version", b"2020-10-01"),
    (b"openai-organization", b"user-assistants-emulator"),
    (b"openai-project", b"proj_assistantsemulatorlocal"),  # since 2025, like the envoy's time
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload"),  # means nothing to plain HTTP
    (b"x-content-type-options", b"nosniff"),
]


def json_bytes(value: Any, newline: bool = False) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | (orjson.OPT_APPEND_NEWLINE if newline else 0))


def frame(name: str, data: Any) -> bytes:
    """One event: its JSON is compact (dotnet StreamingToolCall)."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def refusal_headers(error: ApiError) -> tuple[tuple[bytes, bytes], ...]:
    """A 401 says how to give a key (ai-engine, 2024-09)."""
    return ((b"www-authenticate", b'Bearer realm="OpenAI API"'),) if error.status == 401 else ()


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
    """Bytes read as they are sent; `headers` say how many."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
