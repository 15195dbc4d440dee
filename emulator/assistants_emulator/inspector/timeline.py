"""A run's history: its states and steps in order, derived from the stored objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assistants_emulator.project.project import Project
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import TERMINAL, TIMESTAMPS
from assistants_emulator.store import Object

RUNNING = ("queued", "in_progress", "cancelling")
MOST_STEPS, MOST_OUTPUTS = 200, 3  # steps that are searched for the outputs of a function; outputs that are offered


@dataclass(frozen=True, slots=True)
class State:
    """The run entered a state; `at` is None if the time is unknown."""

    status: str
    at: int | None
    note: str = ""
    kind: str = "state"


@dataclass(frozen=True, slots=True)
class Step:
    """A run step with its tool calls or its message. `waits`: its outputs have not been submitted yet."""

    object: Object
    calls: list[Object]
    message: Object | None
    waits: bool
    kind: str = "step"

    @property
    def took(self) -> int | None:
        ended = (self.object[name] for name in ("completed_at", "failed_at", "cancelled_at"))
        end = next((when for when in ended if when is not None), None)
        return None if end is None else end - self.object["created_at"]


def timeline(context: Context, run: Object) -> list[State | Step]:
    """States and steps from the run's creation to now."""
    return list(_entries(context, run))


def _entries(context: Context, run: Object) -> Iterator[State | Step]:
    yield State("queued", run["created_at"], "Run created.")
    if run["started_at"] is not None:
        yield State("in_progress", run["started_at"])
    for object in context.store.of("steps", "run_id", run["id"]):
        step = _step(context, run, object)
        yield step
        if step.calls and step.calls[0].get("type") == "function":
            yield State("requires_action", object["created_at"], "Waiting for function call outputs.")
            if not step.waits and object["status"] == "completed":
                yield State("queued", object["completed_at"], "Outputs submitted.")
    if run["status"] in TERMINAL:
        yield State(run["status"], run.get(TIMESTAMPS.get(run["status"], "")), _reason(run))
    elif run["status"] == "cancelling":
        yield State("cancelling", None)


def _step(context: Context, run: Object, step: Object) -> Step:
    calls = step["step_details"].get("tool_calls", [])
    message_id = step["step_details"].get("message_creation", {}).get("message_id")
    message = context.store.get("messages", message_id) if message_id else None
    waits = run["status"] == "requires_action" and step["status"] == "in_progress"
    return Step(step, calls, message, waits)


def _reason(run: Object) -> str:
    if run["last_error"]:
        return str(run["last_error"].get("message", ""))
    if run["incomplete_details"]:
        return f"Reason: {run['incomplete_details'].get('reason', '')}"
    return "The run did not finish in time." if run["status"] == "expired" else ""


def summary(context: Context, run: Object) -> list[str]:
    """The run's tool calls in a few words each."""
    calls = (
        call
        for step in context.store.of("steps", "run_id", run["id"])
        for call in step["step_details"].get("tool_calls", [])
    )
    return [_short(call) for call in calls]


def _short(call: Object) -> str:
    kind = call.get("type", "tool call")
    details = call.get(kind) or {}
    if kind == "function":
        return f"{details.get('name', '')}()"
    if kind == "file_search":
        return f"file search, {len(details.get('results') or [])} results"
    return "ran code" if kind == "code_interpreter" else str(kind)


def answered_by(project: Project, run: Object) -> str:
    """The description of the rule that answers the run; the rule's id if the rule is gone, empty without one."""
    rule_id = run.get("_rule")
    rule = project.rules.find(rule_id) if rule_id else None
    return rule.describe() if rule is not None else (rule_id or "")


def last_outputs(context: Context, run: Object) -> dict[str, list[str]]:
    """The newest outputs that were submitted for the functions that a run waits for, by the functions' names."""
    if run["status"] != "requires_action":
        return {}
    outputs: dict[str, list[str]] = {name: [] for name in asked_functions(run)}
    for step in context.store.page("steps", limit=MOST_STEPS, descending=True).items:
        for call in step["step_details"].get("tool_calls", []):
            details = call.get("function") or {}
            known, output = outputs.get(details.get("name", "")), details.get("output")
            if known is not None and output and len(known) < MOST_OUTPUTS and output not in known:
                known.append(output)
    return outputs


def asked_functions(run: Object) -> dict[str, dict[str, Any]]:
    """The run's function tools by name, for the form that takes their outputs."""
    functions = (tool.get("function") or {} for tool in run["tools"])
    return {function["name"]: function for function in functions if "name" in function}
