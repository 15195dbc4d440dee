"""Input items: messages with their parts, calls and outputs, references.

See docs/reference/behaviour.md#responses-items.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assistants_emulator.contract.error_texts import kind
from assistants_emulator.contract.ordered import (
    Check,
    anything,
    array,
    check_fields,
    choice,
    fields,
    number,
    short_text,
    text,
)
from assistants_emulator.errors import InvalidParameter, missing_parameter, unsupported_value, wrong_type

ITEM_TYPES = (
    *("additional_tools", "agent_message", "apply_patch_call", "apply_patch_call_output", "code_interpreter_call"),
    *("compaction", "compaction_trigger", "computer_call", "computer_call_output", "custom_tool_call"),
    *("custom_tool_call_output", "file_search_call", "function_call", "function_call_output"),
    *("image_generation_call", "item_reference", "local_shell_call", "local_shell_call_output"),
    *("mcp_approval_request", "mcp_approval_response", "mcp_call", "mcp_list_tools", "message", "multi_agent_call"),
    *("multi_agent_call_output", "program", "program_output", "reasoning", "shell_call", "shell_call_output"),
    *("tool_search_call", "tool_search_output", "web_search_call"),
)
ROLES = ("assistant", "system", "developer", "user")
STATUS = choice("in_progress", "completed", "incomplete")
DETAIL = choice("low", "high", "auto", "original")

LONGEST = 10_485_760  # characters of one text
long_text = short_text(LONGEST)

ASSISTANT_PARTS: dict[str, tuple[dict[str, Check | None], tuple[str, ...]]] = {
    "output_text": ({"type": None, "text": long_text, "annotations": None, "logprobs": None}, ("text",)),
    "refusal": ({"type": None, "refusal": text}, ("refusal",)),
}
_SHARED: dict[str, Check | None] = {"type": None, "prompt_cache_breakpoint": None}
INPUT_PARTS: dict[str, tuple[dict[str, Check | None], tuple[str, ...]]] = {
    "input_text": ({**_SHARED, "text": long_text}, ("text",)),
    "input_image": ({**_SHARED, "detail": DETAIL, "file_id": text, "image_url": text}, ()),
    "input_file": (
        {**_SHARED, "detail": None, "file_id": text, "file_url": text, "file_data": text, "filename": text},
        (),
    ),
}
PARTS = (
    *("input_text", "input_image", "input_audio", "output_text", "refusal", "input_file", "computer_screenshot"),
    *("summary_text", "encrypted_content"),
)

_MESSAGE: dict[str, Check | None] = {"id": text, "type": None, "role": None, "status": STATUS, "content": None}
_RESULT: dict[str, Check | None] = {
    "attributes": None,
    "file_id": text,
    "filename": text,
    "text": text,
    "score": number("a decimal"),
    "vector_store_id": text,
}
_ITEMS: dict[str, tuple[dict[str, Check | None], tuple[str, ...]]] = {
    "function_call": (
        {
            "id": text,
            "type": None,
            "status": STATUS,
            "call_id": text,
            "name": text,
            "arguments": text,
            "namespace": text,
            "caller": None,
            "created_by": None,
        },
        ("call_id", "name", "arguments"),
    ),
    "function_call_output": (
        {
            "id": text,
            "type": None,
            "status": STATUS,
            "call_id": text,
            "output": None,
            "caller": None,
            "created_by": None,
        },
        ("call_id", "output"),
    ),
    "reasoning": (
        {
            "id": text,
            "type": None,
            "status": None,
            "encrypted_content": text,
            "summary": array("an array of objects", fields({"type": None, "text": text}, ("text",))),
            "content": None,
        },
        ("summary",),
    ),
    "file_search_call": (
        {
            "id": text,
            "type": None,
            "status": None,
            "queries": array("an array of strings", text),
            "results": array("an array of objects", fields(_RESULT)),
        },
        ("id", "queries"),
    ),
    "code_interpreter_call": (
        {
            "id": text,
            "type": None,
            "status": None,
            "code": text,
            "container_id": text,
            "outputs": array("an array of objects", anything),
        },
        ("id", "container_id"),
    ),
    "item_reference": ({"id": text, "type": None}, ("id",)),
}
UNREADABLE = re.compile(r"data:((?:audio|video|image)/[\w.+-]+)[;,]")
PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fc",
    "reasoning": "rs",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
}
"""The beginning of the id of each type of item (docs/reference/behaviour.md#responses-ids)."""


def item(path: str, value: Any) -> None:
    """One item of `input`, or of a conversation's `items`."""
    if not isinstance(value, dict):
        raise wrong_type(path, "an input item", kind(value))
    name = value.get("type", "message")
    if name not in ITEM_TYPES:
        raise unsupported_value(path, name if isinstance(name, str) else "", ITEM_TYPES)
    if name == "message":
        _message(path, value)
        return
    if name not in _ITEMS:
        raise _not_emulated(path, name)
    check_fields(path, value, *_ITEMS[name])
    if name == "function_call_output":
        _output(f"{path}.output", value["output"])
    if name != "item_reference":
        _id(path, name, value)


def items(path: str, value: Any) -> None:
    for index, each in enumerate(value):
        item(f"{path}[{index}]", each)


def _message(path: str, value: Mapping[str, Any]) -> None:
    role = value.get("role")
    if role not in ROLES:
        raise unsupported_value(path, role if isinstance(role, str) else "", ROLES)
    phase = {"phase": choice("commentary", "final_answer")} if role == "assistant" else {}
    check_fields(path, value, {**_MESSAGE, **phase}, ("content",))
    _content(f"{path}.content", role, value["content"])
    _id(path, "message", value)


def _content(path: str, role: str, value: Any) -> None:
    if isinstance(value, str):
        long_text(path, value)
        return
    words = "one of a string or array of objects"
    if not isinstance(value, list):
        raise wrong_type(path, words, kind(value))
    variants = ASSISTANT_PARTS if role == "assistant" else INPUT_PARTS
    for index, each in enumerate(value):
        _part(f"{path}[{index}]", each, variants)


def _output(path: str, value: Any) -> None:
    if isinstance(value, str):
        long_text(path, value)
        return
    if not isinstance(value, list):
        raise wrong_type(path, "one of a string or array of objects", kind(value))
    for index, each in enumerate(value):
        _part(f"{path}[{index}]", each, INPUT_PARTS)


def _part(path: str, value: Any, variants: Mapping[str, tuple[dict[str, Check | None], tuple[str, ...]]]) -> None:
    if not isinstance(value, dict):
        raise wrong_type(path, "an object", kind(value))
    if "type" not in value:
        raise missing_parameter(f"{path}.type")
    name = value["type"]
    if not isinstance(name, str) or name not in PARTS:
        raise unsupported_value(f"{path}.type", name if isinstance(name, str) else "", PARTS)
    if name not in variants:
        raise unsupported_value(path, name, variants)
    check_fields(path, value, *variants[name])
    if name == "input_file" and (kind_of_file := UNREADABLE.match(value.get("file_data") or "")):
        raise _unsupported_data(f"{path}.file_data", kind_of_file[1])


def _unsupported_data(path: str, mime: str) -> InvalidParameter:
    message = (
        f"Invalid file data: '{path}'. Expected a base64-encoded data URL with a valid file MIME type (e.g. "
        f"'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type '{mime}'. Please see "
        "https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types."
    )
    return InvalidParameter(message, param=path, code="invalid_value")


def _id(path: str, name: str, value: Mapping[str, Any]) -> None:
    """A client may name an item by any id that begins as ids of its type do."""
    id, prefix = value.get("id"), PREFIXES[name]
    if id is not None and not id.startswith(prefix):
        message = f"Invalid '{path}.id': '{id}'. Expected an ID that begins with '{prefix}'."
        raise InvalidParameter(message, param=f"{path}.id", code="invalid_value")


def _not_emulated(path: str, name: str) -> InvalidParameter:
    """The emulator's own limit: the service takes these items."""
    emulated = ", ".join(["message", *_ITEMS])
    message = f"Items of the type '{name}' are not emulated. This server takes the items {emulated}."
    return InvalidParameter(message, param=path, code="unsupported_value")
