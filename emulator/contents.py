"""Uploaded bytes under names of our own.

Object ids never name a file on disk: a state file may bring any id. A file object lists the names of its bytes in
`_content`, one for each part it was put together from, so that completing an upload copies nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from emulator.store import Blobs, BlobWriter


class Contents(Blobs):
    """The bytes of one project. Without a directory they lie in a temporary one, which is made with the first of them
    and goes with the project: an upload of 512 MB has to fit beside the tests, not into their memory."""

    def __init__(self, directory: Path | None) -> None:
        super().__init__(None if directory is None else directory / "files")
        self._forget: Callable[[], object] | None = None
        self._last = max((int(name) for name in self.ids() if name.isdecimal()), default=0)

    def begin(self) -> tuple[str, BlobWriter]:
        """A new name and the writer of its bytes, which are there once the writer commits."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="assistants-emulator-"))
            self._forget = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        self._last += 1
        name = f"{self._last:08}"
        return name, self.new(name)

    def add(self, content: bytes) -> list[str]:
        """Bytes that are at hand, as what `_content` says."""
        name, writer = self.begin()
        with writer:
            writer.write(content)
        return [name]

    def chunks(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes under these names, one after the other; KeyError at once for a name that has none."""
        return chain.from_iterable([self.iterate(name) for name in names])

    def whole(self, names: Sequence[str]) -> bytes:
        return b"".join(self.read(name) for name in names)

    def discard(self, names: Iterable[str]) -> None:
        for name in names:
            self.delete(name)

    def keep_only(self, names: Iterable[str]) -> None:
        """Delete what nothing refers to: what a kill in the middle of an upload or a deletion left behind."""
        self.discard(set(self.ids()).difference(names))

    def close(self) -> None:
        if self._forget is not None:
            self._forget()
