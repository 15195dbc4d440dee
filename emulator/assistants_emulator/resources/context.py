"""The context of every operation: one project's objects, ids, clock and options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from assistants_emulator.clock import Clock
from assistants_emulator.config import Config
from assistants_emulator.ids import Ids
from assistants_emulator.object_kinds import ObjectKind
from assistants_emulator.retrieval import Index
from assistants_emulator.store import Event, Object, Store
from assistants_emulator.store.blobs import Contents
from assistants_emulator.sweep.calls import Calls

_WITH_CONTENT = ("files", "parts", "container_files")


def used_contents(store: Store) -> set[str]:
    """The names of all bytes that belong to an object; others are what a killed process left behind."""
    return {name for table in _WITH_CONTENT for object in store.all(table) for name in object.get("_content", ())}


@dataclass(frozen=True, slots=True)
class Hold:
    """Keeps a new run or vector store file from making progress: for ever, or until it fails with `last_error`."""

    last_error: Object | None = None

    @property
    def mark(self) -> Object | bool:
        """The `_stuck` of an object that is held."""
        return self.last_error or True


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
    hold: Hold | None = None
    """Set in the copy that a call with a `stuck` fault is given, never in the project's own."""
    adopt: Callable[[ObjectKind, str], Object | None] | None = None
    """Makes the object of an unknown id at its first use, where the options say so; None for an id that it leaves."""
    adopted: set[str] = field(default_factory=set)
    """The ids of objects that `adopt` has made."""
    strict_tools: bool = True
    """Fail a run whose responder uses a tool that the run does not declare."""
    remarks: list[str] = field(default_factory=list)
    """Lines about what a person may want to know at the end of a test."""
    calls: Calls = field(default_factory=Calls)
    """The calls so far, and the variant of one of them."""
    token_tallies: dict[str, int] = field(default_factory=dict)
    """Running token estimate of each thread's messages, by thread id; absent means not counted yet."""

    def commit(self, event: Event) -> None:
        """Commit the event; if it is refused, the bytes of its new objects are dropped: nothing refers to them."""
        try:
            self.store.commit(event)
        except BaseException:
            names = {name for _, object in event.puts for name in object.get("_content", ())}
            if names:
                self.contents.discard(names - used_contents(self.store))
            raise

    def forget_derived(self) -> None:
        """Drop the caches; they are rebuilt on demand."""
        self.index.close()
        self.indexed.clear()
        self.token_tallies.clear()

    def newest(self, table: str, field: str, parent: str) -> Object | None:
        return next(iter(reversed(self.store.of(table, field, parent))), None)
