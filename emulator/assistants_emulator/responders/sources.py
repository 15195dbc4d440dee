"""Sources of replies: listed ones, a script's, the built-in echo, or a function of the user.

A source is opened with a turn and asked for one step after another. A step that calls functions or executes code is
sent its outputs, in the order of the calls; every other step is sent None. Listed and scripted replies never leave the
server's loop; user code may block, so it is asked in a worker thread or on a loop of its own.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import AsyncGeneratorType, TracebackType
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
from assistants_emulator.responders.validation import display

Responder: TypeAlias = (
    str | Reply | Sequence[str | Reply | Sequence[FunctionCall]] | Callable[[Turn], object] | Callable[[], object]
)
"""The argument of `respond`: text, a reply, a list of replies, or a function of the turn or of nothing.

The function returns one of the first three, or is a generator (`-> Replies`) of them; it may be async.
"""
Outputs: TypeAlias = Sequence[str] | None
Steps: TypeAlias = Generator[Step, Outputs, None]
AsyncSteps: TypeAlias = AsyncGenerator[Step, Outputs]


class _End(enum.Enum):
    END = "end"


END: Final = _End.END
"""Stands after the last step (StopIteration cannot leave a worker thread)."""


class Source(Protocol):
    """Opens a session for each run. Those of `inline` sources are used on the server's loop."""

    @property
    def inline(self) -> bool: ...
    def open(self, turn: Turn) -> Session | AsyncSession: ...


def as_source(responder: object) -> Source:
    """The source for what `respond` was given; ScriptError if it is no Responder."""
    if isinstance(responder, str | list | tuple | Reply):
        return Listed(as_replies(responder))
    if callable(responder) and not isinstance(responder, type):
        return UserCode(responder)
    raise ScriptError(
        f"a responder is text, a reply, a list of replies or a function of the turn, not {display(responder)}"
    )


@dataclass(frozen=True)
class Listed:
    """The same replies for every run."""

    replies: Sequence[Step]
    inline: Literal[True] = True

    def start(self, turn: Turn) -> Steps:
        return _in_order(self.replies)

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
        last: Sequence[str] = turn.outputs
        for action in self.actions:
            outputs = yield fill_step(action, names, last)
            last = outputs if outputs and isinstance(action, FunctionCall | list) else last

    def open(self, turn: Turn) -> Session:
        return Session(self.start(turn))


@dataclass(frozen=True)
class Echo:
    """The responder of a project without rules: `Echo: ` and the last user message."""

    inline: Literal[True] = True

    def start(self, turn: Turn) -> Steps:
        text = turn.last_message.text if turn.last_message else ""
        yield Text(f"Echo: {text or '(no message)'}")

    def open(self, turn: Turn) -> Session:
        return Session(self.start(turn))


@dataclass(frozen=True)
class UserCode:
    """A function, generator function, async function or async generator function of the turn or of nothing."""

    function: Callable[..., object]
    inline: Literal[False] = False

    def __post_init__(self) -> None:
        _arguments(self.function, None)

    def open(self, turn: Turn) -> Session | AsyncSession:
        """Calls nothing yet: the function is called when its first step is asked for."""
        call = Call(partial(self.function, *_arguments(self.function, turn)), _name_of(self.function))
        return AsyncSession(async_steps(call), call) if _is_async(self.function) else Session(steps(call), call)


class Call:
    """The call of a function of the user for one run; errors call it by its `name`."""

    def __init__(self, function: Callable[[], Any], name: str) -> None:
        self.name = name
        self._function = function
        self._result: Any = None

    def __call__(self) -> Any:
        self._result = self._function()
        return self._result

    def place(self) -> TracebackType | None:
        """The `yield` at which the function's generator waits, as a traceback; None where there is none."""
        frame = getattr(self._result, "gi_frame", None) or getattr(self._result, "ag_frame", None)
        return None if frame is None else TracebackType(None, frame, frame.f_lasti, frame.f_lineno)


class Session:
    """One run's steps, asked for one by one. Errors of user code come through as they were raised."""

    def __init__(self, steps: Steps, call: Call | None = None) -> None:
        self.call = call
        self._steps = steps

    def send(self, outputs: Outputs) -> Step | _End:
        """The next step, or END; the first is asked for with None."""
        try:
            return self._steps.send(outputs)
        except StopIteration:
            return END

    def close(self) -> None:
        """Leave a responder, at its end or before it. Never while a `send` is under way."""
        self._steps.close()


