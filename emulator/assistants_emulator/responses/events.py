"""The events of responses: their data as a stream shows it, and what each writes to the tables.

A name is the event's `type`. Keys follow it in the order of the alphabet, as since January 2026
(docs/reference/behaviour.md#responses-events).
"""

from __future__ import annotations

from collections.abc import Iterable

from assistants_emulator.store import VOLATILE, Event, Object

EVENTS = "response_events"
ENDINGS = ("completed", "incomplete", "failed", "cancelled")
CANCELLED, DELETED = "response.cancelled", "response.deleted"
LAST = frozenset((*(f"response.{status}" for status in ENDINGS), DELETED))
UNSEEN = (CANCELLED, DELETED, "response.changed")
"""Events of the store that no stream shows: the stream of a response that is cancelled or deleted just ends."""


def event(
    response_id: str,
    name: str,
    sequence_number: int,
    fields: Object,
    puts: Iterable[tuple[str, Object]] = (),
    is_unseen: bool = False,
) -> Event:
    numbered = {**fields, "sequence_number": sequence_number}
    ordered = dict(sorted(numbered.items())) if fields else numbered
    return Event(name, {"type": name, **ordered}, tuple(puts), topic=response_id, is_unseen=is_unseen)


def recorded(made: Event, response: Object) -> Event:
    """The event with itself among its puts, for a stream of the response that may be resumed."""
    number = made.data["sequence_number"]
    row: Object = {"id": f"{made.topic}/{number}", "_response_id": made.topic, "name": made.name, "data": made.data}
    row |= lasting_as(response)
    return Event(made.name, made.data, (*made.puts, (EVENTS, row)), made.drops, made.topic)


def lasting_as(response: Object) -> Object:
    """The field that keeps what a response makes off the disk, where the response is not on it."""
    return {VOLATILE: True} if VOLATILE in response else {}


def drops_of(rows: Iterable[Object]) -> list[tuple[str, str]]:
    return [(EVENTS, row["id"]) for row in rows]


EMPTY: dict[str, Object] = {
    "message": {"content": []},
    "function_call": {"arguments": ""},
    "code_interpreter_call": {"code": ""},
    "file_search_call": {"queries": [], "results": None},
}


def added(item: Object) -> Object:
    """An item as `output_item.added` shows it: begun, and still empty."""
    return {**item, "status": "in_progress", **EMPTY.get(item["type"], {})}
