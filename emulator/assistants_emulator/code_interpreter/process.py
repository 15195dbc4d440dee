"""One child process: its output up to a limit, its end, and the end of all that it started."""

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
_LAST_WORDS = 1.0  # seconds for what is left in the pipe; only a process that left the group keeps it open


@dataclass(frozen=True, slots=True)
class Ended:
    """`status` is the exit status, or minus the signal; `output` may be one byte over the limit, which says so."""

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
    most: int,
    fills_disk: Callable[[], bool],
    stopper: Stopper,
) -> Ended:
    """Runs the command for so many real seconds, and keeps so many bytes of stdout and stderr, in their order.

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
    output = _Output(process.stdout, most)
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
    output.join(_LAST_WORDS)
    return Ended(bytes(output.kept), process.wait(), timed_out, filled_disk)


class _Output(Thread):
    """Reads to the end, so that a flood does not block the process, and keeps the beginning."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        super().__init__(name="code-output", daemon=True)
        self.kept = bytearray()
        self._stream = stream
        self._most = most
        self.start()

    def run(self) -> None:
        with self._stream:
            while chunk := self._stream.read(_CHUNK):
                self.kept += chunk[: self._most + 1 - len(self.kept)]


def _ends(process: subprocess.Popen[bytes], output: _Output, seconds: float) -> bool:
    """The end of the output comes first, because waiting for a process with a time limit is done by polling.

    Code that closes its output and goes on has the time limit once more.
    """
    if output.is_alive():
        return False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group: what the code started must not outlive it."""
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
