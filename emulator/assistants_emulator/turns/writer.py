"""The interfaces between a turn's task and the API that it answers: runs of assistants, or responses.

A task drives a responder and knows neither. A `ReplyWriter` turns replies into events, a `TurnApi` says how a turn
begins, what it shows its responder, and what a function call does to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from assistants_emulator.responders.replies import CodeInterpreter, FunctionCall, Usage
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.sources import Outputs
from assistants_emulator.responders.turn import Turn
from assistants_emulator.store import Event, Object

if TYPE_CHECKING:
    from assistants_emulator.turns.invocation import Invocation, TurnServices
    from assistants_emulator.turns.task import TurnTask

Events = Iterator[Event]


class Execution(Protocol):
    """A function for a worker, which executes a reply's code; `stop` ends that early, from another thread."""

    def __call__(self) -> CodeInterpreter: ...

    def stop(self) -> None: ...


class ReplyWriter(Protocol):
    """Turns the replies of a responder into the events of one run or response.

    The task commits each event before it asks for the next. `number` counts the replies from 0; chunks of one text have
    one number. Replies that a restart finds written are not written again.
    """

    @property
    def subject(self) -> Object:
        """The run or response as it is stored."""
        ...

    def store_ids(self) -> list[str]:
        """The vector stores that a search looks into."""
        ...

    def execution(self, reply: CodeInterpreter) -> Execution:
        """Return the execution of the code, for a worker; ScriptError unless that is allowed."""
        ...

    def require_usable(self) -> None:
        """InvalidState if something that the turn needs cannot be used."""
        ...

    def check(self, reply: Any) -> None:
        """ScriptError for a reply that the request does not allow."""
        ...

    def is_slow(self, reply: Any) -> bool:
        """True if `check` may take long: then it is called in a thread."""
        ...

    def exhausted(self) -> str | None:
        """The budget that leaves no room for another reply, or None."""
        ...

    def is_written(self, number: int) -> bool: ...

    def cut_short(self, number: int) -> str | None:
        """The budget that has cut this reply's text short, or None."""
        ...

    def printed(self, number: int) -> list[str]:
        """The logs of the code that this reply executed; one string."""
        ...

    def begin(self, **fields: Any) -> Events:
        """The turn is in progress; `fields` are kept with it."""
        ...

    def write(self, number: int, reply: Any) -> Events:
        """A text, a tool call, or another reply with content of its own; it stays open until `close`."""
        ...

    def functions(self, number: int, calls: Sequence[FunctionCall]) -> Events: ...

    def use(self, number: int, usage: Usage) -> Events:
        """The tokens of what was written before this reply, instead of the estimate."""
        ...

    def close(self) -> Events:
        """End what the last reply has left open."""
        ...

    def complete(self) -> Events: ...

    def incomplete(self, reason: str) -> Events: ...

    def fail(self, code: str, message: str) -> Events: ...

    def cancel(self) -> Events:
        """Cancel the turn, which a client has begun to cancel, or which its own reply cancels."""
        ...

    def expire(self) -> Events: ...

    def remember(self, number: int, value: Any) -> Events:
        """Keep the moment of a Wait, or that a Pause is over, in the subject's `_waits`."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """A responder that was begun, and the `outputs` that it is sent first."""

    rule: Rule
    invocation: Invocation
    outputs: Outputs = None


class Starter(Protocol):
    """The part of the scheduler that a `TurnApi` uses when it hears an event."""

    def start(
        self, api: TurnApi, subject: Object, *, paused: bool = False, last_error: Object | None = None
    ) -> None: ...

    def task(self, id: str) -> TurnTask | None:
        """The task of a run or response, by its id or that of the thread or conversation that it is in."""
        ...


class TurnApi(Protocol):
    """One of the two APIs: which of its objects are turns, and how they begin and stop."""

    def interrupted(self) -> Iterable[Object]:
        """The turns that a stop of the emulator has left under way."""
        ...

    def adopted(self, tables: dict[str, list[Object]]) -> Iterable[tuple[Object, bool]]:
        """The turns under way in a state file, and True for each that has to be resumed."""
        ...

    def hear(self, event: Event, starter: Starter) -> None:
        """Start, cancel or continue a turn by a committed event."""
        ...

    def withdraw(self, id: str) -> bool:
        """Take back a turn that the store cannot write; False if a request may have seen it, and it stays."""
        ...

    def places(self, subject: Object) -> tuple[str, ...]:
        """The ids, besides its own, whose requests wait for the turn to settle."""
        ...

    def deadline(self, subject: Object) -> float | None:
        """The instant at which it expires, in unix seconds; None for never."""
        ...

    def writer(self, subject: Object) -> ReplyWriter: ...

    def turn(self, subject: Object, services: TurnServices) -> Turn: ...

    async def open(self, task: TurnTask) -> Opening:
        """Begin the turn's responder, or go on with the one that was left open."""
        ...

    async def call(self, task: TurnTask, number: int, calls: list[FunctionCall]) -> list[str]:
        """Make the calls; return their outputs, or end the turn by raising Finished."""
        ...

    def close(self) -> None:
        """Leave the responders that wait for a continuation."""
        ...
