"""One turn under way: asks its responder for replies, commits the events that each makes, and waits where it has to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NoReturn

from assistants_emulator.clock import Deadline, is_instant
from assistants_emulator.errors import InvalidState, ModelError, ScriptError, StoreError, text_of
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.person import Seat
from assistants_emulator.responders.replies import (
    Cancel,
    Chunk,
    CodeInterpreter,
    Ending,
    Expire,
    Fail,
    FunctionCall,
    Incomplete,
    Pause,
    StepEnd,
    Text,
    Usage,
    Wait,
)
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.sources import END, Outputs
from assistants_emulator.store import Event, Object
from assistants_emulator.turns.invocation import Invocation, NoResponder, TurnServices
from assistants_emulator.turns.suspension import Suspension
from assistants_emulator.turns.variation import NOT_REPLACED, Varied, action_of
from assistants_emulator.turns.workers import UserCodeError
from assistants_emulator.turns.writer import TurnApi

PAUSED, RESUMED = "paused", "resumed"
NO_ENDING = "The run could not be ended as its responder would have it; the emulator's log has the reason."
log = logging.getLogger("assistants_emulator")


class Finished(Exception):
    """A reply has ended the turn; its responder is asked for no more."""


class TurnTask:
    """The task that plays one run or response to its end; `suspension` says whether requests have to wait for it.

    `is_stalled` is set if the store could not be written: the turn is then as it was last written. One that no request
    has seen is taken back instead, and `refused` is the error for the request that waits for it.

    `on_wait` is called when the turn comes to a Wait, `on_over` when it has ended or was stopped. A `paused` one begins
    once it is resumed; one with a `last_error` fails with it at once.
    """

    def __init__(
        self,
        context: Context,
        api: TurnApi,
        subject: Object,
        services: TurnServices,
        on_wait: Callable[[TurnTask], None],
        on_over: Callable[[TurnTask], None],
        *,
        paused: bool = False,
        last_error: Object | None = None,
    ) -> None:
        self.context = context
        self.id: str = subject["id"]
        self.places = (self.id, *api.places(subject))
        self.suspension = Suspension()
        self.over = asyncio.Event()
        self.is_awaited = False
        self.services = services
        self.writer = api.writer(subject)
        self.api = api
        self.is_stalled = False
        self.refused: StoreError | None = None
        self._on_wait = on_wait
        self._on_over = on_over
        self._rule: Rule | None = None
        self._invocation: Invocation | None = None
        self._begun = False
        self._is_varied = False
        self._ending: Callable[[], Iterator[Event]] | None = None
        if subject["status"] == "cancelling":
            self._ending = self.writer.cancel
        elif last_error is not None:
            self._ending = partial(self.writer.fail, **last_error)
        deadline = api.deadline(subject)
        self._expiry: Deadline | None = None if deadline is None else context.clock.call_at(deadline, self._expire)
        self.loop_task = asyncio.get_running_loop().create_task(self._run(paused))

    # From outside

    @property
    def seat(self) -> Seat | None:
        """The seat of the person who answers the turn; None for any other responder."""
        invocation = self._invocation
        invocation = invocation.varied if isinstance(invocation, Varied) else invocation
        return invocation if isinstance(invocation, Seat) else None

    @property
    def waits_for_person(self) -> bool:
        return self.seat is not None and self.writer.subject["status"] == "in_progress"

    async def check(self, reply: Any) -> None:
        """ScriptError for a reply that the request does not allow; of a live responder, only if it asks for this."""
        await self.services.check(self.writer, reply)

    def cancel(self) -> None:
        self._end(self.writer.cancel)

    def stop(self) -> None:
        """Leave everything as it stands, an ending that was under way too: the emulator stops, or the turn is gone."""
        self._forget_deadline()
        self._ending = None
        self.loop_task.cancel()
        self.suspension.settled.set()
        self.over.set()

    def take_invocation(self) -> tuple[Rule, Invocation]:
        """The responder, which is now the caller's to go on with or to close."""
        if self._rule is None or self._invocation is None:
            raise LookupError(f"{self.id} has no responder")
        rule, invocation, self._invocation = self._rule, self._invocation, None
        return rule, invocation

    def _forget_deadline(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()

    def _expire(self) -> None:
        self._end(self.writer.expire)

    def _end(self, ending: Callable[[], Iterator[Event]]) -> None:
        if self._ending is None:
            self._ending = ending
            self.suspension.unsettle()
            if self._begun:  # a task that is cancelled before its first step would never run at all
                self.loop_task.cancel()

    # The turn itself

    async def _run(self, paused: bool) -> None:
        self._begun = True
        try:
            await self._play_or_fail(paused)
        except StoreError as error:
            if self.api.withdraw(self.id):
                self.refused = error
            else:  # the disk is full or gone: the turn stays as last written, and goes on as after a restart
                self.is_stalled = True
                self.services.stalled(self.id, error)
        finally:
            self._forget_deadline()
            if self._invocation is not None:
                self._invocation.close()
            self._on_over(self)
            self.suspension.settled.set()
            self.over.set()

    async def _play_or_fail(self, paused: bool) -> None:
        """Play the turn to its end. If even its ending cannot be written it fails with a constant text."""
        try:
            self.commit(await self._play_to_ending(paused))
        except StoreError:
            raise
        except BaseException as error:
            if self._is_cancelled():
                raise
            log.exception("%s could not be ended", self.id)
            self.services.failed(self.id, error)
            self.commit(self.writer.fail("server_error", NO_ENDING))

    def _is_cancelled(self) -> bool:
        """True if this task is cancelled or outlived its loop; values of user code may raise CancelledError too."""
        if not self.loop_task.get_loop().is_running():
            return True
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0 and self._ending is None

    async def _play_to_ending(self, paused: bool) -> Iterable[Event]:
        """Play the turn, and return the events that end it if its replies have not."""
        try:
            if self._ending is None:
                await self._play_all(paused)
                return ()
        except StoreError:
            raise
        except BaseException as error:
            if self._is_cancelled():
                raise
            if self._ending is None or not isinstance(error, asyncio.CancelledError):
                return self._ending_after(error)
        return self._ending()

    def _ending_after(self, error: BaseException) -> Iterable[Event]:
        if isinstance(error, Finished):
            return ()
        error = error.error if isinstance(error, UserCodeError) else error
        match error:
            case NoResponder() | InvalidState():  # what the service itself refuses while a turn is under way is no bug
                return self.writer.fail("server_error", text_of(error))
            case ModelError():
                return self.writer.fail(error.code, text_of(error))
        self.services.failed(self.id, error)
        text = text_of(error)
        if not isinstance(error, ScriptError):
            text = f"The responder raised {type(error).__name__}: {text}"
        return self.writer.fail("server_error", text)

    async def _play_all(self, paused: bool) -> None:
        if paused:
            await self.suspension.until_resumed()
        invocation, outputs = await self._open()
        number, continues = -1, False
        while (reply := await invocation.next(outputs)) is not END:
            continues = continues and isinstance(reply, Chunk)
            number += not continues
            try:
                outputs = await self._play(number, reply, continues)
            except ScriptError as error:
                raise error.with_traceback(invocation.place() or error.__traceback__) from error.__cause__
            continues = isinstance(reply, Chunk)
            if self.context.calls.effects:  # the outputs may have come with one
                invocation = self._under_variant(invocation)
        self.commit(self.writer.complete())

    async def _open(self) -> tuple[Invocation, Outputs]:
        opening = await self.api.open(self)
        self._rule, self._invocation = opening.rule, opening.invocation
        self.suspension.live = opening.rule.live or self.context.config.tokens_per_second is not None
        self.commit(self.writer.begin(_rule=opening.rule.id))
        self.writer.require_usable()
        self.suspension.work()
        return self._under_variant(opening.invocation), opening.outputs

    def _under_variant(self, invocation: Invocation) -> Invocation:
        """The responder under the effect of a variant, if the call that has begun or continued the turn has one."""
        calls = self.context.calls
        effect = calls.effects.pop(self.id, None)
        if effect is None:
            return invocation
        self._is_varied = True
        self._invocation = varied = Varied(invocation, effect, self.writer.subject, calls.meet)
        return varied

    def _note(self, reply: Any) -> None:
        """Note the reply for the variants of the call that has set it off."""
        if isinstance(reply, FunctionCall | list):
            self.context.calls.replied(self.id, action_of(reply, self.writer.subject))
        elif not isinstance(reply, NOT_REPLACED):
            self.context.calls.replied(self.id, isinstance(reply, Text | Chunk))

    async def _play(self, number: int, reply: Any, continues: bool) -> Outputs:
        """Play the reply of that number, and return what the responder is sent for it.

        A Chunk `continues` the text of the chunk before it, and has its number.
        """
        if not continues:
            self._note(reply)
        if isinstance(reply, Usage):
            self.commit(self.writer.use(number, reply))
            return None
        if isinstance(reply, Incomplete):
            self.end_by(reply)
        if not continues:
            self.commit(self.writer.close())
        match reply:
            case FunctionCall() | list():
                return await self.api.call(self, number, reply if isinstance(reply, list) else [reply])
            case StepEnd():
                return None
            case Wait():
                await self._wait(number, reply.seconds)
            case Pause():
                await self._pause(number, reply)
            case Fail() | Expire() | Cancel():
                self.end_by(reply)
            case _:
                await self._write(number, reply, continues)
        return self.writer.printed(number) if isinstance(reply, CodeInterpreter) and reply.execute else None

    async def _write(self, number: int, reply: Any, continues: bool) -> None:
        """Write the reply, unless that was done before a restart."""
        if not self.writer.is_written(number):
            if not continues:
                await self.require_room(reply)
            reply = await self.services.prepare(self.writer, reply)
            await self.commit_paced(self.writer.write(number, reply))
        if (budget := self.writer.cut_short(number)) is not None:
            self.finish(self.writer.incomplete(budget))
        if isinstance(reply, Text) and reply.then is not None:
            self.end_by(reply.then)

    async def _wait(self, number: int, seconds: float) -> None:
        until = self.context.clock.time() + seconds
        if not is_instant(until):
            raise ScriptError(f"Wait.seconds must end by the year 9999, and {seconds} of them end later")
        until = self._remembered(number, until)
        await self.suspension.until(until, self.context.clock, lambda: self._on_wait(self))

    async def _pause(self, number: int, reply: Pause) -> None:
        self.writer.check(reply)
        if self._remembered(number, PAUSED) == PAUSED:
            await self.suspension.until_resumed()
            self._remember(number, RESUMED)

    # Parts

    async def require_room(self, reply: Any) -> None:
        """ScriptError for a reply that the request does not allow; end the turn if its budgets leave it no room."""
        is_live = self._rule is not None and self._rule.live
        if not is_live and not self._is_varied:  # a model's replies are taken as they are
            await self.services.check(self.writer, reply)
        if (budget := self.writer.exhausted()) is not None:
            self.finish(self.writer.incomplete(budget))

    def _remembered(self, number: int, first: Any) -> Any:
        """The value that a Wait or Pause got when it was first reached: a restart must not begin it again."""
        values = self.writer.subject.get("_waits", {})
        return values[str(number)] if str(number) in values else self._remember(number, first)

    def _remember(self, number: int, value: Any) -> Any:
        self.commit(self.writer.remember(number, value))
        return value

    def end_by(self, ending: Ending) -> NoReturn:
        match ending:
            case Incomplete():
                self.finish(self.writer.incomplete(ending.reason))
            case Fail():
                self.finish(self.writer.fail(ending.code, ending.message))
            case Expire():
                self.finish(self.writer.expire())
            case Cancel():
                self._ending = self.writer.cancel  # so that its first event does not cancel this task
                self.finish(self.writer.cancel())

    def finish(self, ending: Iterable[Event]) -> NoReturn:
        self.commit(ending)
        raise Finished

    def commit(self, events: Iterable[Event]) -> None:
        for event in events:
            self.context.commit(event)

    async def commit_paced(self, events: Iterable[Event]) -> None:
        for event in events:
            self.context.commit(event)
            if event.name.endswith(".delta"):
                await self.services.pace()
