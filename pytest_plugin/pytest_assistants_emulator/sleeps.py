"""Virtual sleeps: `time.sleep` and `asyncio.sleep` of a test move its project's clock instead of waiting.

Sleeps are virtual in the test's own thread and in the tasks of a loop that runs there. Others wait as they always do,
`sleep(0)` too, and the standard library's own, which wait for the real world.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from assistants_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from pytest_assistants_emulator.servers import Handle

REAL_SLEEP, REAL_ASYNC_SLEEP = time.sleep, asyncio.sleep


class Sleeper(NamedTuple):
    """The threads whose sleeps are virtual, and the function that moves the clock by seconds."""

    threads: set[int]
    advance: Callable[[float], object]


_sleeper: Sleeper | None = None


@contextmanager
def virtual_sleeps(handle: Handle) -> Iterator[None]:
    """Sleeps of the calling thread move the project's clock until the block ends; without a clock they do nothing."""
    try:
        advance: Callable[[float], object] = handle.clock.advance
    except EmulatorError:  # a cassette has no clock
        advance = float
    with sleeping_by(advance, set()):
        yield


@contextmanager
def sleeping_by(advance: Callable[[float], object], threads: set[int]) -> Iterator[None]:
    """Sleeps of the calling thread, and of those that `threads` gets meanwhile, are calls of `advance`."""
    global _sleeper
    threads.add(threading.get_ident())
    _sleeper = Sleeper(threads, advance)
    try:
        yield
    finally:
        _sleeper = None


def install(config: pytest.Config) -> None:
    """Put the virtual functions in the place of the real ones until the session ends, wherever modules have them."""
    if getattr(time.sleep, "__wrapped__", None) is REAL_SLEEP:
        return
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    replacements = {id(REAL_SLEEP): virtual_sleep, id(REAL_ASYNC_SLEEP): virtual_async_sleep}
    for module in [module for name, module in sys.modules.items() if name != __name__]:
        names: dict[str, Any] = getattr(module, "__dict__", {})
        for name, value in [(name, value) for name, value in names.items() if id(value) in replacements]:
            patch.setattr(module, name, replacements[id(value)])


def virtual_sleep(seconds: float, /) -> None:
    sleeper = _sleeper_of(seconds, sys._getframe(1))
    if sleeper is None:
        REAL_SLEEP(seconds)
    else:
        sleeper.advance(seconds)


async def virtual_async_sleep(delay: float, result: Any = None) -> Any:
    sleeper = _sleeper_of(delay, None)
    if sleeper is None:
        return await REAL_ASYNC_SLEEP(delay, result)
    await REAL_ASYNC_SLEEP(0)
    sleeper.advance(delay)
    return result


virtual_sleep.__wrapped__ = REAL_SLEEP  # type: ignore[attr-defined]


def _sleeper_of(seconds: Any, caller: FrameType | None) -> Sleeper | None:
    """The sleeper for a sleep of the current thread, None for one that is real."""
    sleeper = _sleeper
    if sleeper is None or threading.get_ident() not in sleeper.threads:
        return None
    if not isinstance(seconds, int | float) or not seconds > 0:
        return None
    is_own = caller is None or caller.f_globals.get("__name__", "").partition(".")[0] not in sys.stdlib_module_names
    return sleeper if is_own else None
