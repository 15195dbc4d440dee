"""One run under way: asks its responder for replies, commits what the engine makes of them, waits where one waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from assistants_emulator.errors import InvalidState, ModelError, ScriptError, StoreError
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
from assistants_emulator.runs.limits import check_reply, exhausted
from assistants_emulator.runs.render import leftovers, play
from assistants_emulator.runs.suspension import Suspension
from assistants_emulator.runs.writer import RunWriter
from assistants_emulator.store import Event, Object

if TYPE_CHECKING:
    from assistants_emulator.runs.invocation import Invocation
    from assistants_emulator.runs.scheduler import RunScheduler

Outputs = list[str] | None
PAUSED, RESUMED = "paused", "resumed"


class Finished(Exception):
    """A reply has ended the run; what the responder would say after it is not asked for."""


class RunTask:
    """The task that plays one run to its end; `rest` says whether a request has to wait for it."""

    def __init__(self, driver: RunScheduler, run: Object, *, hold: bool = False, failing: Object | None = None) -> None:
        self.driver = driver
        self.run_id: str = run["id"]
        self.thread_id: str = run["thread_id"]
        self.context = driver.context
        self.engine = RunWriter(self.context, self.run_id, lambda: self.context.store.listening(self.run_id))
        self.rest = Suspension()
        self.rule_id = ""
        self.is_live = False
        self._begun = False
        self._ending: Callable[[], Iterator[Event]] | None = None
        if failing is not None:
            self._ending = partial(self.engine.fail, **failing)
        self._conversation: Invocation | None = None
        self._expiry = self.context.clock.call_at(run["expires_at"], self._expire)
        if run["status"] == "cancelling":
            self._ending = self.engine.cancel
        self.task = asyncio.get_running_loop().create_task(self._go(hold))

    # What happens to it from outside

    def cancel(self) -> None:
        self._end(self.engine.cancel)

    def stop(self) -> None:
        """The emulator stops, or the run is gone: leave everything as it stands, an end that was under way too."""
        self._expiry.cancel()
        self._ending = None
        self.task.cancel()
        self.rest.settled.set()

    def _expire(self) -> None:
        self._end(self.engine.expire)

    def _end(self, ending: Callable[[], Iterator[Event]]) -> None:
        if self._ending is None:
            self._ending = ending
            self.rest.stir()
            if self._begun:
                self.task.cancel()

    # The run itself

    async def _go(self, hold: bool) -> None:
        try:
            await self._go_on(hold)
        except StoreError as error:
            # the disk is full or gone: the run stays as it was last written, and goes on when the directory is reopened
            self.driver.failed(self.run_id, error)
        finally:
            self._over()

    async def _go_on(self, hold: bool) -> None:
        try:
            await self._play_all(hold)
        except asyncio.CancelledError:
            if self._ending is None:
                raise
            self._commit(self._ending())
        except Finished:
            pass
        except InvalidState as error:
            # what the service itself would refuse while the run is under way: nobody's mistake here
            self._commit(self.engine.fail("server_error", error.message))
        except ModelError as error:
            self._commit(self.engine.fail(error.code, str(error)))
        except StoreError:
            raise
        except Exception as error:
            # The run fails with what went wrong, and the test that caused it sees the exception itself.
            self.driver.failed(self.run_id, error)
            self._commit(self.engine.fail("server_error", _told(error)))

    async def _play_all(self, hold: bool) -> None:
        self._begun = True
        if self._ending is not None:
            raise asyncio.CancelledError
        if hold:
            await self.rest.until_resumed()
        await self._until_submitted()
        conversation = await self.driver.converse(self)
        if conversation is None:
            raise Finished
        self._conversation = conversation
        self._commit(self.engine.begin(_rule=self.rule_id))
        require_stores(self.context, self.engine.run)
        self.rest.relax()
        number, outputs, goes_on = -1, None, False
        while (reply := await conversation.next(outputs)) is not END:
            goes_on = goes_on and isinstance(reply, Chunk)
            number += not goes_on
            outputs = await self._reply(number, reply, goes_on)
            goes_on = isinstance(reply, Chunk)
        self._commit(self.engine.close())
        self._commit(leftovers(self.engine))
        self._commit(self.engine.complete())

    async def _reply(self, number: int, reply: Any, goes_on: bool) -> Outputs:
        """`goes_on`: it is a chunk of the text that the one before belongs to, and has its number."""
        if isinstance(reply, Usage):
            self._commit(self.engine.use(number, tokens.usage(reply.prompt_tokens, reply.completion_tokens)))
            return None
        if isinstance(reply, Incomplete):
            self._finish(self.engine.incomplete(reply.reason))
        if not goes_on:
            self._commit(self.engine.close())
        match reply:
            case FunctionCall() | list():
                return await self._call(number, reply if isinstance(reply, list) else [reply])
            case Wait():
                await self._wait(number, reply.seconds)
            case Pause():
                await self._pause(number)
            case Fail():
                self._finish(self.engine.fail(reply.code, reply.message))
            case Expire():
                self._finish(self.engine.expire())
            case _:
                if not _is_completed(self.engine.played(number)):
                    if not goes_on:
                        self._require_leave(reply)
                    prepared = await self.driver.prepare(self.engine.run, reply)
                    await self._commit_paced(play(self.engine, number, prepared))
                if (budget := self.engine.cut_short(number)) is not None:
                    self._finish(self.engine.incomplete(budget))
        return self.engine.printed(number) if isinstance(reply, CodeInterpreter) and reply.execute else None

    def _require_leave(self, reply: Any) -> None:
        """Refuse what the run does not allow, and end it where its budgets leave no room for another step."""
        run = self.engine.run
        if not self.is_live:  # a model says what it says; programs must bear it
            check_reply(run, reply)
        if (budget := exhausted(self.context, run)) is not None:
            self._finish(self.engine.incomplete(budget))

    async def _call(self, number: int, calls: list[FunctionCall]) -> list[str]:
        step = self.engine.played(number)
        if not _is_completed(step):
            if self.engine.run["status"] != "requires_action":
                self._require_leave(calls)
                await self._commit_paced(self.engine.functions(number, calls))
            await self._until_submitted()
            self._commit(self.engine.begin())
            step = self.engine.played(number)
        if step is None:
            raise ScriptError(f"{self.run_id}: the step of the function call is gone")
        return [call["function"]["output"] for call in step["step_details"]["tool_calls"]]

    async def _wait(self, number: int, seconds: float) -> None:
        until = self._remembered(number, self.context.clock.time() + seconds)
        await self.rest.until(until, self.context.clock, lambda: self.driver.waits(self))

    async def _pause(self, number: int) -> None:
        if self._remembered(number, PAUSED) == PAUSED:
            await self.rest.until_resumed()
            self._remember(number, RESUMED)

    async def _until_submitted(self) -> None:
        if self.engine.run["status"] == "requires_action":
            await self.rest.until_submitted()

    # Parts

    def _remembered(self, number: int, first: Any) -> Any:
        """What a Wait or Pause was told when it was first reached: a restart must not begin it anew."""
        known = self.engine.run.get("_waits", {})
        return known[str(number)] if str(number) in known else self._remember(number, first)

    def _remember(self, number: int, value: Any) -> Any:
        run = self.engine.run
        waiting = {**run, "_waits": {**run.get("_waits", {}), str(number): value}}
        self.context.commit(Event("run.waits", waiting, (("runs", waiting),)))
        return value

    def _finish(self, ending: Iterable[Event]) -> None:
        self._commit(ending)
        raise Finished

    def _commit(self, events: Iterable[Event]) -> None:
        for event in events:
            self.context.store.commit(event)

    async def _commit_paced(self, events: Iterable[Event]) -> None:
        for event in events:
            self.context.store.commit(event)
            if event.name.endswith(".delta"):
                await self.driver.pace()

    def _over(self) -> None:
        self._expiry.cancel()
        if self._conversation is not None:
            self._conversation.close()
        self.driver.over(self)
        self.rest.settled.set()


def _is_completed(step: Object | None) -> bool:
    return step is not None and step["status"] == "completed"


def _told(error: Exception) -> str:
    if isinstance(error, ScriptError):
        return str(error)
    return f"The responder raised {type(error).__name__}: {error}"
