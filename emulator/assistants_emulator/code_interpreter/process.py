"""One child process within limits, ended with all processes that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import IO

_CHUNK = 65536
DISK_SECONDS = 0.2  # real ones, between two looks at the disk
_DRAIN_SECONDS = 1.0  # for output left in the pipe, which only a process that left the group keeps open


MiB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes of one call; wall clock, disk, logs and kept files are limited on every system.

    CPU time, memory, file size and open files are limited by `setrlimit`: not on Windows, and macOS takes no limit on
    memory. Processes are refused, not counted, since the system counts all processes of the user. The disk in all is
    measured every DISK_SECONDS.
    """

    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    memory_bytes: int = 2048 * MiB  # address space, of which numerical libraries reserve more than they use
    file_bytes: int = 64 * MiB
    disk_bytes: int = 512 * MiB
    open_files: int = 256
    log_bytes: int = MiB
    kept_files: int = 100
    kept_bytes: int = 64 * MiB
    network: bool = False
    processes: bool = False


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Result:
    """`status` is the exit status, or minus the signal; `output` has one byte more than the limit if it was cut."""

    output: bytes
    status: int
    timed_out: bool
    filled_disk: bool = False


class Stopper:
    """Ends a process from another thread, also before it is started."""

    def __init__(self) -> None:
        self.stopped = False
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            if self._process is not None:
                _kill_group(self._process)

    def watch(self, process: subprocess.Popen[bytes] | None) -> None:
        """`process` is what `stop` ends from now on; None for nothing, since its number may be another's."""
        with self._lock:
            self._process = process
            if self.stopped and process is not None:
                _kill_group(process)


def run(
    command: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    seconds: float,
    limit: int,
    fills_disk: Callable[[], bool],
    stopper: Stopper,
) -> Result:
    """Run the command for at most `seconds`, with `limit` bytes of stdout and stderr in the order of their writing.

    It is ended when `fills_disk()` is true. OSError if it cannot be started. Nothing of its process group is left
    afterwards.
    """
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = _Output(process.stdout, limit)
    stopper.watch(process)
    filled_disk = False
    deadline = time.monotonic() + seconds
    try:
        while output.is_alive() and time.monotonic() < deadline and not filled_disk:
            output.join(min(DISK_SECONDS, max(0.0, deadline - time.monotonic())))
            filled_disk = output.is_alive() and fills_disk()
        timed_out = not filled_disk and not _ends(process, output, seconds)
    finally:
        stopper.watch(None)
        _kill(process)
    output.join(_DRAIN_SECONDS)
    return Result(bytes(output.content), process.wait(), timed_out, filled_disk)


class _Output(Thread):
    """Reads to the end, so that the process never blocks, and keeps the first `limit` bytes and one more."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(name="code-output", daemon=True)
        self.content = bytearray()
        self._stream = stream
        self._limit = limit
        self.start()

    def run(self) -> None:
        with self._stream:
            while chunk := self._stream.read(_CHUNK):
                self.content += chunk[: self._limit + 1 - len(self.content)]


def _ends(process: subprocess.Popen[bytes], output: _Output, seconds: float) -> bool:
    """Wait for the end of the output, then for that of the process; False if either is late.

    Waiting for a process with a time limit polls, so the output comes first. Code that closes its output and goes on
    has the time limit twice.
    """
    if output.is_alive():
        return False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group, so that no process outlives the code that started it."""
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
