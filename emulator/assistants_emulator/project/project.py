"""One project: its objects, clock, responders, faults and request log. No HTTP in here.

Everything in this file is used on the server's loop only; other threads use a `ProjectHandle`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assistants_emulator.clock import LAST_INSTANT, MANUAL_START, Clock, ManualClock, SystemClock
from assistants_emulator.config import Config
from assistants_emulator.errors import EmulatorError, StoreError
from assistants_emulator.ids import Ids
from assistants_emulator.object_kinds import ASSISTANT, THREAD, VECTOR_STORE, ObjectKind
from assistants_emulator.project.faults import Faults
from assistants_emulator.project.request_log import LogBudget, RequestLog
from assistants_emulator.resources.context import Context, used_contents
from assistants_emulator.resources.expiry import Expiry
from assistants_emulator.resources.vector_store_indexing import finish, jobs, read_jobs, unread_stores
from assistants_emulator.responders.callback import Callback
from assistants_emulator.responders.remote import RemoteTurns
from assistants_emulator.responders.rules import Rule, RuleBook
from assistants_emulator.responders.scripts.load import Script
from assistants_emulator.responders.validation import display
from assistants_emulator.responses.turns import ResponseTurns
from assistants_emulator.runs.turns import RunTurns
from assistants_emulator.store import Event, Object, Store
from assistants_emulator.store.blobs import Contents
from assistants_emulator.store.steps import Steps, run_in_turns, run_later
from assistants_emulator.sweep.effects import Variant
from assistants_emulator.turns.scheduler import TurnScheduler
from assistants_emulator.turns.turn_source import Hop, MakeClient
from assistants_emulator.turns.workers import Workers

if TYPE_CHECKING:  # imported where a state is used: its forms take as long as half of the models of requests
    from assistants_emulator.project.state import NewState, State

T = TypeVar("T")
ADOPTED = (ASSISTANT, THREAD, VECTOR_STORE)
WRITING_SECONDS = 0.005  # real ones, between two looks at an index that is being written


class Project:
    """`hop` runs a function on the server's loop from any thread; `make_client` makes an SDK client for a run."""

    def __init__(
        self,
        name: str,
        config: Config,
        directory: Path | None,
        workers: Workers,
        hop: Hop,
        make_client: MakeClient,
        log_budget: LogBudget,
    ) -> None:
        self.name = name
        self.config = config
        self.directory = directory
        self.rules = RuleBook()
        self.remote_turns = RemoteTurns()
        self.script: Script | None = None
        self.script_mistakes: list[str] = []  # of scripts that the control API has refused
        self.requests = RequestLog(log_budget)
        self._calls = 0
        self._resets = 0
        self._new_states: list[NewState] = []
        self.faults = Faults(lambda number: self.context.ids.fraction("fault", number))
        self.transport: str = config.transport
        self.open_streams: set[Callable[[], None]] = set()
        self._workers = workers
        self._hop = hop
        self._make_client = make_client
        self._autojump = False
        self._seed = name
        self._clock_mode: str = config.clock
        store = Store(directory)
        clock = self._new_clock(store.get("emulator", "clock"))
        self.context = Context(store, self._ids(store, name), clock, config, Contents(directory, store.make_directory))
        self.context.strict_tools = config.strict_tools
        self._gone: set[tuple[str, str]] = set()
        if config.adopt_ids:
            self.adopt_ids()
        store.run_in_background(run_later)
        if orphans := store.orphans():
            self.context.commit(Event("orphans.dropped", {}, drops=tuple(orphans)))
        self.context.contents.keep_only(used_contents(store))
        self.expiry = Expiry(self.context)
        self.scheduler = self._new_scheduler()
        self._reading: dict[str, asyncio.Future[None]] = {}

    @property
    def is_new(self) -> bool:
        """True for a project that never held an object: no id was ever made."""
        return not self.context.store.counters.values and not any(True for _ in self.context.store.all("assistants"))

    def configure(
        self,
        *,
        seed: str | None = None,
        clock: str | None = None,
        autojump: bool = False,
        transport: str | None = None,
    ) -> None:
        """Set the id seed, kind of clock and clients' transport of a project that has just been opened."""
        self.transport = transport or self.transport
        if seed is not None:
            self._seed = seed
            self.context.ids = self._ids(self.context.store, seed)
        if clock is not None:
            self._autojump, self._clock_mode = autojump, clock
            self.context.clock.close()
            self.context.clock = self._make_clock(clock, MANUAL_START)
            self.expiry.rearm()

    def adopt_ids(self) -> None:
        """Make unknown assistants, threads and vector stores with defaults at their first use."""
        if self.context.adopt is None:
            self.context.adopt = self._adopt
            self.context.store.subscribe("*", lambda event: self._gone.update(event.drops))

    def reset(self, seed: str | None = None, *, keep_rules: bool = False) -> None:
        """Drop all objects, scripts, rules, requests, id counters and the clock. `seed` is the id seed from now on.

        With `keep_rules` the script and all rules stay, unused again.
        """
        self._resets += 1
        self.end_streams()
        self._stop_reading()
        self.scheduler.close()
        self.context.clock.close()
        self.context.store.replace({}, {})
        self.context.contents.keep_only(())
        self.context.forget_derived()
        self.context.clock = self._new_clock(None)
        self.expiry.rearm()
        self.context.ids = self._ids(self.context.store, seed or self._seed)
        if keep_rules:
            self.rules.rewind()
        else:
            self.rules.clear()
            self.script = None
        self.script_mistakes.clear()
        self.requests.clear()
        self._calls = 0
        self._gone.clear()
        self.context.adopted.clear()
        self.context.remarks.clear()
        self.faults.clear()
        self.context.calls.clear()
        self.scheduler = self._new_scheduler()

    def vary(self, variant: Variant) -> None:
        """Let the variant happen to a call to come; ValueError for an effect or route that there is not."""
        routes = self.faults.routes
        if routes and variant.route not in routes:
            raise ValueError(f"a variant's route is one of the emulated ones, not {self.faults.hint(variant.route)}")
        self.context.calls.vary(variant)

    def next_request_id(self) -> str:
        self._calls += 1
        return self.context.ids.request_id(self._calls)

    def set_script(self, script: Script | None) -> None:
        """Replace the rules of the script before; Python's stay. ScriptError for a `call` to a foreign host."""
        for rule in script.rules if script is not None else ():
            if isinstance(rule.source, Callback):
                rule.source.require_allowed(self.config.allow_callbacks)
        self.script = script
        self.rules.set_script(script.rules if script is not None else ())
        self.context.remarks += script.remarks if script is not None else ()

    def add_script_rule(self, rule: Rule, raw: dict[str, Any]) -> None:
        """Add a rule to the script, which is `raw` then; the rules before it keep their uses."""
        self.script = Script([*(self.script.rules if self.script is not None else ()), rule], raw)
        self.rules.add_to_script(rule)

    def load_state(self, state: Mapping[str, Any]) -> Steps[None]:
        """Replace all objects; scripts, rules, faults and the clock stay. EmulatorError for an invalid state."""
        from assistants_emulator.project.state import add_all

        with self.new_state() as new:
            yield from add_all(new, state)
            yield from self.replace_state(new)

    @contextmanager
    def new_state(self) -> Iterator[NewState]:
        """A state to be filled and then to be given to `replace_state`, before the block ends."""
        from assistants_emulator.project.state import NewState

        self._new_states.append(new := NewState(self.context))
        try:
            yield new
        finally:
            self._new_states.remove(new)
            self.context.contents.discard(set(new.names) - used_contents(self.context.store))

    def replace_state(self, new: NewState) -> Steps[None]:
        """Replace all objects at once, at the end of these steps; a reset in the meantime comes after that."""
        before = self._resets
        tables = yield from new.checked()
        install = yield from self.context.store.replacing(tables)
        if self._resets != before:
            return
        self.end_streams()
        self._stop_reading()
        self.scheduler.stop()
        install()
        new_names = (name for state in self._new_states for name in state.names)
        self.context.contents.keep_only(used_contents(self.context.store).union(new_names))
        self.context.forget_derived()
        self.expiry.rearm()
        self.scheduler.adopt(tables)

    async def add_state(self, state: Mapping[str, Any]) -> State:
        """Add objects, and return them by table as the API renders them, with the files of vector stores read."""
        from assistants_emulator.project.state import add_state, views_of

        added = add_state(self.context, state)
        self.expiry.rearm()
        for store in added.get("vector_stores", ()):
            await self.read_stores(store["id"])
        return views_of(self.context, added)

    async def work(self, function: Callable[[], T]) -> T:
        """Call the function in a worker thread; it must not touch the project's objects."""
        return await self._workers.work(function)

    async def advance(self, seconds: float) -> None:
        if not 0 <= seconds <= LAST_INSTANT - self.context.clock.time():  # nor NaN
            raise EmulatorError(
                f"advance takes seconds from 0 up, as far as the year 9999, not {display(seconds)}; "
                "`set` moves a clock back"
            )
        await self.scheduler.settle_all()
        await self.scheduler.move_clock(self.context.clock.time() + seconds)

    async def read_stores(self, store_id: str | None = None, searching: bool = False) -> None:
        """Wait until the files of this vector store, or of all, are read.

        At most for `settle_seconds`, but `searching` without a limit.
        """
        for id in [store_id] if store_id is not None else unread_stores(self.context):
            while searching and id not in self._reading and self.context.index.is_being_written(id):
                await asyncio.sleep(WRITING_SECONDS)  # a file of the store is being removed
            while jobs(self.context, id, searching):
                if id not in self._reading:
                    self._reading[id] = asyncio.ensure_future(self._read_store(id, searching))
                reading = self._reading[id]
                await asyncio.wait({reading}, timeout=None if searching else self.config.settle_seconds)
                if not reading.done():
                    break
                if not reading.cancelled():  # by a reset or a new state: look again
                    reading.result()

    async def _read_store(self, id: str, searching: bool) -> None:
        """Read in a worker thread: a hostile document may take long."""
        try:
            read_all = partial(read_jobs, self.context.contents, jobs(self.context, id, searching))
            readings = await self._workers.work(read_all)
            await run_in_turns(finish(self.context, id, readings, searching))
        finally:
            if self._reading.get(id) is asyncio.current_task():
                del self._reading[id]

    def _stop_reading(self) -> None:
        for reading in self._reading.values():
            reading.cancel()
        self._reading.clear()

    async def _read_for_run(self, store_id: str) -> None:
        await self.read_stores(store_id, searching=True)

    def end_streams(self) -> None:
        for end in list(self.open_streams):
            end()

    @property
    def is_played(self) -> bool:
        """True if a person answers runs, now or as they come: then what writes here needs the token."""
        return self.rules.person != "off" or bool(self.scheduler.played())

    @property
    def is_at_work(self) -> bool:
        """True while a run is being executed, a file is being read, or the objects are being written."""
        is_writing = bool(self._new_states) or self.context.store.is_writing
        return bool(self._reading or is_writing) or not self.scheduler.is_resting

    def unload(self) -> None:
        """Drop the objects from memory; they are loaded from the directory when they are next used."""
        self.context.store.unload()
        self.context.forget_derived()

    async def close(self) -> None:
        """Stop runs as they stand and write everything to disk."""
        self.end_streams()
        with suppress(StoreError):  # what cannot be written is held until the directory is used again
            self.scheduler.held.end_all()
        ending = self.scheduler.close()
        await asyncio.gather(*ending, return_exceptions=True)
        self._stop_reading()
        self.expiry.close()
        self.context.clock.close()
        self.context.index.close()
        self.context.store.close()
        self.context.contents.close()
        self.requests.close()

    def _adopt(self, kind: ObjectKind, id: str) -> Object | None:
        """Make the assistant, thread or vector store of that id with defaults, unless it was deleted."""
        from assistants_emulator.project.state import add_state

        is_well_formed = re.fullmatch(re.escape(kind.prefix) + r"[\w-]+", id, re.ASCII) is not None
        if kind not in ADOPTED or not is_well_formed or (kind.table, id) in self._gone:
            return None
        model = {"model": "gpt-4o"} if kind is ASSISTANT else {}
        (row,) = add_state(self.context, {kind.table: [{"id": id, **model}]})[kind.table]
        self.context.adopted.add(id)
        self.context.remarks.append(f"{kind.word} {id} did not exist, and was made with defaults at its first use")
        return row

    def _ids(self, store: Store, seed: str) -> Ids:
        def taken(kind: ObjectKind, id: str) -> bool:
            return bool(kind.table) and store.get(kind.table, id) is not None

        return Ids(self.config.seed, seed, store.counters, taken)

    def _new_clock(self, stored: Object | None) -> Clock:
        """A manual clock continues from the time that is stored in the directory."""
        return self._make_clock(self._clock_mode, stored["time"] if stored else MANUAL_START)

    def _make_clock(self, mode: str, start: float) -> Clock:
        if mode == "manual":
            return ManualClock(start, self._autojump)
        return SystemClock(asyncio.get_running_loop().call_later)

    def _new_scheduler(self) -> TurnScheduler:
        runs = RunTurns(self.context)
        apis = (runs, ResponseTurns(self.context))
        return TurnScheduler(
            self.context, self.rules, self._workers, apis, runs.held, self._hop, self._make_client, self._read_for_run
        )
