"""Stored objects as the wire shows them under v2: which keys, in which order, and the wire's own quirks.

A stored object may hold more than is shown: fields of other views, and fields whose names begin with `_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistants_emulator.store import Object

CODE_INTERPRETER_DEFAULT: Object = {"code_interpreter": {"file_ids": []}}

ASSISTANT_KEYS = (
    *("id", "object", "created_at", "name", "description", "model", "instructions", "tools", "top_p", "temperature"),
    *("reasoning_effort", "tool_resources", "metadata", "response_format"),
)
THREAD_KEYS = ("id", "object", "created_at", "metadata", "tool_resources")
MESSAGE_KEYS = (
    *("id", "object", "created_at", "assistant_id", "thread_id", "run_id", "role", "content", "attachments"),
    "metadata",
)
STREAMED_MESSAGE_KEYS = (
    *("id", "object", "created_at", "assistant_id", "thread_id", "run_id", "status", "incomplete_details"),
    *("incomplete_at", "completed_at", "role", "content", "attachments", "metadata"),
)
RUN_KEYS = (
    *("id", "object", "created_at", "assistant_id", "thread_id", "status", "started_at", "expires_at", "cancelled_at"),
    *("failed_at", "completed_at", "required_action", "last_error", "model", "instructions", "tools", "tool_resources"),
    *("metadata", "temperature", "top_p", "reasoning_effort", "max_completion_tokens", "max_prompt_tokens"),
    *("truncation_strategy", "incomplete_details", "usage", "response_format", "tool_choice", "parallel_tool_calls"),
)
STEP_KEYS = (
    *("id", "object", "created_at", "run_id", "assistant_id", "thread_id", "type", "status", "cancelled_at"),
    *("completed_at", "expires_at", "failed_at", "last_error", "step_details", "usage"),
)
FILE_KEYS = ("object", "id", "purpose", "filename", "bytes", "created_at", "expires_at", "status", "status_details")
UPLOAD_KEYS = ("id", "object", "bytes", "created_at", "filename", "purpose", "status", "expires_at")
PART_KEYS = ("id", "object", "created_at", "upload_id")
VECTOR_STORE_KEYS = (
    *("id", "object", "created_at", "name", "description", "usage_bytes", "file_counts", "status", "expires_after"),
    *("expires_at", "last_active_at", "metadata"),
)
VECTOR_STORE_FILE_KEYS = (
    *("id", "object", "usage_bytes", "created_at", "vector_store_id", "status", "last_error", "chunking_strategy"),
    "attributes",
)
FILE_BATCH_KEYS = ("id", "object", "created_at", "status", "vector_store_id", "file_counts")


def _pick(*keys: str) -> Callable[[Object], Object]:
    def view(stored: Object) -> Object:
        return {key: stored[key] for key in keys}

    return view


assistant = _pick(*ASSISTANT_KEYS)
thread = _pick(*THREAD_KEYS)
message = _pick(*MESSAGE_KEYS)
streamed_message = _pick(*STREAMED_MESSAGE_KEYS)
run = _pick(*RUN_KEYS)
step = _pick(*STEP_KEYS)
file = _pick(*FILE_KEYS)
part = _pick(*PART_KEYS)
vector_store = _pick(*VECTOR_STORE_KEYS)
vector_store_file = _pick(*VECTOR_STORE_FILE_KEYS)
file_batch = _pick(*FILE_BATCH_KEYS)


def as_is(stored: Object) -> Object:
    return stored


def retrieved_thread(stored: Object) -> Object:
    """GET shows the code interpreter's empty list where create and modify showed `{}` (dotnet, threads_retrieve)."""
    return {**thread(stored), "tool_resources": stored["tool_resources"] or CODE_INTERPRETER_DEFAULT}


def upload(stored: Object) -> Object:
    """`file` is there once the upload is completed (dotnet UploadsTests)."""
    return {key: stored[key] for key in (*UPLOAD_KEYS, *(["file"] if stored.get("file") else []))}


def modified_message(stored: Object) -> Object:
    """Modify answers `file_ids` in place of `attachments` (ruby-openai messages_modify, dotnet 2025-10)."""
    return {"file_ids" if key == "attachments" else key: value for key, value in message(stored).items()} | {
        "file_ids": []
    }


def streamed_run(stored: Object) -> Object:
    return {**run(stored), "tool_resources": stored["tool_resources"] or CODE_INTERPRETER_DEFAULT}


def without_search_content(step: Object) -> Object:
    """A step as it is shown to those who did not ask for the content of search results."""
    calls = step["step_details"].get("tool_calls", [])
    if not any(call["type"] == "file_search" for call in calls):
        return step
    return {**step, "step_details": {"type": "tool_calls", "tool_calls": [_bare(call) for call in calls]}}


def _bare(call: Object) -> Object:
    if call["type"] != "file_search":
        return call
    found = call["file_search"]["results"]
    results = [{name: value for name, value in result.items() if name != "content"} for result in found]
    return {**call, "file_search": {**call["file_search"], "results": results}}


_STREAMED: dict[str, Callable[[Object], Object]] = {
    "thread": retrieved_thread,
    "thread.run": streamed_run,
    "thread.run.step": step,
    "thread.message": streamed_message,
}


def streamed(data: Object) -> Object:
    """What a stream shows of an event's data."""
    return _STREAMED.get(data.get("object", ""), as_is)(data)


def deleted(id: str, kind: str) -> dict[str, Any]:
    return {"id": id, "object": kind, "deleted": True}
