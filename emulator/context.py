"""What every operation of one project works on: its objects, ids, clock and options."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.clock import Clock
from emulator.config import Config
from emulator.ids import Ids
from emulator.store import Event, Object, Store


@dataclass(slots=True)
class Context:
    """One project's state without its run machinery; used on the server's loop only."""

    store: Store
    ids: Ids
    clock: Clock
    config: Config
    token_tallies: dict[str, int] = field(default_factory=dict)
    """Running token estimate of each thread's messages, by thread id; absent means not counted yet."""

    def commit(self, event: Event) -> None:
        self.store.commit(event)

    def newest(self, table: str, field: str, parent: str) -> Object | None:
        return next(iter(reversed(self.store.of(table, field, parent))), None)
