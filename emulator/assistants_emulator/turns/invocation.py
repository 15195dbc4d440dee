"""The responder of one turn: choose its rule, ask for its replies one by one, and record what it raises.

Listed and scripted replies are produced on the server's loop, plain functions are called in worker threads, and async
ones on the loop of user code, so that a responder may block without holding up the server.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from assistants_emulator.errors import EmulatorError
from assistants_emulator.resources.context import Context
from assistants_emulator.responders.replies import CodeInterpreter, FileSearch
from assistants_emulator.responders.rules import Rule, RuleBook
from assistants_emulator.responders.sources import END, AsyncSession, Outputs, Session, Source
from assistants_emulator.responders.turn import Turn
from assistants_emulator.turns.turn_source import Hop, MakeClient
from assistants_emulator.turns.workers import Workers
from assistants_emulator.turns.writer import ReplyWriter

T = TypeVar("T")
Report = Callable[[Exception], None]
problems = logging.getLogger("assistants_emulator.problems")
"""At level INFO, a line for each problem of responders and scripts: `serve` shows them."""


MOST_KEPT = 1000  # failures and unmatched turns of a project
MOST_WITH_LOCALS = 100  # failures whose tracebacks hold the responder's variables, which may be large


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception that a responder raised, kept for the test that caused it."""

    run_id: str
    error: Exception


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
        self.rules = rules
        self.hop = hop
        self.make_client = make_client
        self._context = context
        self._workers = workers
        self._read_store = read_store
        self._choosing = asyncio.Lock()

    async def choose(self, turn: Turn) -> Rule:
        """The rule that answers the turn, one use more; NoResponder if there is none."""
        async with self._choosing:
            if self.rules.asks_user_code:
                choice = await self._workers.call(lambda: self.rules.choose(turn))
            else:
                choice = self.rules.choose(turn)
        if choice is None:
            explanation = self.rules.explain(turn)
            self.unmatched.append(explanation)
            problems.info("%s", one_line(explanation))
            raise NoResponder(explanation)
        rule, turn.match = choice
        return rule

    def find(self, rule_id: str, turn: Turn) -> Rule:
        """The rule that the turn began with before a restart."""
        rule = self.rules.find(rule_id)
        if rule is None:
            raise NoResponder(
                f"The responder that this run began with ({rule_id}) is gone since the emulator was restarted."
            )
        turn.match = rule.match(turn)
        return rule

    def invoke(self, rule: Rule, turn: Turn, id: str) -> Invocation:
        """Begin the rule's responder; `id` is the run's or response's, for its failures."""
        return open_invocation(rule.source, turn, self._workers, lambda error: self.failed(id, error))

    async def prepare(self, writer: ReplyWriter, reply: Any) -> Any:
        """Return the reply ready to be played: vector stores read for a search, code executed for its output."""
        if isinstance(reply, FileSearch) and reply.results is None:
            for id in writer.store_ids():
                await self._read_store(id)
        if isinstance(reply, CodeInterpreter) and reply.execute:
            return await self._workers.call(writer.execution(reply))
        return reply

    async def pace(self) -> None:
        """Wait between two deltas where `tokens_per_second` is set (real seconds: the rate is for people's eyes)."""
        if (rate := self._context.config.tokens_per_second) is not None:
            await asyncio.sleep(1 / rate)

    def failed(self, id: str, error: Exception) -> None:
        self.failures.append(Failure(id, error))
        problems.info("%s: %s", id, one_line(f"{type(error).__name__}: {error}"))


def one_line(text: str) -> str:
    return " ".join(text.split())


def open_invocation(source: Source, turn: Turn, workers: Workers, report: Report) -> Invocation:
    """`report` receives the exception of user code that is left before its end."""
    session = source.open(turn)
    if isinstance(session, AsyncSession):
        return _AsyncInvocation(session, workers, report)
    return _InlineInvocation(session) if source.inline else _ThreadInvocation(session, workers, report)


class _InlineInvocation:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def next(self, outputs: Outputs) -> object:
        return self._session.send(outputs)

    def close(self) -> None:
        self._session.close()


class _ThreadInvocation:
    """A function that may still be busy in its thread when the run is cancelled; it is closed when it returns."""

    def __init__(self, session: Session, workers: Workers, report: Report) -> None:
        self._session = session
        self._workers = workers
        self._report = report
        self._busy = threading.Lock()

    async def next(self, outputs: Outputs) -> object:
        return await self._workers.call(lambda: self._send(outputs))

    def close(self) -> None:
        self._workers.later(self._close)

    def _send(self, outputs: Outputs) -> object:
        with self._busy:
            return self._session.send(outputs)

    def _close(self) -> None:
        with self._busy:
            try:
                self._session.close()
            except Exception as error:
                self._report(error)


class _AsyncInvocation:
    def __init__(self, session: AsyncSession, workers: Workers, report: Report) -> None:
        self._session = session
        self._workers = workers
        self._report = report
        self._busy = asyncio.Lock()
        self._ended = False

    async def next(self, outputs: Outputs) -> object:
        step = await self._workers.run(self._send(outputs))
        self._ended = step is END
        return step

    def close(self) -> None:
        if not self._ended:
            self._workers.run_later(self._close())

    async def _send(self, outputs: Outputs) -> object:
        async with self._busy:
            return await self._session.asend(outputs)

    async def _close(self) -> None:
        async with self._busy:  # a cancelled step may still be cleaning up
            try:
                await self._session.aclose()
            except Exception as error:
                self._report(error)
