"""The objects in what was recorded, and the plain values in them."""

from __future__ import annotations

import json
from typing import Any

from emulator.recording.accumulate import Object
from emulator.recording.exchange import Body


def text_of(content: Any) -> str:
    """The text of a message's content as a run's `when` sees it: its text parts, joined by newlines."""
    if isinstance(content, str):
        return content
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if part.get("type") == "text")
    return "\n".join(str(text.get("value", "")) if isinstance(text, dict) else str(text) for text in texts)


def objects(told: Any, ascending: bool) -> list[Object]:
    if not isinstance(told, dict):
        return []
    if told.get("object") != "list" or not isinstance(told.get("data"), list):
        return [told]
    items = [item for item in told["data"] if isinstance(item, dict)]
    return items if ascending else items[::-1]


def json_of(body: Body | None) -> Object:
    return body.value if body is not None and body.kind == "json" and isinstance(body.value, dict) else {}


def bytes_of(body: Body) -> bytes:
    if body.kind == "file":
        content: bytes = body.value.read()
        return content
    text = body.value if body.kind == "text" else json.dumps(body.value, ensure_ascii=False)
    return str(text).encode("utf-8", "surrogatepass")
