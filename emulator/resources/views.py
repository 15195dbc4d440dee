"""Stored objects as the wire shows them under v2: which keys, in which order, and the wire's own quirks.

A stored object may hold more than is shown: fields of other views, and fields whose names begin with `_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.store import Object

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


def as_is(stored: Object) -> Object:
    return stored


def retrieved_thread(stored: Object) -> Object:
    """GET shows the code interpreter's empty list where create and modify showed `{}` (dotnet, threads_retrieve)."""
    return {**thread(stored), "tool_resources": stored["tool_resources"] or CODE_INTERPRETER_DEFAULT}


def modified_message(stored: Object) -> Object:
    """Modify answers `file_ids` in place of `attachments` (ruby-openai messages_modify, dotnet 2025-10)."""
    return {"file_ids" if key == "attachments" else key: value for key, value in message(stored).items()} | {
        "file_ids": []
    }


def streamed_run(stored: Object) -> Object:
    return {**run(stored), "tool_resources": stored["tool_resources"] or CODE_INTERPRETER_DEFAULT}


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
