"""Runs as turns: how the scheduler begins, waits for, cancels and continues them, and what their responders see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import ACTIVE, HELD_END
from assistants_emulator.responders.replies import FunctionCall, ending_of
from assistants_emulator.responders.turn import Turn
from assistants_emulator.runs.events import END_HELD, run_entered
from assistants_emulator.runs.file_search import search
from assistants_emulator.runs.render import RunReplies
from assistants_emulator.runs.tokens import keep_tally, last_message, visible_messages
from assistants_emulator.store import Event, Object
from assistants_emulator.turns.invocation import TurnServices
from assistants_emulator.turns.suspension import HeldEnds
from assistants_emulator.turns.task import TurnTask
from assistants_emulator.turns.turn_source import StoreTurnSource
from assistants_emulator.turns.writer import Opening, Starter


class RunTurns:
    """The TurnApi of runs. A function call waits until its outputs are submitted."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.held = HeldEnds(self._end)
        for run in self._active():
            if HELD_END in run:
                self.held.hold(run["thread_id"], run["id"])

    def interrupted(self) -> list[Object]:
        return [run for run in self._active() if HELD_END not in run]

    def adopted(self, tables: dict[str, list[Object]]) -> Iterator[tuple[Object, bool]]:
        for run in tables["runs"]:
            if run["status"] in ACTIVE:
                yield run, run["status"] in ("queued", "in_progress")

    def hear(self, event: Event, starter: Starter) -> None:
        """Start a run that was created; one that a fault holds has `_stuck`, True or a `last_error`."""
        if event.puts or event.drops:
            keep_tally(self._context, event)
        if event.name == "thread.run.created":
            stuck = event.data.get("_stuck")
            last_error = stuck if isinstance(stuck, dict) else None
            starter.start(self, event.data, paused=stuck is not None, last_error=last_error)
        elif event.name == "thread.deleted":
            if (task := starter.task(event.data["id"])) is not None:
                task.stop()
        elif event.name == "thread.run.cancelling":
            self._cancel(event.data, starter)
        elif event.name == END_HELD:
            self.held.hold(event.data["thread_id"], event.data["id"])
        elif event.name == "thread.run.queued" and (task := starter.task(event.topic)) is not None:
            task.suspension.submitted()

    def places(self, subject: Object) -> tuple[str, ...]:
        return (subject["thread_id"],)

    def deadline(self, subject: Object) -> float | None:
        expires_at: float = subject["expires_at"]
        return expires_at

    def withdraw(self, id: str) -> bool:
        return False

    def writer(self, subject: Object) -> RunReplies:
        id: str = subject["id"]
        return RunReplies(self._context, id, lambda: self._context.store.listening(id))

    def turn(self, subject: Object, services: TurnServices) -> Turn:
        """The run as its responder sees it; an assistant or thread that is gone is known by its id alone."""
        store = self._context.store
        assistant = store.get("assistants", subject["assistant_id"]) or {"id": subject["assistant_id"], "name": None}
        thread = store.get("threads", subject["thread_id"]) or {"id": subject["thread_id"]}
        lookups = _RunLookups(self._context, subject)
        source = StoreTurnSource(self._context, subject["id"], lookups, services.hop, services.make_client)
        turn = Turn(subject, assistant, thread, source)
        if "_rule" in subject:
            turn.first_reply, turn.is_in_message = self.writer(subject).resumption()
        return turn

    async def open(self, task: TurnTask) -> Opening:
        await self._until_submitted(task)
        run = task.writer.subject
        turn = self.turn(run, task.services)
        rule_id = run.get("_rule")
        rule = await task.services.choose(turn) if rule_id is None else await task.services.find(rule_id, turn)
        return Opening(rule, task.services.invoke(rule, turn, run["id"]))

    async def call(self, task: TurnTask, number: int, calls: list[FunctionCall]) -> list[str]:
        """Ask for the outputs of the calls, wait for them, and return them in the order of the calls."""
        if not task.writer.is_written(number):
            if task.writer.subject["status"] != "requires_action":
                await task.require_room(calls)
                await task.commit_paced(task.writer.functions(number, calls))
            await self._until_submitted(task)
            task.commit(task.writer.begin())
        outputs = self._outputs(task.writer.subject, number)
        ending, _ = ending_of(calls)
        if ending is not None and None in outputs:
            task.end_by(ending)
        return outputs

    def close(self) -> None:
        """Every responder of a run is left by its task."""

    def _active(self) -> list[Object]:
        return [run for run in self._context.store.all("runs") if run["status"] in ACTIVE]

    def _cancel(self, run: Object, starter: Starter) -> None:
        self.held.forget(run["thread_id"])
        if (task := starter.task(run["id"])) is not None:
            task.cancel()
        else:
            starter.start(self, run)

    def _end(self, run_id: str) -> None:
        """Commit the end that the run has been holding back."""
        run = self._context.store.get("runs", run_id)
        if run is not None and (fields := run.get(HELD_END)) is not None:
            ended = {key: value for key, value in run.items() if key != HELD_END} | fields
            self._context.commit(run_entered(ended))

    async def _until_submitted(self, task: TurnTask) -> None:
        """Wait for the outputs that the run requires, at most until the `then` of its calls is due."""
        run = task.writer.subject
        if run["status"] == "requires_action":
            step = self._context.newest("steps", "run_id", run["id"])
            until = None if step is None else run.get("_waits", {}).get(str(step["_reply"]))
            if until is None or until > self._context.clock.time():
                await task.suspension.until_submitted(self._context.clock, until)

    def _outputs(self, run: Object, number: int) -> list[str]:
        step = self.writer(run).played(number)
        if step is None:
            raise ScriptError(f"{run['id']}: the step of the function call is gone")
        return [call["function"]["output"] for call in step["step_details"]["tool_calls"]]


class _RunLookups:
    def __init__(self, context: Context, run: Object) -> None:
        self._context = context
        self._run = run

    def messages(self) -> list[Object]:
        return visible_messages(self._context, self._run)

    def last_message(self) -> Object | None:
        return last_message(self._context, self._run)

    def steps(self) -> list[Object]:
        return list(self._context.store.of("steps", "run_id", self._run["id"]))

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        return search(self._context, self._run, query, max_num_results)
