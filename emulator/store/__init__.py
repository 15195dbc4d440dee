"""What the emulator keeps: API objects in TinyDB tables with a journal, and uploaded bytes.

`store.commit(event)` is the only way in. Reads answer the live objects from memory, in creation order; nobody changes
them, a change is a new dict. On disk: TinyDB's own file (`storage.py`) and one line per commit since (`journal.py`).
"""

from emulator.store.blobs import Blobs, BlobWriter
from emulator.store.event import Event, Object
from emulator.store.listing import Listing, Page
from emulator.store.lock import DirectoryLock
from emulator.store.repair import repair
from emulator.store.store import Store
from emulator.store.tables import TABLES, key

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
    "key",
    "repair",
]
