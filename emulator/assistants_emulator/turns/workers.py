"""Threads and event loops for user code, which may block or call the emulator itself: never the server's loop.

User code may raise anything, block for ever, or stop the loop that it runs on. Whatever it raises arrives as a
UserCodeError, and the emulator never waits for its end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Outcome: TypeAlias = tuple[T | None, BaseException | None]
"""A result, or what was raised instead."""
Make: TypeAlias = Callable[[], Coroutine[Any, Any, T]]

LEAVING_SECONDS = 0.4  # real ones, in all, for user code to end and to close its resources when the emulator stops
STUCK_SECONDS = 1.0  # real ones, after which a loop that has not begun the next responder counts as blocked
MOST_THREADS = 512  # of one project; threads are made only as they are needed
MOST_OWN_THREADS = 16  # for the emulator's own work
log = logging.getLogger("assistants_emulator")


class UserCodeError(Exception):
    """Carries what user code raised, of any kind: a BaseException must not reach a loop of ours."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Threads:
    """Threads that are used again, `most` at a time. They are daemons: the interpreter does not wait for their end."""

    def __init__(self, name: str, most: int | None = None) -> None:
        self._name = name
        self._most = most
        self._queue: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._count = 0
        self._closed = False

    def submit(self, function: Callable[[], object]) -> None:
        """Call it in a thread, when one is free; it must raise nothing. Dropped once the threads are closed."""
        if self._closed:
            return
        self._queue.put(function)
        if not self._idle.acquire(blocking=False):
            self._add_thread()

    def close(self) -> None:
        """Start nothing more; threads that are busy end with what they do."""
        with self._lock:
            self._closed = True
            for _ in range(self._count):
                self._queue.put(None)

    def _add_thread(self) -> None:
        with self._lock:
            if self._most is not None and self._count >= self._most:
                return
            thread = threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system lets us have no more: one of those that there are takes it
                if self._count == 0:
                    raise
                return
            self._count += 1

    def _work(self) -> None:
        while (function := self._queue.get()) is not None and not self._closed:
            function()
            del function
            self._idle.release()


class DaemonExecutor(ThreadPoolExecutor):
    """The executor of `asyncio.to_thread` on a loop of user code: its threads are daemons, too."""

    def __init__(self) -> None:
        super().__init__(1)
        self._daemons = Threads("to-thread", MOST_OWN_THREADS)

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            result, error = _outcome(lambda: function(*args, **kwargs))
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        self._daemons.submit(run)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._daemons.close()


class Workers:
    """All threads and loops of one emulator. `work` is for the emulator's own functions, the rest for user code.

    `left_behind` describes, after `close`, the user code that was still at work.
    """

    def __init__(self) -> None:
        self.left_behind: list[str] = []
        self.threads = Threads("responder")
        self.busy: dict[object, str] = {}
        self._own_threads = Threads("worker", MOST_OWN_THREADS)
        self._loop: UserLoop | None = None
        self._stuck_loops: list[UserLoop] = []

    def lane(self) -> Lane:
        """The threads of one project."""
        return Lane(self)

    def work(self, function: Callable[[], T]) -> Awaitable[T]:
        """Call a function of the emulator's own in a thread, and await its result."""
        return _awaited(self._own_threads.submit, function, lambda error: error)

    async def begin(self, make: Make[T], name: str, stay_on: Callable[[UserLoop], None]) -> T:
        """Await the coroutine that `make()` gives, the first of its run; `stay_on` is called with the run's loop.

        A loop that another run has blocked is left, and a new one takes its place.
        """
        while True:
            loop = self._loop = self._loop or UserLoop()
            stay_on(loop)
            begun = threading.Event()
            result = asyncio.ensure_future(loop.run(make, name, begun))
            await _within(result, STUCK_SECONDS)
            if result.done() or begun.is_set():
                return await result
            result.cancel()
            if loop is self._loop:
                self._stuck_loops.append(loop)
                self._loop = None

    def close(self) -> None:
        """Give user code that is still at work a moment, and leave it behind: it cannot be stopped."""
        deadline = time.monotonic() + LEAVING_SECONDS
        self.left_behind += [name for loop in self._stuck_loops for name in loop.close(time.monotonic())]
        if self._loop is not None:
            self.left_behind += self._loop.close(deadline)
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.005)
        self.left_behind += list(self.busy.values())
        self.threads.close()
        self._own_threads.close()
        for name in self.left_behind:
            log.warning("left behind, still at work: %s", name)


