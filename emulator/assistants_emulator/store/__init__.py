"""API objects in TinyDB tables with a journal, and uploaded bytes.

`store.commit(event)` is the only way to change objects. Reads return the live objects from memory, in creation order;
they are never changed in place, a change is a new dict. On disk: TinyDB's own file (`storage.py`) and a line for each
commit since (`journal.py`).
"""

from assistants_emulator.store.blobs import Blobs, BlobWriter
from assistants_emulator.store.disk import DirectoryLock
from assistants_emulator.store.model import TABLES, VOLATILE, Event, Object, child_key, key
from assistants_emulator.store.repair import repair
from assistants_emulator.store.store import Store
from assistants_emulator.store.table import Page

__all__ = [
    "TABLES",
    "VOLATILE",
    "BlobWriter",
    "Blobs",
    "DirectoryLock",
    "Event",
    "Object",
    "Page",
    "Store",
    "child_key",
    "key",
    "repair",
]
