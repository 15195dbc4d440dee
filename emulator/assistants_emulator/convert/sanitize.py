"""Recorded objects held to the API's shapes, so that who reads them need not doubt: what has another shape is dropped.

Servers that only resemble the hosted one, and recordings that were edited, do have such things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistants_emulator.store import Object

_TEXTS = ("thread_id", "run_id", "assistant_id", "status", "role", "filename", "vector_store_id")
_OBJECTS = ("required_action", "last_error", "incomplete_details", "usage", "step_details")


def sound(item: Object) -> Object:
    """The object without the fields that are not what they have to be, and without such parts and calls in it."""
    kept = {name: value for name, value in item.items() if value is None or _fits(name, value)}
    if isinstance(content := kept.get("content"), list):
        kept["content"] = [part for part in map(_part, _objects(content)) if part is not None]
    if (details := kept.get("step_details")) is not None:
        kept["step_details"] = _details(details)
    if (action := kept.get("required_action")) is not None:
        asked = action.get("submit_tool_outputs")
        calls = _calls(asked.get("tool_calls")) if isinstance(asked, dict) else []
        kept["required_action"] = {**action, "submit_tool_outputs": {"tool_calls": calls}}
    return kept


def count(value: Any) -> int | None:
    """A number of tokens or a time; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _fits(name: str, value: Any) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if name in _OBJECTS:
        return isinstance(value, dict)
    if name == "created_at":
        return count(value) is not None
    return name != "content" or isinstance(value, list | str)


def _objects(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _part(part: Object) -> Object | None:
    kind = part.get("type")
    held = part.get(kind) if isinstance(kind, str) else None
    if kind == "text" and isinstance(held, dict) and isinstance(held.get("value"), str):
        notes = [note for note in _objects(held.get("annotations")) if _note(note)]
        return {**part, "text": {**held, "annotations": notes}}
    if kind == "text" and isinstance(held, str):  # as it was sent
        return part
    if kind == "image_file" and isinstance(held, dict) and isinstance(held.get("file_id"), str):
        return part
    if (kind == "refusal" and isinstance(held, str)) or (kind == "image_url" and isinstance(held, dict)):
        return part
    return None


def _note(note: Object) -> bool:
    held = note.get(str(note.get("type")))
    start = note.get("start_index")
    return (
        isinstance(held, dict) and isinstance(held.get("file_id"), str) and (start is None or count(start) is not None)
    )


def _details(details: Object) -> Object:
    created = details.get("message_creation")
    if isinstance(created, dict) and isinstance(created.get("message_id"), str):
        return {"type": "message_creation", "message_creation": created}
    return {"type": "tool_calls", "tool_calls": _calls(details.get("tool_calls"))}


def _calls(calls: Any) -> list[Object]:
    return [made for call in _objects(calls) if (made := _call(call)) is not None]


def _call(call: Object) -> Object | None:
    kind = call.get("type")
    if call.get("id") is not None and not isinstance(call["id"], str):
        return None
    made = _TOOLS[kind](call.get(kind)) if isinstance(kind, str) and kind in _TOOLS else None
    return None if made is None else {**call, str(kind): made}


def _function(held: Any) -> Object | None:
    texts = (held.get("name"), held.get("arguments")) if isinstance(held, dict) else (None,)
    return held if all(isinstance(text, str) for text in texts) and texts[0] else None


def _code(held: Any) -> Object | None:
    if not isinstance(held, dict) or not isinstance(held.get("input", ""), str):
        return None
    outputs = [output for output in _objects(held.get("outputs")) if _output(output)]
    return {**held, "outputs": outputs}


def _output(output: Object) -> bool:
    image = output.get("image")
    if output.get("type") == "logs":
        return isinstance(output.get("logs"), str)
    return output.get("type") == "image" and isinstance(image, dict) and isinstance(image.get("file_id"), str)


def _search(held: Any) -> Object:
    results = _objects(held.get("results")) if isinstance(held, dict) else []
    sound_ones = [one for one in results if isinstance(one.get("file_id"), str) and _number(one.get("score"))]
    return {**(held if isinstance(held, dict) else {}), "results": sound_ones}


def _number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


_TOOLS: dict[str, Callable[[Any], Object | None]] = {
    "function": _function,
    "code_interpreter": _code,
    "file_search": _search,
    "retrieval": _search,
}
