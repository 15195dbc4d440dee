"""One change of state, as the store persists it and as subscribers see it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

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
    "assistants": (),
    "threads": (),
    "messages": ("thread_id", "run_id", "_asked_in"),
    "runs": ("thread_id",),
    "steps": ("run_id",),
    "files": ("purpose",),
    "uploads": (),
    "parts": ("upload_id",),
    "vector_stores": (),
    "vector_store_files": ("vector_store_id", "batch_id"),
    "vector_store_file_batches": ("vector_store_id",),
    "emulator": (),  # the emulator's own documents: {"id": "clock", ...}
}


def key(table: str, object: Object) -> str:
    """What `get`, cursors and drops call the object: its id, but STORE/FILE for a file in a vector store.

    A vector store file's own id is the file's, and a file may be in several stores. KeyError for an object without id.
    """
    if table == "vector_store_files":
        return f"{object['vector_store_id']}/{object['id']}"
    id: str = object["id"]
    return id


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


def encode_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def decode_base64(text: str | bytes) -> bytes:
    """ValueError for what is not base64, white space and missing padding included."""
    return base64.b64decode(text, validate=True)
