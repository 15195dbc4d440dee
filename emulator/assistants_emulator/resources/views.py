"""Stored objects as the wire shows them under v2: their keys in wire order, and the wire's own quirks.

A stored object may have more fields: those of other views, and those whose names begin with `_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistants_emulator.object_kinds import (
    ASSISTANT,
    CONTAINER,
    CONTAINER_FILE,
    CONVERSATION,
    FILE,
    FILE_BATCH,
    MESSAGE,
    PART,
    RUN,
    STEP,
    THREAD,
    UPLOAD,
    VECTOR_STORE,
    VECTOR_STORE_FILE,
)
from assistants_emulator.store import Object

CODE_INTERPRETER_DEFAULT: Object = {"code_interpreter": {"file_ids": []}}

_STREAMED_ONLY = ("status", "incomplete_details", "incomplete_at", "completed_at")
MESSAGE_KEYS = tuple(key for key in MESSAGE.keys if key not in _STREAMED_ONLY)
"""A message as its endpoints show it; streams and state files show all of `MESSAGE.keys`."""


def _pick(*keys: str) -> Callable[[Object], Object]:
    def view(stored: Object) -> Object:
        return {key: stored[key] for key in keys}

    return view


assistant = _pick(*ASSISTANT.keys)
thread = _pick(*THREAD.keys)
message = _pick(*MESSAGE_KEYS)
streamed_message = _pick(*MESSAGE.keys)
run = _pick(*RUN.keys)
step = _pick(*STEP.keys)
file = _pick(*FILE.keys)
part = _pick(*PART.keys)
vector_store = _pick(*VECTOR_STORE.keys)
vector_store_file = _pick(*VECTOR_STORE_FILE.keys)
file_batch = _pick(*FILE_BATCH.keys)
conversation = _pick(*CONVERSATION.keys)
container = _pick(*CONTAINER.keys)
container_file = _pick(*CONTAINER_FILE.keys)


def as_is(stored: Object) -> Object:
    return stored


def retrieved_thread(stored: Object) -> Object:
    """GET shows the code interpreter's empty list where create and modify showed `{}` (dotnet, threads_retrieve)."""
    return {**thread(stored), "tool_resources": stored["tool_resources"] or CODE_INTERPRETER_DEFAULT}


def upload(stored: Object) -> Object:
    """`file` is there once the upload is completed (dotnet UploadsTests)."""
    return {key: stored[key] for key in (*UPLOAD.keys, *(["file"] if stored.get("file") else []))}


def modified_message(stored: Object) -> Object:
    """Modify answers `file_ids` in place of `attachments` (ruby-openai messages_modify, dotnet 2025-10)."""
    return {"file_ids" if key == "attachments" else key: value for key, value in message(stored).items()} | {
        "file_ids": []
    }


def streamed_run(stored: Object) -> Object:
    return {**run(stored), "tool_resources": stored["tool_resources"] or CODE_INTERPRETER_DEFAULT}


def without_search_content(step: Object) -> Object:
    """A step without the content of search results, which only `include` shows."""
    calls = step["step_details"].get("tool_calls", [])
    if not any(call["type"] == "file_search" for call in calls):
        return step
    return {**step, "step_details": {"type": "tool_calls", "tool_calls": [_bare(call) for call in calls]}}


def _bare(call: Object) -> Object:
    if call["type"] != "file_search":
        return call
    results = [
        {name: value for name, value in result.items() if name != "content"}
        for result in call["file_search"]["results"]
    ]
    return {**call, "file_search": {**call["file_search"], "results": results}}


_STREAMED: dict[str, Callable[[Object], Object]] = {
    THREAD.object: retrieved_thread,
    RUN.object: streamed_run,
    STEP.object: step,
    MESSAGE.object: streamed_message,
}


def streamed(data: Object) -> Object:
    """An event's data as a stream shows it."""
    return _STREAMED.get(data.get("object", ""), as_is)(data)


def deleted(id: str, kind: str) -> dict[str, Any]:
    return {"id": id, "object": kind, "deleted": True}
