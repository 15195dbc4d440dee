"""What a responder is: replies that are listed, replies of a script, or somebody's Python code.

All are started with a turn and then asked step by step. Steps that call functions are sent the outputs, in the order
of the calls; every other step is sent None. Listed and scripted replies never leave the server's loop; user code may
block, so it is asked in a worker thread.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from types import AsyncGeneratorType
from typing import Any, Final, Literal, Protocol, TypeAlias

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import (
    CodeInterpreter,
    FunctionCall,
    Reply,
    Step,
    Text,
    as_replies,
    as_reply,
)
from assistants_emulator.responders.templates import fill_step
from assistants_emulator.responders.turn import Turn
from assistants_emulator.responders.validation import shown

Outputs: TypeAlias = Sequence[str] | None
Steps: TypeAlias = Generator[Step, Outputs, None]
AsyncSteps: TypeAlias = AsyncGenerator[Step, Outputs]


def listed(replies: Sequence[Step]) -> Steps:
    """The replies one by one, whatever is sent."""
    for step in replies:  # noqa: UP028 - a list cannot be sent to
        yield step


def steps(call: Callable[[], Any], who: str) -> Steps:
    """The steps of synchronous code; `who` names it in errors. `call` is made when the first step is asked for."""
    result = call()
    if inspect.iscoroutine(result):
        result.close()
        raise ScriptError(f"{who} returned a coroutine; register the async function itself")
    if inspect.isgenerator(result):
        result = yield from _generated(result, who)
        if result is None:
            return
    yield from listed(as_replies(result, who))


def _generated(generator: Generator[Any, Any, Any], who: str) -> Generator[Step, Outputs, Any]:
    outputs: Outputs = None
    try:
        while True:
            try:
                said = generator.send(outputs)
            except StopIteration as stop:
                return stop.value
            step = as_reply(said, who)
            outputs = _sent(step, (yield step))
    finally:
        _close(generator, who)


async def async_steps(call: Callable[[], Any], who: str) -> AsyncSteps:
    """The steps of asynchronous code."""
    result = call()
    if not inspect.isasyncgen(result):
        for step in as_replies(await result, who):
            yield step
        return
    generator: AsyncGeneratorType[Any, Any] = result
    outputs: Outputs = None
    try:
        while True:
            try:
                said = await generator.asend(outputs)
            except StopAsyncIteration:
                return
            step = as_reply(said, who)
            outputs = _sent(step, (yield step))
    finally:
        await _aclose(generator, who)


def _sent(step: Step, outputs: Outputs) -> list[str] | None:
    gives = isinstance(step, FunctionCall | list) or (isinstance(step, CodeInterpreter) and step.execute)
    return list(outputs or ()) if gives else None


def _close(generator: Generator[Any, Any, Any], who: str) -> None:
    # generator.close() would tell of a generator that goes on only by a RuntimeError
    try:
        generator.throw(GeneratorExit)
    except (GeneratorExit, StopIteration):
        return
    raise _went_on(who)


async def _aclose(generator: AsyncGeneratorType[Any, Any], who: str) -> None:
    if generator.ag_frame is None:
        return
    try:
        await generator.athrow(GeneratorExit)
    except (GeneratorExit, StopAsyncIteration):
        return
    raise _went_on(who)


def _went_on(who: str) -> ScriptError:
    return ScriptError(f"{who} yielded after its run had ended; let GeneratorExit pass (catch Exception, not all)")


def is_async(function: Callable[..., object]) -> bool:
    """Whether what the function returns is awaited or iterated asynchronously."""
    code = _code(function)
    return inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code)


def _code(function: Callable[..., object]) -> Callable[..., object]:
    while isinstance(function, partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def name_of(function: Callable[..., object]) -> str:
    """How errors call it: `responder 'weather'`."""
    while isinstance(function, partial):
        function = function.func
    return f"responder '{getattr(function, '__name__', type(function).__name__)}'"


def arguments(function: Callable[..., object], turn: object) -> tuple[object, ...]:
    """What to call the function with: the turn, or nothing if it takes nothing."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return (turn,)
    for given in ((turn,), ()):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return given
    raise ScriptError(f"{name_of(function)} takes {signature}; a responder takes the turn or nothing")


class _End(enum.Enum):
    END = "end"


END: Final = _End.END
"""What is said after the last reply (StopIteration cannot leave a worker thread)."""


class Source(Protocol):
    """`inline` sources run on the loop; their `start` gives a plain generator of steps."""

    @property
    def inline(self) -> bool: ...
    def open(self, turn: Turn) -> Session | AsyncSession: ...


@dataclass(frozen=True)
class Listed:
    """The same replies for every run."""

    replies: Sequence[Step]
    inline: Literal[True] = True

    def start(self, turn: Turn) -> Steps:
        return listed(self.replies)

    def open(self, turn: Turn) -> Session:
        return Session(self.start(turn))


@dataclass(frozen=True)
class Scripted:
    """A script's replies, their braces filled from the turn and the outputs of the last calls."""

    actions: Sequence[Step]
    inline: Literal[True] = True

    def start(self, turn: Turn) -> Steps:
        names = {"message": turn.last_message.text} if turn.last_message else {}
        names |= turn.match.groupdict(default="") if turn.match else {}
        outputs: Sequence[str] = ()
        for action in self.actions:
            given = yield fill_step(action, names, outputs)
            outputs = given if given and isinstance(action, FunctionCall | list) else outputs

    def open(self, turn: Turn) -> Session:
        return Session(self.start(turn))


@dataclass(frozen=True)
class UserCode:
    """A function, generator function, async function or async generator function that takes the turn or nothing."""

    function: Callable[..., object]
    inline: Literal[False] = False

    def __post_init__(self) -> None:
        arguments(self.function, None)

    def open(self, turn: Turn) -> Session | AsyncSession:
        """Calls nothing yet: the function begins when its first step is asked for."""
        call = partial(self.function, *arguments(self.function, turn))
        who = name_of(self.function)
        return AsyncSession(async_steps(call, who)) if is_async(self.function) else Session(steps(call, who))


class Session:
    """Steps asked one by one. Errors of user code come through as they were raised."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def send(self, outputs: Outputs) -> Step | _End:
        """The next step, or END; the first is asked for with None."""
        try:
            return self._steps.send(outputs)
        except StopIteration:
            return END

    def close(self) -> None:
        """Leave a responder that may not be at its end. Never while a `send` is under way."""
        self._steps.close()


class AsyncSession:
    """As Session, awaited, and always on the same event loop."""

    def __init__(self, steps: AsyncSteps) -> None:
        self._steps = steps

    async def asend(self, outputs: Outputs) -> Step | _End:
        try:
            return await self._steps.asend(outputs)
        except StopAsyncIteration:
            return END

    async def aclose(self) -> None:
        await self._steps.aclose()


def as_source(value: object) -> Source:
    """What `respond` was given: text, a reply or a list of replies, or something to call with the turn."""
    if isinstance(value, str | list | tuple | Reply):
        return Listed(as_replies(value))
    if callable(value) and not isinstance(value, type):
        return UserCode(value)
    raise ScriptError(f"a responder is text, a reply, a list of replies or a function of the turn, not {shown(value)}")


@dataclass(frozen=True)
class Echo:
    """Says `Echo: ` and the last user message."""

    inline: Literal[True] = True

    def start(self, turn: Turn) -> Steps:
        said = turn.last_message.text if turn.last_message else ""
        yield Text(f"Echo: {said or '(no message)'}")

    def open(self, turn: Turn) -> Session:
        return Session(self.start(turn))
