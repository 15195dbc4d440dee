"""The server's loop in a thread of its own, and how other threads have something done there."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from assistants_emulator.errors import StoppedError

T = TypeVar("T")
CLOSING_SECONDS = 0.5  # a loop that takes longer to end is held up by a value of user code, and left behind
log = logging.getLogger("assistants_emulator")


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed: half the time per call."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopThread:
    """Runs until `close`. Calls come from any thread, the loop's own included."""

    def __init__(self) -> None:
        self._loop = new_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="assistants-emulator", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T]) -> T:
        """What `function()` gives on the loop; what it raises is raised here."""
        if threading.current_thread() is self._thread:
            return function()
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)

        self._submit(lambda: self._loop.call_soon_threadsafe(run))
        return done.result()

    def soon(self, function: Callable[[], object]) -> None:
        """Have it called on the loop, before whatever is asked for later; does not wait for it."""
        self._submit(lambda: self._loop.call_soon_threadsafe(function))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine on the loop and wait for its end; not from the loop itself."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("this call waits for the server, and cannot be made from the server's own thread")
        return self._submit(lambda: asyncio.run_coroutine_threadsafe(coroutine, self._loop)).result()

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
