"""Files on their way through: digest and size are taken as they pass, the bytes go to the cassette's folder."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path
from typing import IO

from emulator.recording.scrub import Scrubber
from emulator.recording.stored import MOST_INLINE, Stored

OVERLAP = 512  # bytes that are held back, so that a secret is found that two chunks share
PART = ".part"


class Keeper:
    """`folder` None keeps nothing: whoever replays needs digests only."""

    def __init__(self, folder: Path | None, scrubber: Scrubber) -> None:
        self.folder = folder
        self.scrubber = scrubber
        self._numbers = itertools.count()

    def begin(self) -> Writer:
        return Writer(self)

    def new_part(self) -> Path:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{os.getpid()}-{next(self._numbers)}{PART}"

    def scrub_again(self, stored: Stored) -> None:
        """For secrets that were learned after it was kept; its digest stays that of what was sent."""
        again = Writer(self)
        for chunk in stored.chunks():
            again.write(chunk)
        clean = again.finish(stored.path)
        if clean.scrubbed:
            stored.content, stored.path, stored.scrubbed = clean.content, clean.path, True

    def sweep(self, used: set[str]) -> None:
        """Remove what no exchange refers to: of killed recordings, and of those that were replaced."""
        if self.folder is None or not self.folder.is_dir():
            return
        for file in self.folder.iterdir():
            if (len(file.name) == 64 or file.suffix == PART) and file.name not in used:
                file.unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


class Writer:
    """One file; up to 4 kB it stays in memory."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._digest = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()  # not scrubbed yet
        self._head = bytearray()
        self._file: IO[bytes] | None = None
        self._scrubbed = False

    def write(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._size += len(chunk)
        if self._keeper.folder is not None:
            self._pending += chunk
            if len(self._pending) > 64 * 1024:
                self._settle(OVERLAP)

    def finish(self, place: Path | None = None) -> Stored:
        """`place` is where it goes instead of under its digest."""
        sha256 = self._digest.hexdigest()
        if self._keeper.folder is None:
            return Stored(sha256, self._size, b"")
        self._settle(0)
        if self._file is None:
            return Stored(sha256, self._size, bytes(self._head), scrubbed=self._scrubbed)
        self._file.close()
        place = place or self._keeper.folder / sha256
        os.replace(self._file.name, place)
        return Stored(sha256, self._size, None, place, self._scrubbed)

    def _settle(self, hold_back: int) -> None:
        """Scrub and keep what is pending, but for the last bytes: a secret may have begun there."""
        window = bytes(self._pending)
        clean, used = self._keeper.scrubber.raw(window, max(0, len(window) - hold_back))
        self._scrubbed = self._scrubbed or clean != window[:used]
        del self._pending[:used]
        self._keep(clean)

    def _keep(self, clean: bytes) -> None:
        if self._file is None and len(self._head) + len(clean) <= MOST_INLINE:
            self._head += clean
            return
        if self._file is None:
            self._file = open(self._keeper.new_part(), "wb")  # noqa: SIM115 - closed by `finish`
            self._file.write(self._head)
            self._head.clear()
        self._file.write(clean)
