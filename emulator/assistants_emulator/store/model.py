"""Objects, their tables and keys, and the events that change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assistants_emulator.object_kinds import KINDS

Object = dict[str, Any]
"""An API object as it is stored. Stored objects are never changed in place: a change is a new dict."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of state: `name` and `data` for streams, `puts` and `drops` for the tables, applied in this order.

    `puts` are (table, whole new object), `drops` are (table, key). `topic` is the id that subscribers listen to, such
    as a run's for run events; "" without one. With `is_unseen` it is applied at once and written with the next commit:
    nothing that the disk could lose with it has been answered before that one.
    """

    name: str
    data: Object
    puts: tuple[tuple[str, Object], ...] = ()
    drops: tuple[tuple[str, str], ...] = ()
    topic: str = ""
    is_unseen: bool = False


VOLATILE = "_volatile"  # a key of objects that are in memory only
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


_NEVER_IN_PIECES = ("id", "index", "type", "name")


def add_delta(whole: Object, delta: Object) -> None:
    """Add a stream's delta to those before it, as the SDKs do: texts are joined, lists go by their items' `index`."""
    for key, value in delta.items():
        before = whole.get(key)
        if isinstance(value, list):
            whole[key] = _add_items(before if isinstance(before, list) else [], value)
        elif isinstance(value, dict):
            whole[key] = before if isinstance(before, dict) else {}
            add_delta(whole[key], value)
        elif isinstance(value, str) and isinstance(before, str) and key not in _NEVER_IN_PIECES:
            whole[key] = before + value
        elif value is not None or key not in whole:
            whole[key] = value


def _add_items(items: list[Any], deltas: list[Any]) -> list[Any]:
    for delta in deltas:
        if not isinstance(delta, dict) or not isinstance(delta.get("index"), int):
            items.append(delta)
            continue
        whole = next((item for item in items if isinstance(item, dict) and item.get("index") == delta["index"]), None)
        if whole is None:
            items.append(whole := {})
        add_delta(whole, delta)
    return items
