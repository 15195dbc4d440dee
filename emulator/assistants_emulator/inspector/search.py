"""Finding threads and runs by free text, by the status of runs and by id.

The stored objects are scanned in steps, between which the server's loop turns: there is no index to keep, and 100,000
messages take less than a tenth of a second.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from assistants_emulator.errors import NotFound
from assistants_emulator.inspector.conversation import text_of
from assistants_emulator.object_kinds import KINDS, ObjectKind
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE as ITEMS
from assistants_emulator.resources.run_states import TRANSITIONS
from assistants_emulator.store import Object, Page
from assistants_emulator.store.steps import OBJECTS_AT_ONCE, Steps

STATUSES = tuple(TRANSITIONS)
WAITING, RUNNING, FAILED = ("requires_action",), ("queued", "in_progress", "cancelling"), ("failed", "expired")
GROUPS = {"waiting": WAITING, "running": RUNNING, "failed": FAILED}
"""Statuses of runs, as threads are filtered by them: a thread is in each group that one of its runs is in."""
MOST_FOUND = 50
MOST_BEFORE = 20  # of a thread's questions, to find a run's among them
AROUND = 60  # characters before and after the words that were found


@dataclass(frozen=True, slots=True)
class Found:
    """The messages that have the text: the newest of each thread and of each run, and the threads in whole."""

    by_thread: dict[str, Object] = field(default_factory=dict)
    by_run: dict[str, Object] = field(default_factory=dict)


def find_messages(context: Context, text: str) -> Steps[Found]:
    """`text` is in lower case."""
    found = Found()
    for messages in _pieces(context.store.snapshot("messages")):
        for message in messages:
            if says(message, text):
                found.by_thread[message["thread_id"]] = message
                if message.get("run_id"):
                    found.by_run[message["run_id"]] = message
        yield None
    return found


def says(message: Object, text: str) -> bool:
    for part in message["content"]:  # noqa: SIM110 (a generator for each of 100,000 messages takes half of the time)
        if part["type"] == "text" and text in part["text"]["value"].lower():
            return True
    return False


def page_of(
    context: Context,
    table: str,
    keep: Callable[[Object], object],
    after: str = "",
    limit: int = MOST_FOUND,
    field: str | None = None,
    value: str | None = None,
) -> Steps[Page]:
    """The newest objects that `keep` accepts, before the one of the id `after`; of those with this field's value."""
    store = context.store
    rows = store.snapshot(table) if field is None or value is None else store.of(table, field, value)[:]
    if after:
        if not store.has_place(table, after):
            raise NotFound(f"There is no {after} to continue from.")
        kept_number = store.number(table, after) if store.get(table, after) else 0
        rows = rows[: bisect_left(rows, kept_number, key=lambda row: store.number(table, row["id"]))]
    found: list[Object] = []
    for piece in _pieces(rows[::-1]):
        found += [row for row in piece if keep(row)]
        if len(found) > limit:
            break
        yield None
    return Page(found[:limit], len(found) > limit)


def has_text(stored: Object, text: str, *more: str) -> bool:
    """Tell whether the object's id, name or metadata (`user:carol`), or one of the other texts, has the text."""
    if text in stored["id"].lower() or text in (stored.get("name") or "").lower():
        return True
    pairs = stored.get("metadata")
    if pairs and any(text in f"{key}:{value}".lower() for key, value in pairs.items()):
        return True
    return any(text in each.lower() for each in more)


def question(context: Context, run: Object) -> Object | None:
    """The user's message that the run answers: the newest before it.

    A state file has no order between messages and runs, so the time of creation counts too.
    """
    asked = context.store.of("messages", "_asked_in", run["thread_id"])
    before = asked.page(MOST_BEFORE, descending=True, after=context.store.number("runs", run["id"])).items
    older = (message for message in before if message["created_at"] <= run["created_at"])
    return next(older, next(iter(before), None))


def run_counts(context: Context) -> dict[str, int]:
    """The number of runs by status, of those statuses that there are."""
    counts = {status: context.store.count("runs", "status", status) for status in STATUSES}
    return {status: count for status, count in counts.items() if count}


def thread_ids(context: Context, group: str) -> set[str]:
    """The threads with a run in the group."""
    return {run["thread_id"] for status in GROUPS[group] for run in context.store.of("runs", "status", status)[:]}


def starting_with(context: Context, prefix: str, is_whole: bool = False) -> Iterator[tuple[str, str, Object]]:
    """The table, the word and the object of each id that begins so, MOST_FOUND at most; one only for a whole id, and
    for what `is_whole` no other."""
    tables = [(kind.table, kind.word or kind.name.replace("_", " ")) for kind in KINDS if _may_begin(kind, prefix)]
    tables.append((ITEMS, "item"))
    for table, word in tables:
        if (stored := context.store.get(table, prefix)) is not None:
            yield table, word, stored
            return
    if is_whole:
        return
    matches = (
        (table, word, stored)
        for table, word in tables
        for stored in reversed(context.store.snapshot(table))
        if stored["id"].startswith(prefix)
    )
    yield from islice(matches, MOST_FOUND)


def _may_begin(kind: ObjectKind, prefix: str) -> bool:
    if not kind.table or kind.is_shared:
        return False
    return kind.prefix.startswith(prefix) or prefix.startswith(kind.prefix)


def around(message: Object, text: str) -> tuple[str, str, str] | None:
    """The text before, of and after the first place of `text` in the message; None where its beginning shows it."""
    whole = " ".join(part["text"]["value"] for part in message["content"] if part["type"] == "text")
    at = whole.lower().find(text)
    if at < 0:
        return None
    start, end = max(0, at - AROUND), at + len(text)
    before = ("…" if start else "") + whole[start:at]
    after = whole[end : end + AROUND] + ("…" if len(whole) > end + AROUND else "")
    return before, whole[at:end], after


def usage_of(runs: Sequence[Object]) -> int:
    """The tokens that the runs used in all."""
    return sum((run["usage"] or {}).get("total_tokens") or 0 for run in runs)


def assistants_of(runs: Sequence[Object]) -> list[str]:
    """The ids of the assistants of the runs, the busiest first."""
    return [id for id, _ in Counter(run["assistant_id"] for run in runs).most_common() if id]


def title(context: Context, run: Object) -> str:
    return text_of(question(context, run))


def _pieces(rows: list[Object]) -> Iterator[list[Object]]:
    for at in range(0, len(rows), OBJECTS_AT_ONCE):
        yield rows[at : at + OBJECTS_AT_ONCE]
