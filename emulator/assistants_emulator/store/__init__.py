"""What the emulator keeps: API objects in TinyDB tables with a journal, and uploaded bytes.

`store.commit(event)` is the only way in. Reads answer the live objects from memory, in creation order; nobody changes
them, a change is a new dict. On disk: TinyDB's own file (`storage.py`) and one line per commit since (`journal.py`).
"""

from assistants_emulator.store.blobs import Blobs, BlobWriter
from assistants_emulator.store.disk import DirectoryLock
from assistants_emulator.store.journal import repair
from assistants_emulator.store.model import TABLES, Event, Object, child_key, key
from assistants_emulator.store.store import Store
from assistants_emulator.store.table import Listing, Page

__all__ = [
    "TABLES",
    "BlobWriter",
    "Blobs",
    "DirectoryLock",
    "Event",
    "Listing",
    "Object",
    "Page",
    "Store",
    "child_key",
    "key",
    "repair",
]
