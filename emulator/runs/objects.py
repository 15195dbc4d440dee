"""New run steps and assistant's messages, their keys in wire order (behaviour.md sections 6 and 8)."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.context import Context
from emulator.responders.replies import FunctionCall
from emulator.store import Object


def new_step(context: Context, run: Object, details: Object, reply: int, calls: Sequence[str] = ()) -> Object:
    """`_reply` is the number of the reply that made the step, `_calls` the ids of its tool calls: for a restart."""
    return {
        "id": context.ids.new("step"),
        "object": "thread.run.step",
        "created_at": context.clock.now(),
        "run_id": run["id"],
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "type": details["type"],
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expires_at": run["expires_at"],
        "failed_at": None,
        "last_error": None,
        "step_details": details,
        "usage": None,
        "_reply": reply,
        "_calls": list(calls),
    }


def new_reply_message(context: Context, run: Object, id: str) -> Object:
    return {
        "id": id,
        "object": "thread.message",
        "created_at": context.clock.now(),
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "run_id": run["id"],
        "status": "in_progress",
        "incomplete_details": None,
        "incomplete_at": None,
        "completed_at": None,
        "role": "assistant",
        "content": [],
        "attachments": [],
        "metadata": {},
    }


def message_step(context: Context, run: Object, begun: Object | None, reply: int) -> tuple[Object, Object]:
    """The step of a message and the message, both new, or as they were `begun` before a restart."""
    step = begun
    if step is None:
        details = {"type": "message_creation", "message_creation": {"message_id": context.ids.new("message")}}
        step = new_step(context, run, details, reply)
    message = new_reply_message(context, run, step["step_details"]["message_creation"]["message_id"])
    if (stored := context.store.get("messages", message["id"])) is not None:
        message["created_at"] = stored["created_at"]
    return step, message


def function_call(call: FunctionCall, id: str) -> Object:
    function = {"name": call.name, "arguments": call.arguments_json(), "output": None}
    return {"id": id, "type": "function", "function": function}


def required_action(calls: Sequence[Object]) -> Object:
    """What a run that requires action asks for: the calls without the `output` key (dotnet FunctionToolsWork)."""
    asked = [{**call, "function": {key: call["function"][key] for key in ("name", "arguments")}} for call in calls]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": asked}}
