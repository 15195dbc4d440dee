"""Objects, their tables and keys, and the events that change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""An API object as it is stored. Stored objects are never changed in place: a change is a new dict."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of state: `name` and `data` for streams, `puts` and `drops` for the tables, applied in this order.

    `puts` are (table, whole new object), `drops` are (table, key). `topic` is the id that subscribers listen to, such
    as a run's for run events; "" without one.
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
