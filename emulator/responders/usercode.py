"""Somebody's Python code as steps: whatever form it has, it is asked for one step after another.

A newcomer would use `yield from`: it hands user code what was sent and yielded unseen, and a list cannot be sent to.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from types import AsyncGeneratorType
from typing import Any, TypeAlias

from emulator.errors import ScriptError
from emulator.responders.replies import CodeInterpreter, FunctionCall, Step, as_replies, as_reply

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
