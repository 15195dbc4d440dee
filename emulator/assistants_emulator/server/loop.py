"""An event loop in a thread of its own, and calls into it from other threads."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from assistants_emulator.errors import StoppedError

T = TypeVar("T")
CLOSING_SECONDS = 0.5  # a loop that takes longer to end is held up by a value of user code, and left behind
log = logging.getLogger("assistants_emulator")


def new_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop, uvloop's if it is installed: it takes half the time per call."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopThread:
    """Runs until `close`. Methods may be called in any thread, the loop's own included, unless they say otherwise."""

    def __init__(self) -> None:
        self._loop = new_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="assistants-emulator", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """Return `function()`, called on the loop; its exceptions are raised here. StoppedError after `close`."""
        if threading.current_thread() is self._thread:
            return function()
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function())
            except BaseException as error:
                result.set_exception(error)

        self._submit(lambda: self._loop.call_soon_threadsafe(run))
        return result.result()

    def soon(self, function: Callable[[], object]) -> None:
        """Call it on the loop, in the order of these calls, without waiting for it. StoppedError as in `call`."""
        self._submit(lambda: self._loop.call_soon_threadsafe(function))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the coroutine's result, run on the loop; RuntimeError in the loop's own thread, which cannot wait."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("this call waits for the server, so it cannot be made in the server's own thread")
        return self._submit(lambda: asyncio.run_coroutine_threadsafe(coroutine, self._loop)).result()

    async def await_here(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await, on the caller's loop, the coroutine's result, run on this one."""
        return await asyncio.wrap_future(self._submit(lambda: asyncio.run_coroutine_threadsafe(coroutine, self._loop)))

    def close(self) -> None:
        self._closing = True
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSING_SECONDS)

    def _submit(self, submit: Callable[[], T]) -> T:
        try:
            return submit()
        except RuntimeError as error:
            raise StoppedError("this emulator was stopped; start another") from error

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._closing:
                self._run_on()
        finally:
            self._loop.close()

    def _run_on(self) -> None:
        """asyncio lets SystemExit and KeyboardInterrupt of a callback end the loop; the server goes on."""
        try:
            self._loop.run_forever()
        except BaseException:
            log.exception("the server's loop goes on after an exception")


YOUNG_COLLECTIONS = 10  # after which the older objects are looked at
MOST_OLD_OBJECTS = 50_000  # that a collection looks at: some hundredths of a second


class ShortCollections:
    """Keeps the garbage collector from stopping a process for long, as it does to look at a million stored objects.

    Objects that have lasted are taken out of its view once there are many; stored ones are in no cycles. For a process
    that does nothing but serve: the few others that are alive at such a moment are never collected if they end up in a
    cycle.
    """

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._young = 0

    def start(self) -> None:
        gc.collect()
        gc.freeze()
        youngest, younger, _ = gc.get_threshold()
        gc.set_threshold(youngest, younger, 1_000_000)  # the oldest generation is collected here
        gc.callbacks.append(self._count)

    def _count(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 1:
            self._young += 1
            if self._young == YOUNG_COLLECTIONS:
                with suppress(StoppedError):
                    self._loop.soon(self._collect)

    def _collect(self) -> None:
        self._young = 0
        gc.collect()
        if len(gc.get_objects(generation=2)) > MOST_OLD_OBJECTS:
            gc.freeze()
