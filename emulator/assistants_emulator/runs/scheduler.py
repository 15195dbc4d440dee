"""All runs under way in one project: begins them as they are created, and lets a request wait until they settle.

The driver is told of everything by the store's events. A read never moves a run; it only waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import ACTIVE
from assistants_emulator.responders.replies import CodeInterpreter, FileSearch
from assistants_emulator.responders.rules import Rule, RuleBook
from assistants_emulator.responders.turn import Turn
from assistants_emulator.runs.code import execution
from assistants_emulator.runs.file_search import store_ids
from assistants_emulator.runs.invocation import Invocation, open_invocation
from assistants_emulator.runs.task import RunTask
from assistants_emulator.runs.tokens import keep_tally
from assistants_emulator.runs.workers import Workers
from assistants_emulator.store import Event, Object


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that a responder raised, kept for the test that caused it."""

    run_id: str
    error: Exception


class RunScheduler:
    """`make_turn(run)` shows a run to its responder; `read_store(id)` reads a vector store's files."""

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
        self.failures: list[Failure] = []
        self.unmatched: list[str] = []
        self._workers = workers
        self._make_turn = make_turn
        self._read_store = read_store
        self._drives: dict[str, RunTask] = {}
        self._by_thread: dict[str, RunTask] = {}
        self._choosing = asyncio.Lock()
        self._unsubscribe = context.store.subscribe("*", self._react)
        self._interrupted = [run for run in context.store.all("runs") if run["status"] in ACTIVE]

    # For requests

    async def settle(self, thread_id: str, asker: str | None = None) -> None:
        """Wait until the thread's run waits for something else than us; `asker` is the run that asks, if one does."""
        while (drive := self._by_thread.get(thread_id)) is not None and drive.run_id != asker:
            if not drive.rest.settled.is_set():
                try:
                    await asyncio.wait_for(drive.rest.settled.wait(), self.context.config.settle_seconds)
                except TimeoutError:
                    return
            elif drive.rest.waiting_until is not None and self.context.clock.autojump:
                await self.move_clock(drive.rest.waiting_until)
            else:
                return

    @property
    def is_settled(self) -> bool:
        """Whether no run is at work."""
        return all(drive.rest.settled.is_set() for drive in self._drives.values())

    @property
    def is_resting(self) -> bool:
        """Whether every run waits for outputs, the clock or a resume; a live one is at work until it is over."""
        return all(drive.rest.settled.is_set() and not drive.rest.live for drive in self._drives.values())

    async def settle_all(self) -> None:
        """Every run settled as far as it goes by itself; Waits are not skipped."""
        waits = [drive.rest.settled.wait() for drive in list(self._drives.values()) if not drive.rest.settled.is_set()]
        if waits:
            _, late = await asyncio.wait(
                [asyncio.ensure_future(wait) for wait in waits], timeout=self.context.config.settle_seconds
            )
            for task in late:
                task.cancel()

    async def move_clock(self, when: float) -> None:
        """To `when`, stopping at every deadline before it, each run settled at each stop."""
        clock = self.context.clock
        await self.settle_all()
        while (deadline := clock.next_deadline()) is not None and deadline <= when:
            clock.jump(max(deadline, clock.time()))
            clock.fire_due()
            await self.settle_all()
        clock.jump(when)
        self.context.commit(Event("clock.moved", {}, (("emulator", {"id": "clock", "time": when}),)))

    def resume(self, run_id: str) -> bool:
        drive = self._drives.get(run_id)
        return drive is not None and drive.rest.resume()

    def recover(self) -> None:
        """Go on with the runs that a stop interrupted. Not before the first request: responders come first."""
        interrupted, self._interrupted = self._interrupted, []
        for run in interrupted:
            if run["id"] not in self._drives:
                self._start(run)

    def adopt(self, runs: list[Object]) -> None:
        """Runs that came by a state file: nothing is behind them, so they stay until told otherwise."""
        for run in runs:
            if run["status"] in ACTIVE:
                self._start(run, hold=run["status"] in ("queued", "in_progress"))

    def stop(self) -> list[asyncio.Task[None]]:
        """Leave all runs as they are; the tasks that are ending."""
        self._interrupted = []
        drives = list(self._drives.values())
        self._drives, self._by_thread = {}, {}
        for drive in drives:
            drive.stop()
        return [drive.task for drive in drives]

    def close(self) -> list[asyncio.Task[None]]:
        self._unsubscribe()
        return self.stop()

    # For drives

    async def converse(self, drive: RunTask) -> Invocation | None:
        """The run's responder, begun; None where the run was failed for want of one."""
        turn = self._make_turn(drive.engine.run)
        chosen = await self._choose(drive, turn)
        if isinstance(chosen, str):
            for event in drive.engine.fail("server_error", chosen):
                self.context.commit(event)
            return None
        drive.rest.live = chosen.live or self.context.config.tokens_per_second is not None
        drive.rule_id, drive.is_live = chosen.id, chosen.live
        return open_invocation(chosen.source, turn, self._workers, lambda error: self.failed(drive.run_id, error))

    async def _choose(self, drive: RunTask, turn: Turn) -> Rule | str:
        """The rule that answers, or why there is none."""
        async with self._choosing:
            known = drive.engine.run.get("_rule")
            if known is not None:
                return self._again(known, turn)
            if self.rules.asks_user_code:
                chosen = await self._workers.call(lambda: self.rules.choose(turn))
            else:
                chosen = self.rules.choose(turn)
            if chosen is None:
                told = self.rules.explain(turn)
                self.unmatched.append(told)
                return told
            rule, turn.match = chosen
            return rule

    def _again(self, rule_id: str, turn: Turn) -> Rule | str:
        rule = self.rules.find(rule_id)
        if rule is None:
            return f"The responder that this run began with ({rule_id}) is gone since the emulator was restarted."
        turn.match = rule.match(turn)
        return rule

    async def prepare(self, run: Object, reply: Any) -> Any:
        """What has to happen elsewhere before the reply can be played: files read, code run."""
        if isinstance(reply, FileSearch) and reply.results is None:
            for id in store_ids(self.context, run):
                await self._read_store(id)
        if isinstance(reply, CodeInterpreter) and reply.execute:
            return await self._workers.call(execution(self.context, run, reply))
        return reply

    def waits(self, drive: RunTask) -> None:
        """A run has come to a Wait; a stream that is listening is a request that finds it there."""
        if self.context.clock.autojump and self.context.store.listening(drive.run_id):
            asyncio.get_running_loop().create_task(self.settle(drive.thread_id))

    async def pace(self) -> None:
        """Between two deltas: at once, unless a rate was asked for (real seconds: it is for people's eyes)."""
        if (rate := self.context.config.tokens_per_second) is not None:
            await asyncio.sleep(1 / rate)

    def failed(self, run_id: str, error: Exception) -> None:
        self.failures.append(Failure(run_id, error))

    def over(self, drive: RunTask) -> None:
        if self._drives.get(drive.run_id) is drive:
            del self._drives[drive.run_id]
        if self._by_thread.get(drive.thread_id) is drive:
            del self._by_thread[drive.thread_id]

    # From the store

    def _start(self, run: Object, hold: bool = False) -> None:
        sticking = self.context.sticking
        drive = RunTask(self, run, hold=hold, failing=sticking.last_error if sticking is not None else None)
        self._drives[drive.run_id] = drive
        self._by_thread[drive.thread_id] = drive

    def _react(self, event: Event) -> None:
        if event.puts or event.drops:
            keep_tally(self.context, event)
        if event.name == "thread.run.created":
            self._start(event.data, hold=self.context.sticking is not None)
        elif event.name == "thread.deleted":
            if (deleted := self._by_thread.pop(event.data["id"], None)) is not None:
                deleted.stop()
        elif (drive := self._drives.get(event.topic)) is not None:
            if event.name == "thread.run.cancelling":
                drive.cancel()
            elif event.name == "thread.run.queued":
                drive.rest.submitted()