class Lane:
    """The calls of one project's user code, MOST_THREADS at a time: a project that blocks all holds up no other."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._under_way = 0
        self._waiting: deque[Callable[[], object]] = deque()

    def call(self, function: Callable[[], T], name: str) -> Awaitable[T]:
        """Call it in a thread, and await its result; UserCodeError for whatever it raises. `name` is for people."""
        return _awaited(lambda run: self._submit(run, name), function, UserCodeError)

    def later(self, function: Callable[[], object], name: str) -> None:
        """Call it in a thread, when one is free; its result is dropped."""
        self._submit(lambda: _outcome(function), name)

    def _submit(self, run: Callable[[], object], name: str) -> None:
        def call() -> None:
            self._workers.busy[call] = name
            run()
            del self._workers.busy[call]
            self._next()

        with self._lock:
            if self._under_way >= MOST_THREADS:
                self._waiting.append(call)
                return
            self._under_way += 1
        self._workers.threads.submit(call)

    def _next(self) -> None:
        with self._lock:
            if not self._waiting:
                self._under_way -= 1
                return
            call = self._waiting.popleft()
        self._workers.threads.submit(call)


class UserLoop:
    """An event loop for async user code, in a daemon thread. It goes on when user code stops it or raises in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(DaemonExecutor())
        self._closing = False
        self._names: dict[asyncio.Task[Any], str] = {}
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run_forever, name="async-responders", daemon=True)
        self._thread.start()

    async def run(self, make: Make[T], name: str, begun: threading.Event | None = None) -> T:
        """Await the coroutine that `make()` gives on this loop; UserCodeError for whatever it raises.

        Called on the server's loop; `begun` is set when the coroutine begins.
        """
        server_loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = server_loop.create_future()
        tasks: list[asyncio.Task[Outcome[T]]] = []

        def start() -> None:
            if future.cancelled():
                return
            if begun is not None:
                begun.set()
            task = self._start(make, name)
            tasks.append(task)
            task.add_done_callback(finish)

        def finish(task: asyncio.Task[Outcome[T]]) -> None:
            outcome = (None, asyncio.CancelledError()) if task.cancelled() else task.result()
            with suppress(RuntimeError):  # the emulator was stopped meanwhile
                server_loop.call_soon_threadsafe(_deliver, future, outcome, UserCodeError)

        self._soon(start)
        try:
            return await future
        except asyncio.CancelledError:
            self._soon(lambda: [task.cancel() for task in tasks])
            raise

    def later(self, make: Make[object], name: str) -> None:
        """Run the coroutine that `make()` gives; its result is dropped."""
        self._soon(lambda: self._start(make, name))

    def close(self, deadline: float) -> list[str]:
        """Wait until tasks have ended, cancel late ones at half the time; return the names of those that ignore that.

        `deadline` is an instant of the monotonic clock.
        """
        self._soon(lambda: self._closing or self._loop.create_task(self._leave(deadline)))
        self._left.wait(max(0.0, deadline - time.monotonic()))
        self._closing = True
        self._soon(self._loop.stop)
        self._thread.join(max(0.02, deadline - time.monotonic()))
        return list(self._names.values())

    def _start(self, make: Make[T], name: str) -> asyncio.Task[Outcome[T]]:
        task = self._loop.create_task(_async_outcome(make))
        self._names[task] = name
        task.add_done_callback(self._names.pop)
        return task

    async def _leave(self, deadline: float) -> None:
        try:
            if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                _, late = await asyncio.wait(tasks, timeout=max(0.0, deadline - time.monotonic()) / 2)
                for task in late:
                    task.cancel()
                if late:
                    await asyncio.wait(late, timeout=max(0.0, deadline - time.monotonic()) / 2)
        finally:
            self._left.set()

    def _soon(self, function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # user code has closed the loop
            self._loop.call_soon_threadsafe(function)

    def _run_forever(self) -> None:
        """Close the loop in its own thread: one that user code blocks may end long after `close`."""
        asyncio.set_event_loop(self._loop)
        while not self._closing and not self._loop.is_closed():
            with suppress(BaseException):
                self._loop.run_forever()
        if not self._loop.is_closed():
            with suppress(BaseException):
                self._cancel_all()
            self._loop.close()

    def _cancel_all(self) -> None:
        """Cancel what is left; some of it may not even have begun."""
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)
        self._loop.run_forever()


def _awaited(
    submit: Callable[[Callable[[], object]], object],
    function: Callable[[], T],
    as_error: Callable[[BaseException], BaseException],
) -> Awaitable[T]:
    """Call the function in a thread by `submit`; a future of the running loop for its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        outcome = _outcome(function)
        with suppress(RuntimeError):  # the emulator was stopped meanwhile
            loop.call_soon_threadsafe(_deliver, future, outcome, as_error)

    submit(run)
    return future


def _outcome(function: Callable[[], T]) -> Outcome[T]:
    try:
        return function(), None
    except BaseException as error:
        return None, error


async def _async_outcome(make: Make[T]) -> Outcome[T]:
    try:
        return await make(), None
    except BaseException as error:
        return None, error


def _deliver(
    future: asyncio.Future[T], outcome: Outcome[T], as_error: Callable[[BaseException], BaseException]
) -> None:
    result, error = outcome
    if future.done():
        return
    if error is not None:
        future.set_exception(as_error(error))
    else:
        future.set_result(result)  # type: ignore[arg-type]


async def _within(future: asyncio.Future[Any], seconds: float) -> None:
    """Wait that long for it, and leave it as it is; cancel it if this is cancelled."""
    try:
        await asyncio.wait({future}, timeout=seconds)
    except asyncio.CancelledError:
        future.cancel()
        raise
