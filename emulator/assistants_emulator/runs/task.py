"""One run under way: asks its responder for replies, commits the events that each makes, and waits where it has to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from assistants_emulator.errors import InvalidState, ModelError, ScriptError, StoreError
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.replies import (
    Chunk,
    CodeInterpreter,
    Expire,
    Fail,
    FunctionCall,
    Incomplete,
    Pause,
    Usage,
    Wait,
)
from assistants_emulator.responders.sources import END
from assistants_emulator.runs import tokens
from assistants_emulator.runs.file_search import require_stores
from assistants_emulator.runs.invocation import Invocation, NoResponder, RunServices
from assistants_emulator.runs.limits import check_reply, exhausted
from assistants_emulator.runs.render import leftovers, play
from assistants_emulator.runs.suspension import Suspension
from assistants_emulator.runs.writer import RunWriter
from assistants_emulator.store import Event, Object

Outputs = list[str] | None
PAUSED, RESUMED = "paused", "resumed"


class Finished(Exception):
    """A reply has ended the run; its responder is asked for no more."""


class RunTask:
    """The task that plays one run to its end; `suspension` says whether requests have to wait for it.

    `on_wait` is called when the run comes to a Wait, `on_over` when it has ended or was stopped. A `paused` run begins
    once it is resumed; one with a `last_error` fails with it at once.
    """

    def __init__(
        self,
        context: Context,
        run: Object,
        services: RunServices,
        on_wait: Callable[[RunTask], None],
        on_over: Callable[[RunTask], None],
        *,
        paused: bool = False,
        last_error: Object | None = None,
    ) -> None:
        self.context = context
        self.run_id: str = run["id"]
        self.thread_id: str = run["thread_id"]
        self.suspension = Suspension()
        self._services = services
        self._on_wait = on_wait
        self._on_over = on_over
        self._writer = RunWriter(context, self.run_id, lambda: context.store.listening(self.run_id))
        self._invocation: Invocation | None = None
        self._is_live = False
        self._begun = False
        self._ending: Callable[[], Iterator[Event]] | None = None
        if run["status"] == "cancelling":
            self._ending = self._writer.cancel
        elif last_error is not None:
            self._ending = partial(self._writer.fail, **last_error)
        self._expiry = context.clock.call_at(run["expires_at"], self._expire)
        self.loop_task = asyncio.get_running_loop().create_task(self._run(paused))

    # From outside

    def cancel(self) -> None:
        self._end(self._writer.cancel)

    def stop(self) -> None:
        """Leave everything as it stands, an ending that was under way too: the emulator stops, or the run is gone."""
        self._expiry.cancel()
        self._ending = None
        self.loop_task.cancel()
        self.suspension.settled.set()

    def _expire(self) -> None:
        self._end(self._writer.expire)

    def _end(self, ending: Callable[[], Iterator[Event]]) -> None:
        if self._ending is None:
            self._ending = ending
            self.suspension.unsettle()
            if self._begun:  # a task that is cancelled before its first step would never run at all
                self.loop_task.cancel()

    # The run itself

    async def _run(self, paused: bool) -> None:
        self._begun = True
        try:
            self._commit(await self._play_to_ending(paused))
        except StoreError as error:
            # the disk is full or gone: the run stays as it was last written, and goes on when the directory is reopened
            self._services.failed(self.run_id, error)
        finally:
            self._expiry.cancel()
            if self._invocation is not None:
                self._invocation.close()
            self._on_over(self)
            self.suspension.settled.set()

    async def _play_to_ending(self, paused: bool) -> Iterable[Event]:
        """Play the run, and return the events that end it if its replies have not."""
        try:
            if self._ending is None:
                await self._play_all(paused)
                return ()
        except asyncio.CancelledError:
            if self._ending is None:
                raise
        except StoreError:
            raise
        except Exception as error:
            return self._ending_after(error)
        return self._ending()

    def _ending_after(self, error: Exception) -> Iterable[Event]:
        match error:
            case Finished():
                return ()
            case NoResponder() | InvalidState():  # what the service itself refuses while a run is under way is no bug
                return self._writer.fail("server_error", str(error))
            case ModelError():
                return self._writer.fail(error.code, str(error))
        self._services.failed(self.run_id, error)
        text = str(error) if isinstance(error, ScriptError) else f"The responder raised {type(error).__name__}: {error}"
        return self._writer.fail("server_error", text)

    async def _play_all(self, paused: bool) -> None:
        if paused:
            await self.suspension.until_resumed()
        await self._until_submitted()
        invocation = await self._invoke()
        number, outputs, continues = -1, None, False
        while (reply := await invocation.next(outputs)) is not END:
            continues = continues and isinstance(reply, Chunk)
            number += not continues
            outputs = await self._play(number, reply, continues)
            continues = isinstance(reply, Chunk)
        self._commit(self._writer.close())
        self._commit(leftovers(self._writer))
        self._commit(self._writer.complete())

    async def _invoke(self) -> Invocation:
        rule, invocation = await self._services.invoke(self._writer.run)
        self._invocation, self._is_live = invocation, rule.live
        self.suspension.live = rule.live or self.context.config.tokens_per_second is not None
        self._commit(self._writer.begin(_rule=rule.id))
        require_stores(self.context, self._writer.run)
        self.suspension.work()
        return invocation

    async def _play(self, number: int, reply: Any, continues: bool) -> Outputs:
        """Play the reply of that number, and return what the responder is sent for it.

        A Chunk `continues` the text of the chunk before it, and has its number.
        """
        if isinstance(reply, Usage):
            self._commit(self._writer.use(number, tokens.usage(reply.prompt_tokens, reply.completion_tokens)))
            return None
        if isinstance(reply, Incomplete):
            self._finish(self._writer.incomplete(reply.reason))
        if not continues:
            self._commit(self._writer.close())
        match reply:
            case FunctionCall() | list():
                return await self._call(number, reply if isinstance(reply, list) else [reply])
            case Wait():
                await self._wait(number, reply.seconds)
            case Pause():
                await self._pause(number)
            case Fail():
                self._finish(self._writer.fail(reply.code, reply.message))
            case Expire():
                self._finish(self._writer.expire())
            case _:
                await self._write(number, reply, continues)
        return self._writer.printed(number) if isinstance(reply, CodeInterpreter) and reply.execute else None

    async def _write(self, number: int, reply: Any, continues: bool) -> None:
        """Make the reply's step, unless it was made before a restart."""
        if not _is_completed(self._writer.played(number)):
            if not continues:
                self._require_room(reply)
            reply = await self._services.prepare(self._writer.run, reply)
            await self._commit_paced(play(self._writer, number, reply))
        if (budget := self._writer.cut_short(number)) is not None:
            self._finish(self._writer.incomplete(budget))

    async def _call(self, number: int, calls: list[FunctionCall]) -> list[str]:
        """Ask for the outputs of the calls, wait for them, and return them in the order of the calls."""
        step = self._writer.played(number)
        if not _is_completed(step):
            if self._writer.run["status"] != "requires_action":
                self._require_room(calls)
                await self._commit_paced(self._writer.functions(number, calls))
            await self._until_submitted()
            self._commit(self._writer.begin())
            step = self._writer.played(number)
        if step is None:
            raise ScriptError(f"{self.run_id}: the step of the function call is gone")
        return [call["function"]["output"] for call in step["step_details"]["tool_calls"]]

    async def _wait(self, number: int, seconds: float) -> None:
        until = self._remembered(number, self.context.clock.time() + seconds)
        await self.suspension.until(until, self.context.clock, lambda: self._on_wait(self))

    async def _pause(self, number: int) -> None:
        if self._remembered(number, PAUSED) == PAUSED:
            await self.suspension.until_resumed()
            self._remember(number, RESUMED)

    async def _until_submitted(self) -> None:
        if self._writer.run["status"] == "requires_action":
            await self.suspension.until_submitted()

    # Parts

    def _require_room(self, reply: Any) -> None:
        """ScriptError for a reply that the run does not allow; end the run if its budgets leave no room for a step."""
        run = self._writer.run
        if not self._is_live:  # a model's replies are taken as they are: programs must bear them
            check_reply(run, reply)
        if (budget := exhausted(self.context, run)) is not None:
            self._finish(self._writer.incomplete(budget))

    def _remembered(self, number: int, first: Any) -> Any:
        """The value that a Wait or Pause got when it was first reached: a restart must not begin it again."""
        values = self._writer.run.get("_waits", {})
        return values[str(number)] if str(number) in values else self._remember(number, first)

    def _remember(self, number: int, value: Any) -> Any:
        run = self._writer.run
        changed = {**run, "_waits": {**run.get("_waits", {}), str(number): value}}
        self.context.commit(Event("run.waits", changed, (("runs", changed),)))
        return value

    def _finish(self, ending: Iterable[Event]) -> None:
        self._commit(ending)
        raise Finished

    def _commit(self, events: Iterable[Event]) -> None:
        for event in events:
            self.context.commit(event)

    async def _commit_paced(self, events: Iterable[Event]) -> None:
        for event in events:
            self.context.commit(event)
            if event.name.endswith(".delta"):
                await self._services.pace()


def _is_completed(step: Object | None) -> bool:
    return step is not None and step["status"] == "completed"
