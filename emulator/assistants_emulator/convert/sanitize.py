"""Drops from recorded objects what has another shape than the API's, so that their readers need no checks.

Servers that only resemble the hosted one, and recordings that were edited, have such things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistants_emulator.store import Object

_STRINGS = ("thread_id", "run_id", "assistant_id", "status", "role", "filename", "vector_store_id")
_OBJECTS = ("required_action", "last_error", "incomplete_details", "usage", "step_details")


def sanitize(item: Object) -> Object:
    """The object without the fields, content parts and tool calls that have another shape."""
    clean = {name: value for name, value in item.items() if value is None or _has_shape(name, value)}
    if isinstance(content := clean.get("content"), list):
        clean["content"] = [part for part in map(_part, objects(content)) if part is not None]
    if (details := clean.get("step_details")) is not None:
        clean["step_details"] = _details(details)
    if (action := clean.get("required_action")) is not None:
        outputs = action.get("submit_tool_outputs")
        calls = _calls(outputs.get("tool_calls")) if isinstance(outputs, dict) else []
        clean["required_action"] = {**action, "submit_tool_outputs": {"tool_calls": calls}}
    return clean


def count(value: Any) -> int | None:
    """A number of tokens or a time; None for any other value."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _has_shape(name: str, value: Any) -> bool:
    if name in _STRINGS:
        return isinstance(value, str)
    if name in _OBJECTS:
        return isinstance(value, dict)
    if name == "created_at":
        return count(value) is not None
    return name != "content" or isinstance(value, list | str)


def objects(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _part(part: Object) -> Object | None:
    match part:
        case {"type": "text", "text": {"value": str()} as text}:
            annotations = [note for note in objects(text.get("annotations")) if _is_annotation(note)]
            return {**part, "text": {**text, "annotations": annotations}}
        case {"type": "text", "text": str()}:  # as a client sent it
            return part
        case {"type": "image_file", "image_file": {"file_id": str()}}:
            return part
        case {"type": "refusal", "refusal": str()} | {"type": "image_url", "image_url": dict()}:
            return part
        case _:
            return None


def _is_annotation(note: Object) -> bool:
    source = note.get(str(note.get("type")))
    start = note.get("start_index")
    has_file = isinstance(source, dict) and isinstance(source.get("file_id"), str)
    return has_file and (start is None or count(start) is not None)


def _details(details: Object) -> Object:
    created = details.get("message_creation")
    if isinstance(created, dict) and isinstance(created.get("message_id"), str):
        return {"type": "message_creation", "message_creation": created}
    return {"type": "tool_calls", "tool_calls": _calls(details.get("tool_calls"))}


def _calls(calls: Any) -> list[Object]:
    return [clean for call in objects(calls) if (clean := _call(call)) is not None]


def _call(call: Object) -> Object | None:
    kind = call.get("type")
    if call.get("id") is not None and not isinstance(call["id"], str):
        return None
    tool = _TOOLS[kind](call.get(kind)) if isinstance(kind, str) and kind in _TOOLS else None
    return None if tool is None else {**call, str(kind): tool}


def _function(function: Any) -> Object | None:
    match function:
        case {"name": str(name), "arguments": str()} if name:
            clean: Object = function
            return clean
        case _:
            return None


def _code_interpreter(tool: Any) -> Object | None:
    if not isinstance(tool, dict) or not isinstance(tool.get("input", ""), str):
        return None
    outputs = [output for output in objects(tool.get("outputs")) if _is_output(output)]
    return {**tool, "outputs": outputs}


def _is_output(output: Object) -> bool:
    match output:
        case {"type": "logs", "logs": str()} | {"type": "image", "image": {"file_id": str()}}:
            return True
        case _:
            return False


def _file_search(tool: Any) -> Object:
    results = objects(tool.get("results")) if isinstance(tool, dict) else []
    results = [
        result for result in results if isinstance(result.get("file_id"), str) and _is_score(result.get("score"))
    ]
    return {**(tool if isinstance(tool, dict) else {}), "results": results}


def _is_score(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


_TOOLS: dict[str, Callable[[Any], Object | None]] = {
    "function": _function,
    "code_interpreter": _code_interpreter,
    "file_search": _file_search,
    "retrieval": _file_search,
}
