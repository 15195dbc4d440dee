"""Threads and an event loop for user code, which may block or call the emulator itself: never the server's loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

LEAVING_SECONDS = 1.0  # real ones, for async code to close its resources when the emulator stops
MOST_THREADS = 512  # each may wait for another run's responder; threads are made only as they are needed


class Workers:
    """Threads for plain functions, and one event loop of its own for async ones. Shared by all projects."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="responder")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def call(self, function: Callable[[], T]) -> Awaitable[T]:
        """Call it in a thread, and await its result."""
        return asyncio.get_running_loop().run_in_executor(self._pool, function)

    def later(self, function: Callable[[], object]) -> None:
        """Call it in a thread, when one is free; its result is dropped."""
        self._pool.submit(function)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Await user code's coroutine on the loop of user code."""
        return asyncio.wrap_future(self.run_later(coroutine))

    def run_later(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="async-responders", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Do not wait for user code that is still busy: it cannot be stopped, only left behind."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None and self._thread is not None:
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(_leave_all(), self._loop).result(2 * LEAVING_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _leave_all() -> None:
    """Wait for tasks to end: runs have closed their responders. Cancel late ones; leave those that ignore that."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=LEAVING_SECONDS / 2)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=LEAVING_SECONDS / 2)
