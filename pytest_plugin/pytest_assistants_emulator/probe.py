"""One run of a swept test as it is watched: its calls, polls and sleeps, their bounds, and the end of one that hangs.

The calls are seen in httpx's clients, the SDK's among them, in all threads of this process. A run that passes a bound
ends with `Hung`, which is no Exception, so that applications do not catch it: raised in the client or in a sleep, and
after the real time that a run may take, in whatever the main thread does.
"""

from __future__ import annotations

import ctypes
import functools
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import pytest

from assistants_emulator.config import RUN_HEADER
from assistants_emulator.sweep import TIME_OUT_HEADER
from pytest_assistants_emulator.verdicts import is_users, stable

FACTOR = 5  # of what the passing test has used
LEAST = {"polls": 100, "calls": 1000, "seconds": 7200}
REAL_SECONDS = (10.0, 60.0)  # the bound on them is at least and at most this
REAL_FACTOR = 20  # of what the passing test has taken, which may have imported the application too
PATIENCE = 3  # exceptions that are raised in calls and sleeps before each line of the application raises one
LONGEST_VALUE = 2000  # characters of a variable's repr


class Hung(BaseException):
    """A variant goes on past its bound."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most polls of one path, calls, seconds of virtual sleep and real seconds that a variant may take."""

    polls: int
    calls: int
    seconds: float
    real_seconds: float

    @classmethod
    def of(cls, probe: Probe, own: Mapping[str, float]) -> Bounds:
        """Of a passing run; `own` replaces some of them."""
        used = {"polls": max(probe.polls.values(), default=0), "calls": probe.calls, "seconds": probe.seconds}
        bounds: dict[str, Any] = {name: own.get(name, max(LEAST[name], FACTOR * used[name])) for name in LEAST}
        least, most = REAL_SECONDS
        return cls(**bounds, real_seconds=min(most, max(least, REAL_FACTOR * probe.real_seconds)))


@dataclass(slots=True)
class Probe:
    """A run of a test. `root` begins the addresses of the emulator, `advance` moves the project's clock by seconds.

    `reason` says which bound the run has passed; "" while it has passed none.
    """

    root: str
    advance: Callable[[float], object]
    code: CodeType | None
    bounds: Bounds | None = None
    reason: str = ""
    calls: int = 0
    polls: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """The calls of this process's clients, as `GET /v1/threads`."""
    seconds: float = 0.0
    real_seconds: float = 0.0
    timed_out: int = 0
    threads: set[int] = field(default_factory=set)
    """The threads that have called the emulator, and the test's own: their sleeps are virtual."""
    _frame: FrameType | None = None
    _raised: int = 0

    def call(self, method: str, target: str) -> None:
        """Count a call before it is made; Hung if it is one too many."""
        self.threads.add(threading.get_ident())
        self._find_frame()
        self.calls += 1
        self.seen[f"{method} {target}"] += 1
        bounds = self.bounds
        path = target.partition("?")[0]
        if method == "GET":
            self.polls[path] += 1
            if bounds is not None and self.polls[path] > bounds.polls:
                self.stop(f"more than {bounds.polls} times GET {path}")
        if bounds is not None and self.calls > bounds.calls:
            self.stop(f"more than {bounds.calls} calls")

    def sleep(self, seconds: float) -> None:
        """Count a virtual sleep and move the clock; Hung if it is too long."""
        self.seconds += seconds
        if self.bounds is not None and self.seconds > self.bounds.seconds:
            self.stop(f"slept for more than {self.bounds.seconds:g} s of the clock")
        self.advance(seconds)

    def stop(self, reason: str) -> None:
        """Raise Hung here; where that was caught a few times already, in each line of the application too."""
        self.reason = self.reason or reason
        self._raised += 1
        if self._raised > PATIENCE:
            _raise_in_each_line(sys._getframe(1), self.reason)
        raise Hung(self.reason)

    def answers(self) -> dict[str, str]:
        """The test's own variables when it ended, by name; empty where its frame was not seen."""
        frame, self._frame = self._frame, None
        if frame is None or self.code is None:
            return {}
        code = self.code
        names = code.co_varnames[code.co_argcount + code.co_kwonlyargcount :] + code.co_cellvars
        values = frame.f_locals
        return {name: _repr(values[name]) for name in names if name in values and not name.startswith("@")}

    def _find_frame(self) -> None:
        """Keep the frame of the test function, which holds its variables after its end too."""
        if self._frame is not None or self.code is None:
            return
        main = threading.main_thread().ident
        frame = sys._getframe() if threading.get_ident() == main else sys._current_frames().get(main or 0)
        while frame is not None and frame.f_code is not self.code:
            frame = frame.f_back
        self._frame = frame


