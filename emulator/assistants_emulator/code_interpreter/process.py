"""One child process within limits, ended with all processes that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

_CHUNK = 65536
_DRAIN_SECONDS = 1.0  # for output left in the pipe, which only a process that left the group keeps open


MiB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes of one call; wall clock, logs and kept files are limited on every system.

    CPU time, memory, file size and open files are limited by `setrlimit`: not on Windows, and macOS takes no limit on
    memory. Processes are refused, not counted, since the system counts all processes of the user. Nothing limits the
    disk in all, only each file.
    """

    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    memory_bytes: int = 2048 * MiB  # address space, of which numerical libraries reserve more than they use
    file_bytes: int = 64 * MiB
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


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str], seconds: float, limit: int) -> Result:
    """Run the command for at most `seconds`, with `limit` bytes of stdout and stderr in the order of their writing.

    OSError if it cannot be started. Nothing of its process group is left afterwards.
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
    try:
        timed_out = not _ends(process, output, seconds)
    finally:
        _kill(process)
    output.join(_DRAIN_SECONDS)
    return Result(bytes(output.content), process.wait(), timed_out)


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
    output.join(seconds)
    if output.is_alive():
        return False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group, so that no process outlives the code that started it."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
