"""What a recording has so far: one line an exchange, beside the cassette, which takes them in when it ends.

The first line says what it goes with: `{"follows": DIGEST}` the cassette's bytes that it comes after, `{"replaces":
DIGEST}` those that it takes the place of; DIGEST null means that there is none. A journal whose cassette has another
digest was taken in already: the recorder was killed before it could remove it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout


class Journal:
    """Open for one recording; only one process may record to a cassette."""

    def __init__(self, path: Path, base: bytes | None, *, replaces: bool) -> None:
        self._path = journal_of(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = open(self._path, "wb", buffering=0)  # noqa: SIM115 - open while it records
        self._write({"replaces" if replaces else "follows": _digest(base)})

    def add(self, exchange: dict[str, Any]) -> None:
        """On its way to disk when this returns: a killed process loses nothing, a power failure may."""
        self._write(exchange)

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)

    def _write(self, line: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]


class CassetteLock:
    """For the one recorder of a cassette; the system frees it when its process ends, however it ends. It lies with the
    temporary files: beside a cassette it would be committed with it."""

    def __init__(self, path: Path) -> None:
        digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
        self._file = Path(tempfile.gettempdir()) / f"assistants-emulator-{digest}.lock"
        self._lock = FileLock(self._file, timeout=0, thread_local=False)

    def acquire(self) -> bool:
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    def release(self) -> None:
        with suppress(OSError):  # a system that removes no open file leaves an empty one
            self._file.unlink()
        self._lock.release()


def journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.journal")


def journalled(path: Path, base: bytes | None) -> tuple[bool, list[Any] | None]:
    """Whether the cassette's bytes are replaced, and what comes (after them); None where no journal counts."""
    try:
        raw = journal_of(path).read_bytes()
    except OSError:
        return False, None
    lines = [line for line in map(_parsed, raw.split(b"\n")[:-1]) if line is not None]
    if not lines:
        return False, None if base is not None else []
    head, *exchanges = lines
    if "replaces" in head and not exchanges:  # nothing has taken the cassette's place yet
        return False, None
    for word in ("follows", "replaces"):
        if word in head and head[word] == _digest(base):
            return word == "replaces", exchanges
    return False, None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _digest(base: bytes | None) -> str | None:
    return None if base is None else hashlib.sha256(base).hexdigest()