def _repr(value: object) -> str:
    try:
        return stable(repr(value)[:LONGEST_VALUE])
    except Exception as error:
        return f"<{type(error).__name__}>"


def _raise_in_each_line(frame: FrameType | None, reason: str) -> None:
    """Leave the handlers that have caught Hung: raise it in the next line of the user's code on this thread."""

    def trace(frame: FrameType, event: str, value: object) -> Any:
        if event == "line":
            raise Hung(reason)
        return trace

    while frame is not None:
        if is_users(frame.f_code.co_filename, frame.f_globals.get("__name__", "")):
            frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(lambda *event: None)


_probe: Probe | None = None


@contextmanager
def watching(probe: Probe) -> Iterator[None]:
    """Let the probe see the calls of httpx's clients until the block ends."""
    global _probe
    tracer = sys.gettrace()
    _probe, started = probe, time.perf_counter()
    try:
        yield
    finally:
        _probe = None
        probe.real_seconds = time.perf_counter() - started
        if sys.gettrace() is not tracer:
            sys.settrace(tracer)


def install(config: pytest.Config) -> None:
    """See what httpx's clients send, until the session ends, and let clients with equal options share a TLS context,
    which takes longer to make than a variant to run."""
    import openai  # noqa: F401  # imports its httpx

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in ("httpx", "httpx2"):
        if (httpx := sys.modules.get(name)) is not None:
            patch.setattr(httpx.Client, "send", _seen(httpx, httpx.Client.send))
            patch.setattr(httpx.AsyncClient, "send", _seen_async(httpx, httpx.AsyncClient.send))
            transports: Any = sys.modules.get(f"{name}._transports.default")
            if hasattr(transports, "create_ssl_context"):
                patch.setattr(transports, "create_ssl_context", _shared(transports.create_ssl_context))


def _shared(create: Callable[..., Any]) -> Callable[..., Any]:
    """Make one value for all calls with equal arguments that are True, False or None, as defaults are."""
    made: dict[str, Any] = {}

    @functools.wraps(create)
    def create_shared(*args: Any, **options: Any) -> Any:
        if any(value is not None and not isinstance(value, bool) for value in (*args, *options.values())):
            return create(*args, **options)
        key = repr((args, sorted(options.items())))
        if key not in made:
            made[key] = create(*args, **options)
        return made[key]

    return create_shared


def _seen(httpx: Any, send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def send_seen(client: Any, request: Any, **options: Any) -> Any:
        probe = _begin(request)
        response = send(client, request, **options)
        if probe is not None and TIME_OUT_HEADER in response.headers:
            response.close()
            raise _time_out(httpx, request, probe)
        return response

    return send_seen


def _seen_async(httpx: Any, send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    async def send_seen(client: Any, request: Any, **options: Any) -> Any:
        probe = _begin(request)
        response = await send(client, request, **options)
        if probe is not None and TIME_OUT_HEADER in response.headers:
            await response.aclose()
            raise _time_out(httpx, request, probe)
        return response

    return send_seen


def _begin(request: Any) -> Probe | None:
    """The probe that has counted the request; None for one that does not go to the emulator."""
    probe = _probe
    if probe is None or not str(request.url).startswith(probe.root):
        return None
    target = str(request.url)[len(probe.root) :]
    if RUN_HEADER.decode() in request.headers:  # of a responder
        probe.seen[f"{request.method} {target}"] += 1
        return None
    probe.call(request.method, target)
    return probe


def _time_out(httpx: Any, request: Any, probe: Probe) -> Exception:
    probe.timed_out += 1
    error: Exception = httpx.ReadTimeout("The read operation timed out", request=request)
    return error


@contextmanager
def time_limit(probe: Probe) -> Iterator[None]:
    """Raise Hung in the block when it has taken the probe's real seconds; again each second where it is caught.

    By a signal, which ends waiting in system calls too, where the block is in the main thread and no other has its
    handler; else at the thread's next instruction.
    """
    if probe.bounds is None:
        yield
        return
    seconds, reason = probe.bounds.real_seconds, "it does not end, and makes neither calls nor sleeps"
    is_main = threading.current_thread() is threading.main_thread()
    limit = _by_signal if is_main and _alarm_is_free() else _by_thread
    with limit(probe, seconds, reason):
        yield


def _alarm_is_free() -> bool:
    return hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, None)


@contextmanager
def _by_signal(probe: Probe, seconds: float, reason: str) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        probe.stop(reason)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


@contextmanager
def _by_thread(probe: Probe, seconds: float, reason: str) -> Iterator[None]:
    thread, is_over = threading.get_ident(), threading.Event()

    def watch() -> None:
        limit = seconds
        while not is_over.wait(limit):
            probe.reason, limit = probe.reason or reason, 1.0
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Hung))

    watcher = threading.Thread(target=watch, name="assistants-emulator-sweep", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
