"""A run's history: its states and steps in order, derived from the stored objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assistants_emulator.inspector.search import title
from assistants_emulator.project.project import Project
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import ENTERED, TERMINAL, TIMESTAMPS
from assistants_emulator.retrieval import content_words
from assistants_emulator.store import Object

RUNNING = ("queued", "in_progress", "cancelling")
MOST_STEPS, MOST_OUTPUTS = 200, 3  # steps that are searched for the outputs of a function; outputs that are offered
NOTES = {"requires_action": "Waiting for the outputs of function calls.", "queued": "Outputs submitted."}


@dataclass(frozen=True, slots=True)
class State:
    """The run entered a state; `at` is None if the time is unknown."""

    status: str
    at: int | None
    note: str = ""
    kind: str = "state"


@dataclass(frozen=True, slots=True)
class Step:
    """A run step with its tool calls or its message.

    `waits`: its outputs have not been submitted yet. `words` are those of the question, to be marked in passages.
    """

    object: Object
    calls: list[Object]
    message: Object | None
    waits: bool
    words: set[str]
    kind: str = "step"

    @property
    def is_function(self) -> bool:
        return bool(self.calls) and self.calls[0].get("type") == "function"

    @property
    def took(self) -> int | None:
        ended = (self.object[name] for name in ("completed_at", "failed_at", "cancelled_at"))
        end = next((when for when in ended if when is not None), None)
        return None if end is None else end - self.object["created_at"]


def timeline(context: Context, run: Object) -> list[State | Step]:
    """States and steps from the run's creation to now."""
    return list(_entries(context, run))


def _entries(context: Context, run: Object) -> Iterator[State | Step]:
    """Each state, and after `in_progress` the steps up to the next function calls, which the run waits for."""
    words = content_words(title(context, run))
    steps = deque(_step(context, run, object, words) for object in context.store.of("steps", "run_id", run["id"]))
    yield State("queued", run["created_at"], "Run created.")
    for status, at in _transitions(run, steps):
        if status in TERMINAL:
            yield from steps
            yield State(status, at, _reason(run))
            return
        yield State(status, at, NOTES.get(status, ""))
        while status == "in_progress" and steps:
            yield (step := steps.popleft())
            if step.is_function:
                break
    yield from steps


def _transitions(run: Object, steps: Iterable[Step]) -> list[tuple[str, int | None]]:
    """The states after the creation with their times; derived from the steps for a run that a state file brought."""
    if run.get(ENTERED):
        return [(status, at) for status, at in run[ENTERED]]
    return list(_derived(run, [step for step in steps if step.is_function]))


def _derived(run: Object, waits: list[Step]) -> Iterator[tuple[str, int | None]]:
    """`started_at` is the time at which the run was last taken up; earlier ones are not known."""
    answered = [step.object["completed_at"] for step in waits if step.object["status"] == "completed"]
    starts = [None] * len(answered) + [run["started_at"]]
    if run["started_at"] is None:
        starts.pop()
    for number, start in enumerate(starts):
        yield "in_progress", start
        if number < len(waits):
            yield "requires_action", waits[number].object["created_at"]
        if number < len(answered):
            yield "queued", answered[number]
    if run["status"] in TERMINAL:
        yield run["status"], run.get(TIMESTAMPS.get(run["status"], ""))
    elif run["status"] == "cancelling":
        yield "cancelling", None


def _step(context: Context, run: Object, step: Object, words: set[str]) -> Step:
    calls = step["step_details"].get("tool_calls", [])
    message_id = step["step_details"].get("message_creation", {}).get("message_id")
    message = context.store.get("messages", message_id) if message_id else None
    waits = run["status"] == "requires_action" and step["status"] == "in_progress"
    return Step(step, calls, message, waits, words)


def _reason(run: Object) -> str:
    if run["last_error"]:
        return str(run["last_error"].get("message", ""))
    if run["incomplete_details"]:
        return f"Reason: {run['incomplete_details'].get('reason', '')}"
    return "The run did not finish in time." if run["status"] == "expired" else ""


def lasted(run: Object) -> int | None:
    """Whole seconds from the run's creation to its end; None for one that goes on, or whose end is not known."""
    end = run.get(TIMESTAMPS.get(run["status"], "")) if run["status"] in TERMINAL else None
    return None if end is None else max(0, end - run["created_at"])


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
