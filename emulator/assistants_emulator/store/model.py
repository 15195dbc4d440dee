"""One change of state, as the store persists it and as subscribers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assistants_emulator.object_kinds import KINDS

Object = dict[str, Any]
"""An API object as it is stored. Stored objects are never changed in place: a change is a new dict."""


@dataclass(frozen=True, slots=True)
class Event:
    """`name` and `data` are what a stream would show; `puts` and `drops` are what it does to the tables.

    `puts` are (table, whole new object), `drops` are (table, object id), applied in this order: puts, then drops.
    `topic` is the id that subscribers listen to (a run's id, for run events); "" for nobody.
    """

    name: str
    data: Object
    puts: tuple[tuple[str, Object], ...] = ()
    drops: tuple[tuple[str, str], ...] = ()
    topic: str = ""


# table -> the fields by which its objects are also listed, each in creation order
TABLES: dict[str, tuple[str, ...]] = {
    **{kind.table: kind.indexes for kind in KINDS if kind.table},
    "items": ("_response_id", "_conversation_id", "_call_id"),  # of conversations and responses: they have no `object`
    "response_events": ("_response_id",),  # of streams that may be resumed
    "emulator": (),  # the emulator's own documents: {"id": "clock", ...}
}
_PARENT_FIELDS = {kind.table: kind.parent_field for kind in KINDS if kind.is_shared}


def key(table: str, object: Object) -> str:
    """The name of the object for `get`, cursors and drops: its id, but PARENT/ID where others may have that id too.

    A vector store file's own id is the file's, and a file may be in several stores. KeyError for an object without id.
    """
    id: str = object["id"]
    return child_key(object[_PARENT_FIELDS[table]], id) if table in _PARENT_FIELDS else id


def child_key(parent_id: str, id: str) -> str:
    """The `key` of an object that shares its id, as a file in a vector store does."""
    return f"{parent_id}/{id}"
