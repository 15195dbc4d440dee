"""A file to which lines of JSON are appended, one `os.write` each, and that survives being cut off anywhere.

`repair` is for one that was damaged by something other than a kill: it keeps all lines before the damage.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from assistants_emulator.errors import StoreError
from assistants_emulator.store.disk import reported

BROKEN = ".broken"


class Journal:
    """Lines of a file: `read` all of them first, then `append`. `size` is the bytes of whole lines.

    Appended lines survive a kill; nothing is synced, so after a power failure the newest may be missing. The file is
    made by the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.closed = False
        self._file: FileIO | None = None
        self._has_partial_line = False

    def read(self) -> Iterator[tuple[int, Any]]:
        """Yield each line's number, from 1, and value; a cut off last line is skipped. StoreError for a bad one."""
        with reported(self.path), suppress(FileNotFoundError), self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                value = _parsed(line)
                if value is None:
                    if lines.read(1):
                        hint = "start with --repair to keep everything before it"
                        raise StoreError(f"{self.path}, line {number}: not a line of JSON; {hint}")
                    return
                self.size += len(line)
                yield number, value

    def append(self, line: bytes) -> None:
        """Write the whole line; StoreError, and the file is as it was, if it cannot be."""
        try:
            self._write(line)
        except OSError as error:
            self._has_partial_line = True
            with suppress(OSError):
                self._cut_partial_line()
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        self.size += len(line)

    def empty(self) -> None:
        with reported(self.path):
            os.ftruncate(self._fileno(), 0)
        self.size = 0

    def close(self) -> None:
        self.closed = True
        if self._file is not None:
            self._file.close()

    def require_open(self) -> None:
        if self.closed:
            raise StoreError(f"{self.path}: the store is closed")

    def _write(self, line: bytes) -> None:
        if self._has_partial_line:
            self._cut_partial_line()
        written = os.write(self._fileno(), line)
        if written < len(line):
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written")

    def _cut_partial_line(self) -> None:
        """Cut off the end that a failed write or a killed process left, so that the next line starts a line."""
        os.ftruncate(self._fileno(), self.size)
        self._has_partial_line = False

    def _fileno(self) -> int:
        self.require_open()
        if self._file is None:
            self._file = FileIO(self.path, "ab")
            self._cut_partial_line()
        return self._file.fileno()


def _parsed(line: bytes) -> Any:
    """Return a line's value, None if the line is not whole."""
    if line.endswith(b"\n"):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(line)
    return None


def repair(data_dir: Path) -> list[str]:
    """Cut the damaged journals of a data directory; return a line of text for each.

    The part from the first damaged line on is kept in a file beside the journal.
    """
    reports = map(_repair, sorted(data_dir.glob("*/db.json.journal")))
    return [report for report in reports if report is not None]


def _repair(path: Path) -> str | None:
    journal = Journal(path)
    try:
        for _ in journal.read():
            pass
        return None
    except StoreError as error:
        with reported(path):
            content = path.read_bytes()
            broken = path.with_name(path.name + BROKEN)
            broken.write_bytes(content[journal.size :])
            path.write_bytes(content[: journal.size])
        return f"{error}; kept everything before it, and put the rest into {broken}"
