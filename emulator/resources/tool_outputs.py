"""Tool outputs: what a client gives for the function calls that its run asked for."""

from __future__ import annotations

from typing import Any

from emulator.context import Context
from emulator.errors import InvalidState
from emulator.runs import tokens
from emulator.runs.prompt import prompt_tokens
from emulator.store import Object


def require_outputs(run: Object, sent: list[dict[str, Any]]) -> dict[str, str]:
    """Outputs by call id; 400 unless they are exactly the calls that the run waits for."""
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    expected = [call["id"] for call in calls]
    got = [output.get("tool_call_id") for output in sent]
    if sorted(expected) != sorted(str(id) for id in got):
        raise InvalidState(f"Expected tool outputs for call_ids {expected}, got {got}")
    return {output["tool_call_id"]: output.get("output") or "" for output in sent}


def finished_step(context: Context, run: Object, outputs: dict[str, str]) -> Object | None:
    """The run's open function step with its outputs filled in; None if a state file brought the run without it."""
    steps = reversed(context.store.of("steps", "run_id", run["id"]))
    step = next((step for step in steps if step["status"] == "in_progress"), None)
    if step is None:
        return None
    calls = [_with_output(call, outputs[call["id"]]) for call in step["step_details"]["tool_calls"]]
    asked = sum(tokens.of_text(call["function"]["name"] + call["function"]["arguments"]) for call in calls)
    return {
        **step,
        "status": "completed",
        "completed_at": context.clock.now(),
        "step_details": {"type": "tool_calls", "tool_calls": calls},
        "usage": tokens.usage(prompt_tokens(context, run), max(1, asked)),
    }


def _with_output(call: Object, output: str) -> Object:
    return {**call, "function": {**call["function"], "output": output}}