class AsyncSession:
    """As Session, awaited, and always on the same event loop."""

    def __init__(self, steps: AsyncSteps, call: Call | None = None) -> None:
        self.call = call
        self._steps = steps

    async def asend(self, outputs: Outputs) -> Step | _End:
        try:
            return await self._steps.asend(outputs)
        except StopAsyncIteration:
            return END

    async def aclose(self) -> None:
        await self._steps.aclose()


# The steps of user code. `yield from` would not do: it hands through values that are neither checked nor trimmed.


def steps(call: Call) -> Steps:
    """The steps of synchronous code, which `call` starts."""
    name = call.name
    result = call()
    if inspect.iscoroutine(result):
        result.close()
        raise ScriptError(f"{name} returned a coroutine; register the async function itself")
    if inspect.isgenerator(result):
        result = yield from _generated(result, name)
        if result is None:
            return
    yield from _in_order(as_replies(result, name))


def _generated(generator: Generator[Any, Any, Any], name: str) -> Generator[Step, Outputs, Any]:
    outputs: Outputs = None
    try:
        while True:
            try:
                value = generator.send(outputs)
            except StopIteration as stop:
                return stop.value
            try:
                step = as_reply(value, name)
            except ScriptError as error:
                with suppress(StopIteration):
                    generator.throw(error.with_traceback(None))  # so that it is raised at the line that yielded
                raise
            outputs = _outputs_for(step, (yield step))
    finally:
        _close(generator, name)


async def async_steps(call: Call) -> AsyncSteps:
    """The steps of asynchronous code, which `call` starts."""
    name = call.name
    result = call()
    if not inspect.isasyncgen(result):
        for step in as_replies(await result, name):
            yield step
        return
    generator: AsyncGeneratorType[Any, Any] = result
    outputs: Outputs = None
    try:
        while True:
            try:
                value = await generator.asend(outputs)
            except StopAsyncIteration:
                return
            try:
                step = as_reply(value, name)
            except ScriptError as error:
                with suppress(StopAsyncIteration):
                    await generator.athrow(error.with_traceback(None))
                raise
            outputs = _outputs_for(step, (yield step))
    finally:
        await _aclose(generator, name)


def _in_order(replies: Sequence[Step]) -> Steps:
    for step in replies:  # noqa: UP028 - a list cannot be sent to
        yield step


def _outputs_for(step: Step, outputs: Outputs) -> CallOutputs | None:
    has_outputs = isinstance(step, FunctionCall | list) or (isinstance(step, CodeInterpreter) and step.execute)
    return CallOutputs(outputs or ()) if has_outputs else None


class CallOutputs(list[str]):
    """The outputs of a step, one for each call. As a text, those of a single call are its output."""

    def __str__(self) -> str:
        return self[0] if len(self) == 1 else super().__str__()

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return self[0] == other if len(self) == 1 and isinstance(other, str) else super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # as a list's


def _close(generator: Generator[Any, Any, Any], name: str) -> None:
    # generator.close() would report a generator that goes on only by a RuntimeError
    try:
        generator.throw(GeneratorExit)
    except (GeneratorExit, StopIteration):
        return
    raise _goes_on(name)


async def _aclose(generator: AsyncGeneratorType[Any, Any], name: str) -> None:
    if generator.ag_frame is None:
        return
    try:
        await generator.athrow(GeneratorExit)
    except (GeneratorExit, StopAsyncIteration):
        return
    raise _goes_on(name)


def _goes_on(name: str) -> ScriptError:
    return ScriptError(f"{name} yielded after its run had ended; let GeneratorExit pass (catch Exception, not all)")


# Inspection of functions


def _is_async(function: Callable[..., object]) -> bool:
    """True if the function's result is awaited or iterated asynchronously."""
    function = _unwrapped(function)
    code = function if inspect.isroutine(function) else type(function).__call__
    return inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code)


def _name_of(function: Callable[..., object]) -> str:
    """The function as errors call it: `responder 'weather'`."""
    function = _unwrapped(function)
    return f"responder '{getattr(function, '__name__', type(function).__name__)}'"


def _unwrapped(function: Callable[..., object]) -> Callable[..., object]:
    while isinstance(function, partial):
        function = function.func
    return function


def _arguments(function: Callable[..., object], turn: object) -> tuple[object, ...]:
    """The arguments to call the function with: the turn, or none if it takes none; ScriptError if it takes others."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return (turn,)
    for arguments in ((turn,), ()):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return arguments
    raise ScriptError(f"{_name_of(function)} takes {signature}; a responder takes the turn or nothing")
