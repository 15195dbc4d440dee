"""One child process: its output up to a limit, its end, and the end of all that it started."""

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
_LAST_WORDS = 1.0  # seconds for what is left in the pipe; only a process that left the group keeps it open


@dataclass(frozen=True, slots=True)
class Ended:
    """`status` is the exit status, or minus the signal; `output` may be one byte over the limit, which says so."""

    output: bytes
    status: int
    timed_out: bool


def run(command: Sequence[str], directory: Path, environment: Mapping[str, str], seconds: float, most: int) -> Ended:
    """Runs the command for so many real seconds, and keeps so many bytes of stdout and stderr, in their order.

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
    output = _Output(process.stdout, most)
    try:
        timed_out = not _ends(process, output, seconds)
    finally:
        _kill(process)
    output.join(_LAST_WORDS)
    return Ended(bytes(output.kept), process.wait(), timed_out)


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
    output.join(seconds)
    if output.is_alive():
        return False
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group: what the code started must not outlive it."""
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
