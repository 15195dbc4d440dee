"""What a new run is made of: its assistant's settings and what the request overrides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.context import Context
from emulator.errors import InvalidState
from emulator.resources.fields import AUTO_TRUNCATION, given, tools
from emulator.resources.lookup import ASSISTANT, require
from emulator.resources.models import require_model
from emulator.runs.lifecycle import EXPIRES_AFTER
from emulator.store import Object

COPIED = ("model", "temperature", "top_p", "reasoning_effort", "response_format")
NO_PROMPT = "Run creation requires a Thread with a user message or an assistant with instructions."


def new_run(context: Context, thread_id: str, body: dict[str, Any], assistant: Object) -> Object:
    """A queued run, not yet stored; keys in wire order (behaviour.md section 7.1)."""
    copied = {name: assistant[name] for name in COPIED} | given(body, *COPIED)
    now = context.clock.now()
    truncation = body.get("truncation_strategy") or AUTO_TRUNCATION
    return {
        "id": context.ids.new("run"),
        "object": "thread.run",
        "created_at": now,
        "assistant_id": assistant["id"],
        "thread_id": thread_id,
        "status": "queued",
        "started_at": None,
        "expires_at": now + EXPIRES_AFTER,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": copied["model"],
        "instructions": _instructions(body, assistant),
        "tools": assistant["tools"] if body.get("tools") is None else tools(body["tools"]),
        "tool_resources": {},
        "metadata": body.get("metadata") or {},
        "temperature": float(copied["temperature"]),
        "top_p": float(copied["top_p"]),
        "reasoning_effort": copied["reasoning_effort"],
        "max_completion_tokens": body.get("max_completion_tokens"),
        "max_prompt_tokens": body.get("max_prompt_tokens"),
        "truncation_strategy": {"type": truncation["type"], "last_messages": truncation.get("last_messages")},
        "incomplete_details": None,
        "usage": None,
        "response_format": copied["response_format"],
        "tool_choice": body.get("tool_choice") or "auto",
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "_tool_resources": body.get("tool_resources") or {},
    }


def require_assistant(context: Context, body: dict[str, Any]) -> Object:
    assistant = require(context, ASSISTANT, body["assistant_id"], "assistant_id")
    if body.get("model") is not None:
        require_model(context, body["model"])
    return assistant


def require_prompt(context: Context, run: Object, added: Sequence[Object]) -> None:
    """400 for a run that would have nothing to answer (ruby-openai runs_create)."""
    if run["instructions"] or any(message["role"] == "user" for message in added):
        return
    if context.newest("messages", "_asked_in", run["thread_id"]) is None:
        raise InvalidState(NO_PROMPT, code="invalid_thread")


def _instructions(body: dict[str, Any], assistant: Object) -> str | None:
    """The request's replace the assistant's; additional ones are appended on a new line."""
    own = body["instructions"] if body.get("instructions") is not None else assistant["instructions"]
    more = body.get("additional_instructions")
    return "\n".join(part for part in (own, more) if part) if more else own
