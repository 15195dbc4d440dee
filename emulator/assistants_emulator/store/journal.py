"""A file to which lines of JSON are appended, one `os.write` each, and that survives being cut off anywhere."""

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


class Journal:
    """`read` it whole first, then `append`. What a killed process appended is there; nothing is synced, so after a
    power failure the newest lines may be missing. `size` is in bytes, of whole lines. The first write opens the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.closed = False
        self._file: FileIO | None = None
        self._torn = False

    def read(self) -> Iterator[tuple[int, Any]]:
        """(line number from 1, its value). A last line that was cut off ends it; StoreError for any other bad line."""
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
        """Write the whole line, or StoreError and the file as it was."""
        try:
            self._write(line)
        except OSError as error:
            self._torn = True
            with suppress(OSError):
                self._mend()
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

    def _write(self, line: bytes) -> None:
        if self._torn:
            self._mend()
        written = os.write(self._fileno(), line)
        if written < len(line):
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written")

    def _mend(self) -> None:
        """Cut off what a failed write, or a killed process, left behind: the next line must not be glued to it."""
        os.ftruncate(self._fileno(), self.size)
        self._torn = False

    def require_open(self) -> None:
        if self.closed:
            raise StoreError(f"{self.path}: the store is closed")

    def _fileno(self) -> int:
        self.require_open()
        if self._file is None:
            self._file = FileIO(self.path, "ab")
            self._mend()
        return self._file.fileno()


def _parsed(line: bytes) -> Any:
    """None for a line that is not whole."""
    if line.endswith(b"\n"):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(line)
    return None


BROKEN = ".broken"


def repair(data_dir: Path) -> list[str]:
    """What was done, a line for each journal that had to be cut; the lines cut off are kept beside it."""
    return [told for path in sorted(data_dir.glob("*/db.json.journal")) if (told := _repair(path)) is not None]


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
