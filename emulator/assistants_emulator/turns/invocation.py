"""The responder of one turn: choose its rule, ask for its replies one by one, and record what it raises.

Listed and scripted replies are produced on the server's loop, plain functions are called in worker threads, and async
ones on the loop of user code, so that a responder may block without holding up the server. What user code raises, of
any kind, arrives as a UserCodeError.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, TypeVar

from assistants_emulator.errors import EmulatorError, Failure, StoreError, text_of
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.person import Seat
from assistants_emulator.responders.replies import CodeInterpreter, FileSearch
from assistants_emulator.responders.rules import Rule, RuleBook
from assistants_emulator.responders.sources import END, AsyncSession, Outputs, Session
from assistants_emulator.responders.turn import Turn
from assistants_emulator.turns.turn_source import Hop, MakeClient
from assistants_emulator.turns.workers import Lane, UserLoop, Workers
from assistants_emulator.turns.writer import ReplyWriter

T = TypeVar("T")
Report = Callable[[BaseException], None]
MOST_CHOICES = 100
problems = logging.getLogger("assistants_emulator.problems")
"""At level INFO, a line for each problem of responders and scripts: `serve` shows them."""


MOST_KEPT = 1000  # failures and unmatched turns of a project
MOST_WITH_LOCALS = 100  # failures whose tracebacks hold the responder's variables, which may be large


class Newest(list[T]):
    """The newest MOST_KEPT items; `dropped` counts older ones."""

    dropped = 0

    def append(self, item: T) -> None:
        super().append(item)
        if len(self) > MOST_KEPT:
            del self[0]
            self.dropped += 1


class Failures(Newest[Failure]):
    """The newest failures; only the last MOST_WITH_LOCALS have the variables of their frames."""

    def append(self, failure: Failure) -> None:
        super().append(failure)
        if len(self) > MOST_WITH_LOCALS:
            traceback.clear_frames(self[-MOST_WITH_LOCALS - 1].error.__traceback__)


class NoResponder(EmulatorError):
    """No rule answers the run. It fails with this text, which is no failure of any responder."""


class Invocation(Protocol):
    """A responder that was begun for one run."""

    async def next(self, outputs: Outputs) -> object:
        """The next step, or END; `outputs` are those of the step before, None for the first."""
        ...

    def place(self) -> TracebackType | None:
        """The line of the user's code that gave the newest step, where that code waits; None for any other."""
        ...

    def close(self) -> None:
        """Leave the responder, at its end or before it, without waiting for it."""
        ...


class TurnServices:
    """Services that all turns of a project share: responders, worker threads, the reading of vector stores, pacing.

    `hop` runs a function on the server's loop from any thread, `make_client` makes an SDK client for a turn, and
    `read_store(id)` reads a vector store's files. `failures` and `unmatched` collect exceptions of responders and
    explanations of turns that no rule answered.
    """

    def __init__(
        self,
        context: Context,
        rules: RuleBook,
        workers: Workers,
        hop: Hop,
        make_client: MakeClient,
        read_store: Callable[[str], Awaitable[None]],
    ) -> None:
        self.failures = Failures()
        self.unmatched: Newest[str] = Newest()
        self.choices: deque[tuple[Turn, Rule | None]] = deque(maxlen=MOST_CHOICES)
        """The rule that was chosen for each of the newest turns, None where none answered."""
        self.rules = rules
        self.hop = hop
        self.make_client = make_client
        self._context = context
        self._workers = workers
        self._lane = workers.lane()
        self._read_store = read_store
        self._choosing = asyncio.Lock()

    async def choose(self, turn: Turn) -> Rule:
        """The rule that answers the turn, one use more; NoResponder if there is none."""
        if self._choosing.locked() or self._is_slow(turn):
            async with self._choosing:
                choice = await self._match(lambda: self.rules.wanting(turn), turn)
        else:
            choice = self.rules.wanting(turn)
        if choice is not None:
            choice[0].used += 1
        self.choices.append((turn, None if choice is None else choice[0]))
        if choice is None:
            explanation = await self._match(lambda: self.rules.explain(turn), turn)
            self.unmatched.append(explanation)
            problems.info("%s", one_line(explanation))
            raise NoResponder(explanation)
        rule, turn.match = choice
        return rule

    async def find(self, rule_id: str, turn: Turn) -> Rule:
        """The rule that the turn began with before a restart."""
        rule = self.rules.find(rule_id)
        if rule is None:
            raise NoResponder(
                f"The responder that this run began with ({rule_id}) is gone since the emulator was restarted."
            )
        turn.match = await self._match(lambda: rule.match(turn), turn)
        return rule

    async def _match(self, function: Callable[[], T], turn: Turn) -> T:
        """The function's result; it is called in a thread if the rules' conditions are user code, or may take long."""
        if not self._is_slow(turn):
            return function()
        return await self._lane.call(function, f"a condition of the rules, for {turn.run['id']}")

    def _is_slow(self, turn: Turn) -> bool:
        return self.rules.asks_user_code or self.rules.is_slow(turn)

    def invoke(self, rule: Rule, turn: Turn, id: str) -> Invocation:
        """Begin the rule's responder; `id` is the run's or response's, for its failures."""
        name = f"{rule.label or rule.id}, in {id}"
        session = rule.source.open(turn)
        if isinstance(session, Seat):
            return session
        if isinstance(session, AsyncSession):
            return _AsyncInvocation(session, self._workers, name, lambda error: self.failed(id, error))
        if rule.source.inline:
            return _InlineInvocation(session)
        return _ThreadInvocation(session, self._lane, name, lambda error: self.failed(id, error))

    async def prepare(self, writer: ReplyWriter, reply: Any) -> Any:
        """Return the reply ready to be played: vector stores read for a search, code executed for its output."""
        if isinstance(reply, FileSearch) and reply.results is None:
            for id in writer.store_ids():
                await self._read_store(id)
        if isinstance(reply, CodeInterpreter) and reply.execute:
            execution = writer.execution(reply)
            try:
                return await self._workers.work(execution)
            except asyncio.CancelledError:
                execution.stop()
                raise
        return reply

    async def check(self, writer: ReplyWriter, reply: Any) -> None:
        """ScriptError for a reply that the request does not allow."""
        if writer.is_slow(reply):
            await self._workers.work(lambda: writer.check(reply))
        else:
            writer.check(reply)

    async def pace(self) -> None:
        """Wait between two deltas where `tokens_per_second` is set (real seconds: the rate is for people's eyes)."""
        if (rate := self._context.config.tokens_per_second) is not None:
            await asyncio.sleep(1 / rate)

    def stalled(self, id: str, error: StoreError) -> None:
        """Keep the first error of a turn that the store could not write."""
        if not any(failure.run_id == id and isinstance(failure.error, StoreError) for failure in self.failures):
            self.failed(id, error)

    def failed(self, id: str, error: BaseException) -> None:
        self.failures.append(Failure(id, error))
        problems.info("%s: %s", id, one_line(f"{type(error).__name__}: {text_of(error)}"))


