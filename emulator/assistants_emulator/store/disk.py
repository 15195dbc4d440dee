"""Files and directories on disk: errors in one line, replacement at once, and one process for one data directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from assistants_emulator.errors import DirectoryInUse, StoreError

try:
    import fcntl
except ImportError:  # Windows, where an open `.lock` cannot be deleted
    fcntl = None  # type: ignore[assignment]


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turn an OSError inside into a StoreError of one line: the path and the system's reason."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def make_directory(path: Path, *, parents: bool = True) -> None:
    """Make a directory, and its parents; no error if it exists. StoreError if it cannot be made."""
    with reported(path):
        try:
            path.mkdir(parents=parents, exist_ok=True)
        except FileExistsError:
            raise StoreError(f"{path}: not a directory") from None


@contextmanager
def replace_file(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Yield a binary file that is committed as `path` when the block ends, or aborted if an exception leaves it."""
    replacement = ReplacementFile(path, sync=sync)
    try:
        yield replacement.file
    except BaseException:
        replacement.abort()
        raise
    replacement.commit()


class ReplacementFile:
    """New bytes for `path`, in `PATH.suffix` beside it until `commit` puts them in place at once; `abort` drops them.

    A kill leaves `path` with the old bytes or the new ones; with `sync` a power failure does too. OSError if the disk
    refuses, and `path` is as it was.
    """

    def __init__(self, path: Path, *, sync: bool = True, suffix: str = "new") -> None:
        self._path = path
        self._temporary = path.with_name(f"{path.name}.{suffix}")
        self._sync = sync
        self.file: BinaryIO = self._temporary.open("wb")

    def commit(self) -> None:
        try:
            with self.file:
                if self._sync:
                    self.file.flush()
                    os.fsync(self.file.fileno())
            os.replace(self._temporary, self._path)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        with suppress(OSError):
            self.file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


class DirectoryLock:
    """A lock on DIR/.lock, and on DIR itself where directories can be locked, so that deleting `.lock` frees nothing.

    The system frees them when the process ends, however it ends. DIR/.lock-holder names the process for the error
    message of others. Acquire and release may happen in different threads.
    """

    def __init__(self, directory: Path) -> None:
        from filelock import FileLock

        self._directory = directory
        self._holder = directory / ".lock-holder"
        self._lock = FileLock(directory / ".lock", timeout=0, thread_local=False)
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Make the directory and lock it. DirectoryInUse names the holder; StoreError if there can be no directory."""
        from filelock import Timeout

        make_directory(self._directory)
        with reported(self._directory):
            try:
                self._lock.acquire()
                self._lock_directory()
            except (Timeout, BlockingIOError):
                self._lock.release()
                raise DirectoryInUse(f"{self._directory} is in use by {self._read_holder()}") from None
            except NotImplementedError as error:
                raise StoreError(f"{self._directory}: no file locks here: {error}") from None
            self._write_holder()

    def release(self) -> None:
        """Free the directory; no error if it is not locked."""
        if self._lock.is_locked:
            with suppress(OSError):
                self._holder.unlink()
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            self._lock.release()

    def _lock_directory(self) -> None:
        """BlockingIOError if another process has it; nothing where the system locks no directories."""
        if fcntl is None:
            return
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                raise
        else:
            self._descriptor = descriptor

    def _write_holder(self) -> None:
        with suppress(OSError):
            self._holder.write_text(f"process {os.getpid()} ({_command()})", encoding="utf-8")

    def _read_holder(self) -> str:
        with suppress(OSError):
            if text := self._holder.read_text(encoding="utf-8", errors="replace"):
                return " ".join(text.split())
        return "another process"


def _command() -> str:
    """Return this process's command up to the first option, since options may hold keys."""
    program = Path(sys.argv[0] if sys.argv else sys.executable)
    name = program.parent.name if program.name == "__main__.py" else program.name
    words = takewhile(lambda word: not word.startswith("-"), sys.argv[1:])
    return " ".join([name or "python", *words])[:200]
