"""Helper processes from the side of the emulator: tasks go to one that is idle, and end within their limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from assistants_emulator.processes.helper import read_result

MiB = 1024 * 1024
START_SECONDS = 20.0  # for a helper to start and to import what a task needs
MOST_HELPERS = 4  # of a pool, at work at the same time
MAIN = "import sys; from assistants_emulator.processes.helper import main; main(int(sys.argv[1]))"


class TookTooLong(Exception):
    """The task was not done within its limit; its helper is killed."""


class HelperDied(Exception):
    """The helper ended in the middle of the task, as one does that runs out of memory."""


class TaskError(Exception):
    """An exception of the task: the name of its type, and the texts of its arguments."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        super().__init__(name, *arguments)
        self.name = name
        self.arguments = arguments


class Pool:
    """Helpers that may use `memory_bytes` of address space each. Used from any thread; a call blocks."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._idle: list[_Helper] = []
        self._all: set[_Helper] = set()
        self._free = threading.Semaphore(MOST_HELPERS)
        self._lock = threading.Lock()

    def call(self, task: str, arguments: Sequence[Any], seconds: float, data: bytes | None = None) -> Any:
        """The result of `module:function` with these arguments, JSON values all, and the data if there is any.

        TookTooLong after so many real seconds, without those that a helper takes to start; HelperDied; TaskError for an
        exception.
        """
        request = {
            "task": task,
            "arguments": arguments,
            "bytes": None if data is None else len(data),
            "seconds": seconds,
        }
        message = json.dumps(request).encode() + b"\n" + (data or b"")
        with self._free:
            helper, is_new = self._take()
            result = helper.ask(message, seconds)
            if result is None and not helper.timed_out and not is_new:  # it had ended before: its turn is another's
                self._drop(helper)
                helper, result = self._start(), None
                result = helper.ask(message, seconds)
            if result is None or helper.timed_out:
                self._drop(helper)
                raise TookTooLong if helper.timed_out else HelperDied
            with self._lock:
                self._idle.append(helper)
        if "error" in result:
            raise TaskError(result["error"], result["arguments"])
        return result["result"]

    def close(self) -> None:
        """Kill all helpers; tasks under way end with HelperDied. A later call starts new ones."""
        with self._lock:
            helpers, self._all, self._idle = list(self._all), set(), []
        for helper in helpers:
            helper.kill()

    def _take(self) -> tuple[_Helper, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), False
        return self._start(), True

    def _start(self) -> _Helper:
        helper = _Helper(self._memory_bytes)
        with self._lock:
            self._all.add(helper)
        return helper

    def _drop(self, helper: _Helper) -> None:
        helper.kill()
        with self._lock:
            self._all.discard(helper)


class _Helper:
    def __init__(self, memory_bytes: int) -> None:
        self.timed_out = False
        self._asking = False
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", MAIN, str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )

    def ask(self, message: bytes, seconds: float) -> dict[str, Any] | None:
        """The result; None if the helper has ended, or was killed because it took too long."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            with self._limited(START_SECONDS):
                stdin.write(message)
                stdin.flush()
                stdout.readline()
            with self._limited(seconds):
                return read_result(stdout)  # type: ignore[arg-type]
        except (OSError, ValueError):  # ValueError: closed by `kill`
            return None

    @contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        """Kill the process if the block takes longer."""
        self._asking = True
        timer = threading.Timer(seconds, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:  # a timer that comes late must not kill a helper that is idle
                self._asking = False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _time_out(self) -> None:
        with self._lock:
            if self._asking:
                self.timed_out = True
                self._process.kill()


def _environment() -> dict[str, str]:
    """Nothing of the emulator's but where its modules are."""
    names = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    system = {name: os.environ[name] for name in names if name in os.environ}
    return system | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path), "PYTHONUTF8": "1"}


READERS = Pool(1536 * MiB)
MATCHERS = Pool(1024 * MiB)
_users = 0
_users_lock = threading.Lock()


def use() -> None:
    """An emulator has started."""
    global _users
    with _users_lock:
        _users += 1


def release() -> None:
    """An emulator has stopped; with the last one all helpers end."""
    global _users
    with _users_lock:
        _users -= 1
        if _users == 0:
            READERS.close()
            MATCHERS.close()
