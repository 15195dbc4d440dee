"""A request's JSON body, read within bounds of bytes and depth, and parsed by the library that also renders."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.types import Receive

from assistants_emulator.errors import ApiError, TooLarge

MOST_BYTES = 8 * 1024 * 1024  # where no route says otherwise; the real limit was never recorded
MOST_DRAINED_BYTES = 64 * 1024 * 1024  # a client that is still sending reads its answer only afterwards
MOST_DEPTH = 128  # orjson renders at most 254 levels, and lists and events add some

NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)


class Disconnected(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(receive: Receive, most_bytes: int = MOST_BYTES) -> bytes:
    """The whole body; 413, once the client has sent it, for more than `most_bytes`."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= MOST_DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= most_bytes:
            chunks.append(chunk)
        more = message.get("more_body", False)
    refuse_above(most_bytes, size)
    return b"".join(chunks) if len(chunks) != 1 else chunks[0]


def refuse_above(limit: int, size: int) -> None:
    """413 if `size` is above `limit`, both in bytes."""
    if size > limit:
        raise TooLarge(f"Maximum content size limit ({limit}) exceeded ({size} bytes read)")


def parse(raw: bytes, most_depth: int = MOST_DEPTH, not_json: str | None = None) -> Any:
    """The JSON value, None for an empty body; 400 for invalid JSON and for more than `most_depth` levels.

    `not_json` is the text for a body that is no JSON, where that is another one.
    """
    if not raw.strip():
        return None
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise ApiError(NOT_JSON) if not_json is None else ApiError(not_json, code="invalid_json") from None
    if raw.count(b"[") + raw.count(b"{") > most_depth and _too_deep(body, most_depth):
        raise ApiError(NOT_JSON)
    return body


def _too_deep(body: Any, most_depth: int) -> bool:
    level = [body]
    for _ in range(most_depth):
        level = [child for value in level for child in _children(value)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [child for child in value.values() if isinstance(child, dict | list)]
    return [child for child in value if isinstance(child, dict | list)] if isinstance(value, list) else []
