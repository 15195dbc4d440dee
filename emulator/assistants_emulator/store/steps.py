"""Long work in steps, between which a server's loop turns, so that no request waits for all of it.

A step takes some milliseconds at most. It yields None, or a function that may take longer and is called in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
OBJECTS_AT_ONCE = 1000  # that a step takes up: a few milliseconds
RENDERED_AT_ONCE = 50  # objects that a step renders: a few milliseconds
Function: TypeAlias = Callable[[], object]
Steps: TypeAlias = Generator[Function | None, None, T]


def in_steps(functions: Iterable[Function]) -> Steps[None]:
    yield from functions


def run_at_once(steps: Steps[T]) -> T:
    """Run all steps, and return their result."""
    while True:
        try:
            function = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if function is not None:
            function()


async def run_in_turns(steps: Steps[T]) -> T:
    """Run the steps, each in a turn of the running loop of its own, and return their result."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            if (function := next(steps)) is None:
                await asyncio.sleep(0)
            else:
                await loop.run_in_executor(None, function)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


def run_later(steps: Steps[Any]) -> None:
    """Run the steps in later turns of the running loop."""
    task = asyncio.get_running_loop().create_task(run_in_turns(steps))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def finish_later() -> None:
    """Cancel what `run_later` has begun on the running loop."""
    tasks = [task for task in _tasks if task.get_loop() is asyncio.get_running_loop()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_tasks: set[asyncio.Task[Any]] = set()  # a loop holds its tasks weakly
