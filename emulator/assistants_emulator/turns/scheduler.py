"""All turns under way in one project: begins each as it is created, and lets a request wait until it is settled.

The store's events tell the scheduler of everything: each API starts a turn when it hears that a run or a response was
created. A read never moves a turn; it only waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from assistants_emulator.clock import LAST_INSTANT, is_instant
from assistants_emulator.errors import EmulatorError, Failure, StoreError
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.rules import RuleBook, Trial
from assistants_emulator.responders.validation import display
from assistants_emulator.store import Event, Object
from assistants_emulator.turns.invocation import TurnServices
from assistants_emulator.turns.suspension import HeldEnds
from assistants_emulator.turns.task import TurnTask
from assistants_emulator.turns.turn_source import Hop, MakeClient
from assistants_emulator.turns.workers import Workers
from assistants_emulator.turns.writer import TurnApi


class TurnScheduler:
    """`hop`, `make_client` and `read_store` are those of TurnServices; `apis` are those whose turns it drives, and
    `held` are the ends that those hold back."""

    def __init__(
        self,
        context: Context,
        rules: RuleBook,
        workers: Workers,
        apis: Sequence[TurnApi],
        held: HeldEnds,
        hop: Hop,
        make_client: MakeClient,
        read_store: Callable[[str], Awaitable[None]],
    ) -> None:
        self.context = context
        self.rules = rules
        self.held = held
        self._apis = apis
        self._services = TurnServices(context, rules, workers, hop, make_client, read_store)
        self._tasks: dict[str, TurnTask] = {}
        self._by_place: dict[str, TurnTask] = {}
        self._stalled: dict[str, TurnTask] = {}
        self._unsubscribe = context.store.subscribe("*", self._on_event)
        self._interrupted = [(api, subject) for api in apis for subject in api.interrupted()]

    @property
    def failures(self) -> list[Failure]:
        """Exceptions that responders raised; the list itself."""
        return self._services.failures

    @property
    def unmatched(self) -> list[str]:
        """An explanation for each turn that no rule answered; the list itself."""
        return self._services.unmatched

    def verdicts(self) -> dict[str, list[str]]:
        """For each of the newest turns, by its id, a line for each rule that was tried for it."""
        return {turn.run["id"]: self.rules.verdicts(turn, rule) for turn, rule in self._services.choices}

    async def trials(self, id: str) -> list[Trial]:
        """The rules that were tried for the turn of this id, condition by condition; none for an older turn."""
        turn, chosen = next(
            (choice for choice in reversed(self._services.choices) if choice[0].run["id"] == id), (None, None)
        )
        if turn is None:
            return []
        if self.rules.is_slow(turn):
            return await asyncio.to_thread(self.rules.trials, turn, chosen)
        return self.rules.trials(turn, chosen)

    def failed(self, id: str, error: Exception) -> None:
        """Keep an exception of the run or response of that id, for the test that caused it."""
        self._services.failed(id, error)

    # For requests

    async def settle(self, place: str, asker: str | None = None, cancelled: str | None = None) -> None:
        """Wait until the turn of that place waits for something outside it, `settle_seconds` at most; end a held one.

        `place` is the id of a thread, conversation or response; `asker` that of the run or response whose responder
        makes the request: it does not wait for itself. The turn of the id `cancelled` is neither hurried through a
        Wait nor ended: the request cancels it.
        """
        if self._stalled:
            self._go_on_with_stalled()
        await self._settle(place, asker, cancelled)
        self._end_held(place, spared=cancelled)

    async def _settle(self, place: str, asker: str | None, cancelled: str | None) -> None:
        while (task := self._by_place.get(place)) is not None and task.id != asker:
            suspension = task.suspension
            if not suspension.settled.is_set():
                try:
                    await asyncio.wait_for(suspension.settled.wait(), self.context.config.settle_seconds)
                except TimeoutError:
                    return
            elif suspension.waiting_until is not None and self.context.clock.autojump and task.id != cancelled:
                await self.move_clock(suspension.waiting_until)
            else:
                return

    async def until_over(self, id: str) -> None:
        """Wait until the run or response has ended, however long that takes; a Wait is skipped as by any request."""
        if (task := self._tasks.get(id)) is not None:
            task.is_awaited = True
            await task.over.wait()

    @property
    def is_settled(self) -> bool:
        """True if no turn is at work."""
        return all(task.suspension.settled.is_set() for task in self._tasks.values())

    @property
    def is_resting(self) -> bool:
        """True if every turn waits for outputs, the clock or a resume; a live one is at work until it is over."""
        suspensions = [task.suspension for task in self._tasks.values()]
        return all(suspension.settled.is_set() and not suspension.live for suspension in suspensions)

    async def settle_all(self) -> None:
        """Wait until every turn is settled, `settle_seconds` at most, and end the held ones; Waits are not skipped."""
        events = [task.suspension.settled for task in self._tasks.values()]
        waits = [asyncio.ensure_future(event.wait()) for event in events if not event.is_set()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=self.context.config.settle_seconds)
            for wait in late:
                wait.cancel()
        for place in self.held.places():
            self._end_held(place)

    def _end_held(self, place: str, spared: str | None = None) -> None:
        """End what is held there; it stays held while the store cannot be written, and reads find it in progress."""
        try:
            self.held.end(place, spared)
        except StoreError as error:
            self._services.stalled(self.held.id_at(place), error)

    async def move_clock(self, when: float) -> None:
        """Move the clock to `when` (unix seconds), stopping at every deadline before it until all turns are settled."""
        if not is_instant(when):
            raise EmulatorError(
                f"a clock is set to unix seconds from 0 to {LAST_INSTANT} (the year 9999), not {display(when)}"
            )
        clock = self.context.clock
        await self.settle_all()
        while (deadline := clock.next_deadline()) is not None and deadline <= when:
            clock.jump(max(deadline, clock.time()))
            clock.fire_due()
            await self.settle_all()
        clock.jump(when)
        self.context.commit(Event("clock.moved", {}, (("emulator", {"id": "clock", "time": when}),)))

    def played(self) -> list[TurnTask]:
        """The turns under way that a person answers, oldest first."""
        return [task for task in self._tasks.values() if task.seat is not None]

    def resume(self, id: str) -> bool:
        """Return False if the run or response is not paused."""
        task = self._tasks.get(id)
        return task is not None and task.suspension.resume()

    def recover(self) -> None:
        """Go on with the turns that a stop interrupted. Not before the first request: responders come first."""
        interrupted, self._interrupted = self._interrupted, []
        for api, subject in interrupted:
            if subject["id"] not in self._tasks:
                self.start(api, subject)

    def adopt(self, tables: dict[str, list[Object]]) -> None:
        """Take in the turns of a state file: no responder has begun them, so they stay until they are resumed."""
        for api in self._apis:
            for subject, paused in api.adopted(tables):
                self.start(api, subject, paused=paused)

    def start(self, api: TurnApi, subject: Object, *, paused: bool = False, last_error: Object | None = None) -> None:
        task = TurnTask(
            self.context,
            api,
            subject,
            self._services,
            self._on_wait,
            self._on_over,
            paused=paused,
            last_error=last_error,
        )
        self._tasks[task.id] = task
        self._by_place.update(dict.fromkeys(task.places, task))

    def task(self, id: str) -> TurnTask | None:
        """The task of a run or response, by its id or that of the thread or conversation that it is in."""
        return self._by_place.get(id)

    def stop(self) -> list[asyncio.Task[None]]:
        """Leave all turns as they are, and return the tasks that are ending."""
        self._interrupted, self._stalled = [], {}
        self.held.clear()
        tasks = list(self._tasks.values())
        self._tasks, self._by_place = {}, {}
        for task in tasks:
            task.stop()
        for api in self._apis:
            api.close()
        return [task.loop_task for task in tasks]

    def close(self) -> list[asyncio.Task[None]]:
        """Stop, and hear no more events of the store."""
        self._unsubscribe()
        return self.stop()

    # From the store

    def _on_event(self, event: Event) -> None:
        if self._stalled:
            self._go_on_with_stalled()
        for api in self._apis:
            api.hear(event, self)

    # From a task

    def _on_wait(self, task: TurnTask) -> None:
        """A turn has come to a Wait; a stream, or a request that waits for its end, finds it there."""
        if self.context.clock.autojump and (task.is_awaited or self.context.store.listening(task.id)):
            asyncio.get_running_loop().create_task(self.settle(task.id))

    def _go_on_with_stalled(self) -> None:
        """Go on, as after a restart, with turns that the store could not write: by now it may have room."""
        stalled, self._stalled = list(self._stalled.values()), {}
        for task in stalled:
            with suppress(LookupError):  # deleted meanwhile
                self.start(task.api, task.writer.subject)

    def _on_over(self, task: TurnTask) -> None:
        if self._tasks.get(task.id) is task:  # a state file may have brought another turn of that id
            del self._tasks[task.id]
            if task.is_stalled:
                self._stalled[task.id] = task
        for place in task.places:
            if self._by_place.get(place) is task:
                del self._by_place[place]
