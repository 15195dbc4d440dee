"""All runs under way in one project: begins each as it is created, and lets a request wait until it is settled.

The store's events tell the scheduler of everything: a run starts when `thread.run.created` is committed, which
`runs/operations.create` does. A read never moves a run; it only waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import ACTIVE
from assistants_emulator.responders.rules import RuleBook
from assistants_emulator.responders.turn import Turn
from assistants_emulator.runs.invocation import Failure, RunServices
from assistants_emulator.runs.task import RunTask
from assistants_emulator.runs.tokens import keep_tally
from assistants_emulator.runs.workers import Workers
from assistants_emulator.store import Event, Object


class RunScheduler:
    """`make_turn(run)` returns the turn of a run's responder; `read_store(id)` reads a vector store's files."""

    def __init__(
        self,
        context: Context,
        rules: RuleBook,
        workers: Workers,
        make_turn: Callable[[Object], Turn],
        read_store: Callable[[str], Awaitable[None]],
    ) -> None:
        self.context = context
        self.rules = rules
        self._services = RunServices(context, rules, workers, make_turn, read_store)
        self._tasks: dict[str, RunTask] = {}
        self._by_thread: dict[str, RunTask] = {}
        self._unsubscribe = context.store.subscribe("*", self._on_event)
        self._interrupted = [run for run in context.store.all("runs") if run["status"] in ACTIVE]

    @property
    def failures(self) -> list[Failure]:
        """Exceptions that responders raised; the list itself."""
        return self._services.failures

    def failed(self, run_id: str, error: Exception) -> None:
        """Keep an exception that ended what a run does, or the sending of its events."""
        self._services.failed(run_id, error)

    @property
    def unmatched(self) -> list[str]:
        """An explanation for each run that no rule answered; the list itself."""
        return self._services.unmatched

    # For requests

    async def settle(self, thread_id: str, asker: str | None = None) -> None:
        """Wait until the thread's run waits for something outside it, `settle_seconds` at most.

        `asker` is the id of the run whose responder makes the request: it does not wait for itself.
        """
        while (task := self._by_thread.get(thread_id)) is not None and task.run_id != asker:
            suspension = task.suspension
            if not suspension.settled.is_set():
                try:
                    await asyncio.wait_for(suspension.settled.wait(), self.context.config.settle_seconds)
                except TimeoutError:
                    return
            elif suspension.waiting_until is not None and self.context.clock.autojump:
                await self.move_clock(suspension.waiting_until)
            else:
                return

    @property
    def is_settled(self) -> bool:
        """True if no run is at work."""
        return all(task.suspension.settled.is_set() for task in self._tasks.values())

    @property
    def is_resting(self) -> bool:
        """True if every run waits for outputs, the clock or a resume; a live one is at work until it is over."""
        suspensions = [task.suspension for task in self._tasks.values()]
        return all(suspension.settled.is_set() and not suspension.live for suspension in suspensions)

    async def settle_all(self) -> None:
        """Wait until every run is settled, `settle_seconds` at most; Waits are not skipped."""
        events = [task.suspension.settled for task in self._tasks.values()]
        waits = [asyncio.ensure_future(event.wait()) for event in events if not event.is_set()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=self.context.config.settle_seconds)
            for wait in late:
                wait.cancel()

    async def move_clock(self, when: float) -> None:
        """Move the clock to `when` (unix seconds), stopping at every deadline before it until all runs are settled."""
        clock = self.context.clock
        await self.settle_all()
        while (deadline := clock.next_deadline()) is not None and deadline <= when:
            clock.jump(max(deadline, clock.time()))
            clock.fire_due()
            await self.settle_all()
        clock.jump(when)
        self.context.commit(Event("clock.moved", {}, (("emulator", {"id": "clock", "time": when}),)))

    def resume(self, run_id: str) -> bool:
        """Return False if the run is not paused."""
        task = self._tasks.get(run_id)
        return task is not None and task.suspension.resume()

    def recover(self) -> None:
        """Go on with the runs that a stop interrupted. Not before the first request: responders come first."""
        interrupted, self._interrupted = self._interrupted, []
        for run in interrupted:
            if run["id"] not in self._tasks:
                self._start(run)

    def adopt(self, runs: list[Object]) -> None:
        """Take in the runs of a state file: no responder has begun them, so they stay until they are resumed."""
        for run in runs:
            if run["status"] in ACTIVE:
                self._start(run, paused=run["status"] in ("queued", "in_progress"))

    def stop(self) -> list[asyncio.Task[None]]:
        """Leave all runs as they are, and return the tasks that are ending."""
        self._interrupted = []
        tasks = list(self._tasks.values())
        self._tasks, self._by_thread = {}, {}
        for task in tasks:
            task.stop()
        return [task.loop_task for task in tasks]

    def close(self) -> list[asyncio.Task[None]]:
        """Stop, and hear no more events of the store."""
        self._unsubscribe()
        return self.stop()

    # From the store

    def _on_event(self, event: Event) -> None:
        if event.puts or event.drops:
            keep_tally(self.context, event)
        if event.name == "thread.run.created":
            self._start_new(event.data)
        elif event.name == "thread.deleted":
            if (task := self._by_thread.pop(event.data["id"], None)) is not None:
                task.stop()
        elif (task := self._tasks.get(event.topic)) is not None:
            if event.name == "thread.run.cancelling":
                task.cancel()
            elif event.name == "thread.run.queued":
                task.suspension.submitted()

    def _start_new(self, run: Object) -> None:
        """Start a run that was just created; one that a fault holds has `_stuck`, True or a `last_error`."""
        stuck = run.get("_stuck")
        self._start(run, paused=stuck is not None, last_error=stuck if isinstance(stuck, dict) else None)

    def _start(self, run: Object, paused: bool = False, last_error: Object | None = None) -> None:
        task = RunTask(
            self.context, run, self._services, self._on_wait, self._on_over, paused=paused, last_error=last_error
        )
        self._tasks[task.run_id] = task
        self._by_thread[task.thread_id] = task

    # From a task

    def _on_wait(self, task: RunTask) -> None:
        """A run has come to a Wait; a stream that is listening is a request that finds it there."""
        if self.context.clock.autojump and self.context.store.listening(task.run_id):
            asyncio.get_running_loop().create_task(self.settle(task.thread_id))

    def _on_over(self, task: RunTask) -> None:
        if self._tasks.get(task.run_id) is task:
            del self._tasks[task.run_id]
        if self._by_thread.get(task.thread_id) is task:
            del self._by_thread[task.thread_id]
