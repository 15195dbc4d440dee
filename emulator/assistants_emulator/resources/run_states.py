"""The states of a run as data: their transitions, timestamps, and which of them lock the thread.

Sources: docs/reference/behaviour.md#run-states, and recordings for the first five rows.
"""

from __future__ import annotations

from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.store import Object

TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"in_progress", "cancelling", "failed", "expired"}),
    "in_progress": frozenset({"requires_action", "completed", "incomplete", "failed", "cancelling", "expired"}),
    "requires_action": frozenset({"queued", "cancelling", "expired", "failed"}),
    "cancelling": frozenset({"cancelled", "expired", "failed"}),
    "cancelled": frozenset(),
    "completed": frozenset(),
    "failed": frozenset(),
    "incomplete": frozenset(),
    "expired": frozenset(),
}
ACTIVE = frozenset(state for state, following in TRANSITIONS.items() if following)
TERMINAL = frozenset(TRANSITIONS) - ACTIVE
ENTERED = "_entered"  # [status, Unix seconds] of each transition after the run's creation, oldest first
MOST_ENTERED = 200  # of the newest transitions; a run of more tool calls than that is written again at each
HELD_END = "_end"  # the fields with which a run ends, kept with it until a request names the run or its thread
EXPIRES_AFTER = 600  # seconds from creation to expiry
# state -> the timestamp that entering it sets
TIMESTAMPS = {
    "in_progress": "started_at",
    "completed": "completed_at",
    "incomplete": "completed_at",  # ruby-openai runs_streamed_create, April 2024
    "failed": "failed_at",
    "cancelled": "cancelled_at",
}


def enter(run: dict[str, Any], status: str, now: int, **fields: Any) -> dict[str, Any]:
    """The run after entering `status` at `now`, in Unix seconds; ValueError for a transition that does not exist."""
    if status not in TRANSITIONS[run["status"]]:
        raise ValueError(f"a run cannot go from {run['status']} to {status}")
    transitions = [*run.get(ENTERED, ()), [status, now]]
    entered = {**run, "status": status, **fields, ENTERED: transitions[-MOST_ENTERED:]}
    entered.pop(HELD_END, None)
    if status in TIMESTAMPS:
        entered[TIMESTAMPS[status]] = now
    if status in TERMINAL:
        entered |= {"expires_at": None, "required_action": None}
    return entered


def active_run(context: Context, thread_id: str) -> Object | None:
    """The thread's unfinished run, of which there is one at most, the newest."""
    run = context.newest("runs", "thread_id", thread_id)
    return run if run is not None and run["status"] in ACTIVE else None
