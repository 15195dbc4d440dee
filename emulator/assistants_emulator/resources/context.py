"""What every operation of one project works on: its objects, ids, clock and options."""

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
    """What a fault does to what is created meanwhile: holds it for ever, or ends it with this `last_error`."""

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
    """Whether a fault keeps what is being created, runs and files of vector stores, from getting anywhere."""
    token_tallies: dict[str, int] = field(default_factory=dict)
    """Running token estimate of each thread's messages, by thread id; absent means not counted yet."""

    def commit(self, event: Event) -> None:
        self.store.commit(event)

    def forget_derived(self) -> None:
        """What is made of the objects and the bytes is made again when it is needed."""
        self.index.close()
        self.indexed.clear()
        self.token_tallies.clear()

    def newest(self, table: str, field: str, parent: str) -> Object | None:
        return next(iter(reversed(self.store.of(table, field, parent))), None)
