"""One project: its objects, clock, responders, and the log of what was asked of it. No HTTP in here.

Everything in this file is used on the server's loop only; `ProjectHandle` is what other threads hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from emulator.clock import MANUAL_START, Clock, ManualClock, SystemClock
from emulator.config import Config
from emulator.context import Context
from emulator.errors import EmulatorError
from emulator.ids import SHAPES, Ids
from emulator.requests import RequestLog
from emulator.responders.rules import RuleBook
from emulator.responders.scripts import Script
from emulator.responders.turn import Turn
from emulator.runs.driver import Driver
from emulator.runs.prompt import visible_messages
from emulator.runs.workers import Workers
from emulator.store import Object, Store

T = TypeVar("T")
MakeClient = Callable[[str, dict[str, Any]], Any]
Hop = Callable[[Callable[[], Any]], Any]

TABLE_OF_PREFIX = {SHAPES[kind][0]: f"{kind}s" for kind in SHAPES if kind not in ("call", "vector_store_file_batch")}
TABLE_OF_PREFIX[SHAPES["vector_store_file_batch"][0]] = "vector_store_file_batches"


class Project:
    """`hop` runs a function on the server's loop from any thread; `make_client` makes an SDK client for a run."""

    def __init__(
        self, name: str, config: Config, directory: Path | None, workers: Workers, hop: Hop, make_client: MakeClient
    ) -> None:
        self.name = name
        self.config = config
        self.directory = directory
        self.rules = RuleBook()
        self.script: Script | None = None
        self.requests = RequestLog()
        self.open_streams: set[Callable[[], None]] = set()
        self._workers = workers
        self._hop = hop
        self._make_client = make_client
        self._autojump = False
        store = Store(directory)
        clock = self._new_clock(store.get("emulator", "clock"))
        self.context = Context(store, self._ids(store, name), clock, config)
        self.driver = self._new_driver()

    def configure(self, *, seed: str | None = None, clock: str | None = None, autojump: bool = False) -> None:
        """For a project that has just been opened: its own id seed, its own kind of clock."""
        if seed is not None:
            self.context.ids = self._ids(self.context.store, seed)
        if clock is not None:
            self._autojump = autojump
            self.context.clock.close()
            self.context.clock = self._make_clock(clock, MANUAL_START)

    def reset(self, seed: str | None = None) -> None:
        """Empty it: objects, scripts, rules, requests, clock, id counters. `seed` is the new id seed, or its name."""
        self.end_streams()
        self.driver.close()
        self.context.clock.close()
        self.context.store.replace({}, {})
        self.context.token_tallies.clear()
        self.context.clock = self._new_clock(None)
        self.context.ids = self._ids(self.context.store, seed or self.name)
        self.rules.clear()
        self.script = None
        self.requests.clear()
        self.driver = self._new_driver()

    def set_script(self, script: Script | None) -> None:
        """The script's rules take the place of the ones before; Python's rules stay."""
        self.script = script
        self.rules.set_script(script.rules if script is not None else ())

    async def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise EmulatorError(f"advance takes seconds from 0 up, not {seconds}; `set` moves a clock back")
        await self.driver.settle_all()
        await self.driver.move_clock(self.context.clock.time() + seconds)

    def end_streams(self) -> None:
        for end in list(self.open_streams):
            end()

    async def close(self) -> None:
        """Leave runs as they stand, write everything to disk."""
        self.end_streams()
        ending = self.driver.close()
        await asyncio.gather(*ending, return_exceptions=True)
        self.context.clock.close()
        self.context.store.close()

    def _ids(self, store: Store, seed: str) -> Ids:
        def taken(id: str) -> bool:
            prefix = next(prefix for prefix in TABLE_OF_PREFIX if id.startswith(prefix))
            return store.get(TABLE_OF_PREFIX[prefix], id) is not None

        return Ids(self.config.seed, seed, store.counters, lambda id: not id.startswith("call_") and taken(id))

    def _new_clock(self, kept: Object | None) -> Clock:
        """A manual clock goes on where it stood when the directory was left."""
        return self._make_clock(self.config.clock, kept["time"] if kept else MANUAL_START)

    def _make_clock(self, mode: str, start: float) -> Clock:
        if mode == "manual":
            return ManualClock(start, self._autojump)
        return SystemClock(asyncio.get_running_loop().call_later)

    def _new_driver(self) -> Driver:
        return Driver(self.context, self.rules, self._workers, self._turn)

    def _turn(self, run: Object) -> Turn:
        store = self.context.store
        assistant = store.get("assistants", run["assistant_id"]) or {"id": run["assistant_id"], "name": None}
        thread = store.get("threads", run["thread_id"]) or {"id": run["thread_id"]}
        return Turn(run, assistant, thread, _RunSource(self.context, run, self._hop, self._make_client))


class _RunSource:
    """Where the turn of one run looks things up; called from responders' threads."""

    def __init__(self, context: Context, run: Object, hop: Hop, make_client: MakeClient) -> None:
        self._context = context
        self._run = run
        self._hop = hop
        self._make_client = make_client

    def messages(self) -> list[Object]:
        found: list[Object] = self._hop(lambda: visible_messages(self._context, self._run))
        return found

    def client(self, **options: Any) -> Any:
        return self._make_client(self._run["id"], options)

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        return []

    def file(self, file_id: str) -> Any:
        return self._hop(lambda: self._context.store.get("files", file_id))
