"""Items of responses and conversations: messages, calls, outputs. See docs/reference/behaviour.md#responses-items.

A stored item has all that was given; `_response_id`, `_conversation_id` and `_call_id` say where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.contract.items import PREFIXES
from assistants_emulator.store import Object

TABLE = "items"
IMAGE_URLS = "message.input_image.image_url"
SEARCH_RESULTS = "file_search_call.results"
CODE_OUTPUTS = "code_interpreter_call.outputs"
ENCRYPTED = "reasoning.encrypted_content"
ALL = (IMAGE_URLS, SEARCH_RESULTS, CODE_OUTPUTS, ENCRYPTED)
Includes = frozenset[str]
NOTHING: Includes = frozenset()


@dataclass(frozen=True, slots=True)
class ItemType:
    """A type of items, as they are shown: `keys` in their order, of which `optional` ones may be missing.

    `included` keys are null, or missing where they are optional, unless the request includes them by that name.
    """

    keys: tuple[str, ...]
    optional: tuple[str, ...] = ()
    included: Mapping[str, str] = field(default_factory=dict)


TYPES = {
    "message": ItemType(("id", "type", "status", "content", "phase", "role"), ("phase",)),
    "function_call": ItemType(("id", "type", "status", "arguments", "call_id", "name", "namespace"), ("namespace",)),
    "function_call_output": ItemType(("id", "type", "status", "call_id", "output")),
    "file_search_call": ItemType(("id", "type", "status", "queries", "results"), included={"results": SEARCH_RESULTS}),
    "code_interpreter_call": ItemType(
        ("id", "type", "status", "code", "container_id", "outputs"), included={"outputs": CODE_OUTPUTS}
    ),
    "reasoning": ItemType(
        ("id", "type", "content", "encrypted_content", "summary"),
        ("content", "encrypted_content"),
        {"encrypted_content": ENCRYPTED},
    ),
}
"""The wire of August 2026."""


def view(item: Object, include: Includes = NOTHING) -> Object:
    """The item as the API shows it."""
    row = TYPES[item["type"]]
    shown: Object = {}
    for key in row.keys:
        is_hidden = key in row.included and row.included[key] not in include
        if key in row.optional and (is_hidden or item.get(key) is None):
            continue
        shown[key] = None if is_hidden else item.get(key)
    if item["type"] == "message":
        shown["content"] = [_part_view(part, include) for part in item["content"]]
    return shown


def _part_view(part: Object, include: Includes) -> Object:
    match part["type"]:
        case "input_text":
            return {"type": "input_text", "text": part["text"]}
        case "input_image":
            url = part.get("image_url") if IMAGE_URLS in include else None
            return {
                "type": "input_image",
                "detail": part.get("detail") or "auto",
                "file_id": part.get("file_id"),
                "image_url": url,
            }
        case "input_file":
            return {"type": "input_file", "file_id": part.get("file_id"), "filename": part.get("filename")}
        case "output_text":
            return {
                "type": "output_text",
                "annotations": part.get("annotations") or [],
                "logprobs": part.get("logprobs") or [],
                "text": part["text"],
            }
    return part


def new_item(given: Mapping[str, Any], make_id: Callable[[str], str], **belongs: str | None) -> Object:
    """An item to store, from one that passed the contract. `make_id(prefix)` makes its id.

    `belongs` are `_response_id` and `_conversation_id`.
    """
    kind = given.get("type", "message")
    item: Object = {**{key: value for key, value in given.items() if value is not None}, "type": kind}
    item["id"] = make_id(f"{PREFIXES[kind]}_")
    item.setdefault("status", "completed")
    if kind == "message":
        item["content"] = content_parts(given["role"], given["content"])
    return {**item, "_call_id": given.get("call_id"), **belongs}


def content_parts(role: str, content: str | list[Object]) -> list[Object]:
    """A string is one part: text of the model, or of anyone else."""
    if not isinstance(content, str):
        return content
    if role == "assistant":
        return [{"type": "output_text", "annotations": [], "logprobs": [], "text": content}]
    return [{"type": "input_text", "text": content}]


def text_of(item: Object) -> str:
    """A message's text: its text parts joined by newlines."""
    parts = item["content"]
    return "\n".join(part["text"] for part in parts if part["type"] in ("input_text", "output_text"))


def output_text(item: Object) -> str:
    """The output of a function call as a responder is sent it: its texts, where it has parts."""
    output = item["output"]
    if isinstance(output, str):
        return output
    return "\n".join(part["text"] if part["type"] == "input_text" else f"[{part['type']}]" for part in output)


def open_calls(items: Iterable[Object], before: Iterable[str] = ()) -> list[str]:
    """The ids of the calls without an output, in their order, after these items."""
    calls = dict.fromkeys(before)
    for item in items:
        if item["type"] == "function_call":
            calls[item["call_id"]] = None
        elif item["type"] == "function_call_output":
            calls.pop(item["call_id"], None)
    return list(calls)
