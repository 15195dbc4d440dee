"""The orders that every desk looks up, and the function tool that it declares for it."""

from __future__ import annotations

import json
from typing import Any

ORDERS = {"1001": "shipped", "1002": "in preparation"}
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_order_status",
        "description": "The status of an order.",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
    },
}
INSTRUCTIONS = "You are a support desk. Look orders up before you speak of them."


def outputs(required_action: Any) -> list[Any]:
    """An output for each call that a run waits for."""
    calls = required_action.submit_tool_outputs.tool_calls
    return [{"tool_call_id": call.id, "output": ORDERS[json.loads(call.function.arguments)["order"]]} for call in calls]


def newest_text(messages: Any) -> str:
    return str(messages.data[0].content[0].text.value)