def one_line(text: str) -> str:
    return " ".join(text.split())


class _InlineInvocation:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def next(self, outputs: Outputs) -> object:
        return self._session.send(outputs)

    def place(self) -> None:
        return None

    def close(self) -> None:
        self._session.close()


class _ThreadInvocation:
    """A function that may still be busy in its thread when the run is cancelled; it is closed when it returns.

    `report` receives the exception of user code that is left before its end.
    """

    def __init__(self, session: Session, lane: Lane, name: str, report: Report) -> None:
        self._session = session
        self._lane = lane
        self._name = name
        self._report = report
        self._lock = threading.Lock()
        self._busy = False
        self._left = False

    async def next(self, outputs: Outputs) -> object:
        return await self._lane.call(lambda: self._send(outputs), self._name)

    def place(self) -> TracebackType | None:
        return None if self._session.call is None else self._session.call.place()

    def close(self) -> None:
        with self._lock:
            self._left = True
            if self._busy:
                return
        self._lane.later(self._close, self._name)

    def _send(self, outputs: Outputs) -> object:
        with self._lock:
            if self._left:
                return END
            self._busy = True
        try:
            return self._session.send(outputs)
        finally:
            with self._lock:
                self._busy = False
                left = self._left
            if left:
                self._close()

    def _close(self) -> None:
        try:
            self._session.close()
        except BaseException as error:
            self._report(error)


class _AsyncInvocation:
    """As _ThreadInvocation, on a loop of user code."""

    def __init__(self, session: AsyncSession, workers: Workers, name: str, report: Report) -> None:
        self._session = session
        self._workers = workers
        self._name = name
        self._report = report
        self._loop: UserLoop | None = None
        self._busy = asyncio.Lock()
        self._ended = False

    async def next(self, outputs: Outputs) -> object:
        if self._loop is None:
            step = await self._workers.begin(lambda: self._send(outputs), self._name, self._stay_on)
        else:
            step = await self._loop.run(lambda: self._send(outputs), self._name)
        self._ended = step is END
        return step

    def _stay_on(self, loop: UserLoop) -> None:
        self._loop = loop

    def place(self) -> TracebackType | None:
        return None if self._session.call is None else self._session.call.place()

    def close(self) -> None:
        if not self._ended and self._loop is not None:
            self._loop.later(self._close, self._name)

    async def _send(self, outputs: Outputs) -> object:
        async with self._busy:
            return await self._session.asend(outputs)

    async def _close(self) -> None:
        async with self._busy:  # a cancelled step may still be cleaning up
            try:
                await self._session.aclose()
            except BaseException as error:
                self._report(error)
