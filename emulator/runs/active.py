"""Which run holds a thread."""

from __future__ import annotations

from emulator.context import Context
from emulator.runs.lifecycle import ACTIVE
from emulator.store import Object


def active_run(context: Context, thread_id: str) -> Object | None:
    """The thread's run that is not over yet; there is one at most, and it is the newest."""
    run = context.newest("runs", "thread_id", thread_id)
    return run if run is not None and run["status"] in ACTIVE else None
