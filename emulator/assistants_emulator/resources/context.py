"""The context of every operation: one project's objects, ids, clock and options."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistants_emulator.clock import Clock
from assistants_emulator.config import Config
from assistants_emulator.ids import Ids
from assistants_emulator.retrieval import Index
from assistants_emulator.store import Event, Object, Store
from assistants_emulator.store.blobs import Contents


@dataclass(frozen=True, slots=True)
class Sticking:
    """A fault's effect on runs and files that are created meanwhile: stuck for ever, or failed with `last_error`."""

    last_error: Object | None = None


@dataclass(slots=True)
class Context:
    """One project's state without its run machinery; used on the server's loop only."""

    store: Store
    ids: Ids
    clock: Clock
    config: Config
    contents: Contents
    index: Index = field(default_factory=Index)
    """The chunks of vector stores. Derived, so kept in memory only."""
    indexed: set[str] = field(default_factory=set)
    """The stores whose completed files are all in `index`."""
    sticking: Sticking | None = None
    """Set while a fault holds the runs and vector store files that are being created."""
    token_tallies: dict[str, int] = field(default_factory=dict)
    """Running token estimate of each thread's messages, by thread id; absent means not counted yet."""

    def commit(self, event: Event) -> None:
        self.store.commit(event)

    def forget_derived(self) -> None:
        """Drop the caches; they are rebuilt on demand."""
        self.index.close()
        self.indexed.clear()
        self.token_tallies.clear()

    def newest(self, table: str, field: str, parent: str) -> Object | None:
        return next(iter(reversed(self.store.of(table, field, parent))), None)
