"""Uploaded bytes, each blob in a file of its own: `ID.new` while it is written, `ID` from then on.

`Contents` are the blobs of a project, under names of its own: an object's id never names a file, since a state file may
bring any id. A file object lists the names of its bytes in `_content`, one for each part that it was put together from,
so that completing an upload copies nothing.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from assistants_emulator.store.disk import ReplacementFile, make_directory, reported

CHUNK = 65536
NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")  # no dot, so that `ID.new` is no id


class Blobs:
    """Bytes by id. Committed bytes survive a kill; nothing is synced.

    Without a directory they are in a temporary one, made for the first blob and removed with this object: an upload of
    512 MB should not have to fit into the memory of a test. KeyError(id) for bytes that are not there, ValueError for
    an id that cannot name a file.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._remove_temporary: Callable[[], object] | None = None
        if directory is not None:
            with reported(directory):
                for stale in directory.glob("*.new"):
                    stale.unlink(missing_ok=True)

    def put(self, id: str, content: bytes) -> None:
        with self.new(id) as writer:
            writer.write(content)

    def new(self, id: str) -> BlobWriter:
        """Return a writer of the bytes of `id`; its bytes so far stay until the writer commits."""
        self._require_name(id)
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="assistants-emulator-"))
            self._remove_temporary = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        return BlobWriter(self._directory / id)

    def read(self, id: str, start: int = 0, size: int | None = None) -> bytes:
        """Return `size` bytes from `start`, fewer at the end; None for all."""
        with self._open(id) as file:
            file.seek(start)
            return file.read(-1 if size is None else size)

    def iterate(self, id: str, chunk: int = CHUNK) -> Iterator[bytes]:
        """Iterate over chunks of at most `chunk` bytes. Bytes deleted meanwhile can be read on, except on Windows."""
        self.size(id)  # so that a missing id raises here and not at the first chunk
        return self._chunks(id, chunk)

    def size(self, id: str) -> int:
        with self._open(id) as file:
            return file.seek(0, os.SEEK_END)

    def delete(self, id: str) -> None:
        """Delete the bytes; no error if there are none."""
        self._require_name(id)
        if self._directory is not None:
            path = self._directory / id
            with reported(path):
                path.unlink(missing_ok=True)

    def ids(self) -> list[str]:
        """Return all ids, sorted."""
        if self._directory is None:
            return []
        with reported(self._directory), suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._directory) if NAME.fullmatch(name))
        return []

    def close(self) -> None:
        """Remove a temporary directory."""
        if self._remove_temporary is not None:
            self._remove_temporary()

    def _require_name(self, id: str) -> None:
        if not NAME.fullmatch(id):
            raise ValueError(f"not an id that can name a file: {id!r}")

    def _open(self, id: str) -> BinaryIO:
        self._require_name(id)
        if self._directory is None:
            raise KeyError(id)
        try:
            return (self._directory / id).open("rb")
        except FileNotFoundError:
            raise KeyError(id) from None

    def _chunks(self, id: str, size: int) -> Iterator[bytes]:
        with self._open(id) as file:
            while chunk := file.read(size):
                yield chunk


class Contents(Blobs):
    """The blobs of one project, in `DIRECTORY/files` under numbers; `make_directory` makes DIRECTORY for the first."""

    def __init__(self, directory: Path | None, make_directory: Callable[[], object] = lambda: None) -> None:
        super().__init__(None if directory is None else directory / "files")
        self._make_directory = make_directory
        self._keepers = 0
        self._unwanted: set[str] = set()
        self._last = max((int(name) for name in self.ids() if name.isdecimal()), default=0)

    def begin(self) -> tuple[str, BlobWriter]:
        """Return a new name and the writer of its bytes."""
        self._make_directory()
        self._last += 1
        name = _name(self._last)
        return name, self.new(name)

    def add(self, content: bytes) -> list[str]:
        """Write the bytes under a new name, and return the names for `_content`."""
        name, writer = self.begin()
        with writer:
            writer.write(content)
        return [name]

    def chunks(self, names: Sequence[str]) -> Iterator[bytes]:
        """Iterate over the bytes under these names, one after the other; KeyError at once for a name without bytes."""
        return chain.from_iterable([self.iterate(name) for name in names])

    def whole(self, names: Sequence[str]) -> bytes:
        return b"".join(self.read(name) for name in names)

    def discard(self, names: Iterable[str]) -> None:
        """Delete the bytes, or once no `kept` block is open any more."""
        if self._keepers:
            self._unwanted.update(names)
            return
        for name in names:
            self.delete(name)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep all bytes until the end of the block, for a reader that takes many turns of the loop."""
        self._keepers += 1
        try:
            yield
        finally:
            self._keepers -= 1
            if not self._keepers:
                unwanted, self._unwanted = self._unwanted, set()
                self.discard(unwanted)

    @contextmanager
    def dropped_on_error(self) -> Iterator[None]:
        """Delete what the block has added if an exception leaves it; the block must not wait for anything."""
        last = self._last
        try:
            yield
        except BaseException:
            self.discard([_name(number) for number in range(last + 1, self._last + 1)])
            raise

    def keep_only(self, names: Iterable[str]) -> None:
        """Delete all others, such as a kill in the middle of an upload or a deletion leaves behind."""
        self.discard(set(self.ids()).difference(names))


def _name(number: int) -> str:
    return f"{number:08}"


class BlobWriter:
    """Takes chunks until `commit` makes them the blob or `abort` drops them; calls after that change nothing.

    As a context it commits, or aborts if an exception leaves it. StoreError if the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = False
        make_directory(path.parent, parents=False)  # one that was deleted while in use is not made again
        with reported(path):
            self._replacement = ReplacementFile(path, sync=False)

    def write(self, chunk: bytes) -> None:
        with reported(self._path):
            self._replacement.file.write(chunk)

    def commit(self) -> None:
        if not self._ended:
            self._ended = True
            with reported(self._path):
                self._replacement.commit()

    def abort(self) -> None:
        if not self._ended:
            self._ended = True
            self._replacement.abort()

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


def encode_base64(content: bytes) -> str:
    """Return the bytes as text for JSON."""
    return base64.b64encode(content).decode()


def decode_base64(text: str | bytes) -> bytes:
    """Return the bytes; ValueError for what is no text, or not strictly base64, white space included."""
    if not isinstance(text, str | bytes):
        raise ValueError(f"it must be text, not {type(text).__name__}")
    return base64.b64decode(text, validate=True)
