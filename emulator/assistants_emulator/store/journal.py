"""A file to which lines of JSON are appended, one `os.write` each, and that survives being cut off anywhere.

A line's last member is the CRC-32 of the bytes before it, `,"crc32":"0f1e2d3c"}`, so that damage by anything other than
a kill is an error. A last line without its newline was cut off by a kill and is dropped.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from assistants_emulator.errors import StoreError
from assistants_emulator.store.disk import ReplacementFile, reported

REPAIR_HINT = "start with --repair to keep everything that can be read"
GONE = "it was deleted or replaced while in use; start again"
_CHECKSUM_BYTES = len(b',"crc32":"00000000"}\n')


def encode(entry: dict[str, Any]) -> bytes:
    """Return an entry, which has a member at least, as a line with its checksum."""
    body = orjson.dumps(entry)[:-1]
    return body + _checksum(body)


def decode(line: bytes) -> dict[str, Any] | None:
    """Return a line's entry; None for a line that `encode` did not make."""
    if line[-_CHECKSUM_BYTES:] != _checksum(line[:-_CHECKSUM_BYTES]):
        return None
    entry: dict[str, Any] = orjson.loads(line)
    del entry["crc32"]
    return entry


def _checksum(body: bytes) -> bytes:
    return b',"crc32":"%08x"}\n' % crc32(body)


class Journal:
    """Lines of a file: `read` all of them first, then `append`. `size` is the bytes of whole lines.

    Appended lines survive a kill; nothing is synced, so after a power failure the newest may be missing. The file is
    made by the first write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.fspath(path)  # for each commit's look at it
        self.size = 0
        self.closed = False
        self._file: FileIO | None = None
        self._identity = (0, 0)  # inode and device of the open file
        self._has_partial_line = False

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each line's number, from 1, and entry; a cut off last line is skipped. StoreError for a damaged one."""
        with reported(self.path), suppress(FileNotFoundError), self.path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    return
                if (entry := decode(line)) is None:
                    raise StoreError(f"{self.path}, line {number}: damaged, its checksum is wrong; {REPAIR_HINT}")
                self.size += len(line)
                yield number, entry

    def append(self, line: bytes) -> None:
        """Write the whole line; StoreError, and the file is as it was, if it cannot be.

        A file that is not at its path any more takes no line: one of a deleted directory would be lost silently.
        """
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

    def replace_beginning(self, size: int, line: bytes) -> None:
        """Replace the first `size` bytes, whole lines, by one line; at once, so that a kill leaves the old or the new.

        StoreError, and the file is as it was, if that fails.
        """
        with reported(self.path):
            self._fileno()
            self._require_in_place()
            replacement = ReplacementFile(self.path, sync=False)
            try:
                replacement.file.write(line)
                with self.path.open("rb") as old:
                    old.seek(size)
                    replacement.file.write(old.read(self.size - size))
            except BaseException:
                replacement.abort()
                raise
            replacement.commit()
            if self._file is not None:
                self._file.close()
                self._file = None
        self.size += len(line) - size

    def close(self) -> None:
        self.closed = True
        if self._file is not None:
            self._file.close()

    def require_open(self) -> None:
        if self.closed:
            raise StoreError(f"{self.path}: the store is closed")

    def require_in_place(self) -> None:
        """StoreError if the file that was opened is not at its path any more."""
        if self._file is not None:
            with reported(self.path):
                self._require_in_place()

    def _write(self, line: bytes) -> None:
        if self._has_partial_line:
            self._cut_partial_line()
        file = self._fileno()
        self._require_in_place()
        written = os.write(file, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written")

    def _cut_partial_line(self) -> None:
        """Cut off the end that a failed write or a killed process left, so that the next line starts a line."""
        os.ftruncate(self._fileno(), self.size)
        self._has_partial_line = False

    def _require_in_place(self) -> None:
        try:
            found = os.stat(self._name)
        except OSError:
            found = None
        if found is None or (found.st_ino, found.st_dev) != self._identity:
            raise OSError(errno.ENOENT, GONE)

    def _fileno(self) -> int:
        self.require_open()
        if self._file is None:
            self._file = FileIO(self.path, "ab")
            status = os.fstat(self._file.fileno())
            self._identity = status.st_ino, status.st_dev
            self._cut_partial_line()
        return self._file.fileno()
