"""Bodies on their way through: fed piece by piece, at the end a Body. Only JSON and text are held in memory whole."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from assistants_emulator.recording.exchange import MOST_INLINE, Body, Part, Stored, body_of_text
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.recording.sse import EventReader
from assistants_emulator.web.multipart import BoundedParser, FormParserError, PartHeaders, parameters

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


OVERLAP = 512  # bytes that are held back, so that a secret is found that two chunks share
PART = ".part"


class FileStore:
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

    def __init__(self, keeper: FileStore) -> None:
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


class Capture(Protocol):
    """`at` is in seconds since the request."""

    @property
    def done(self) -> bool: ...  # nothing of interest follows
    def feed(self, chunk: bytes, at: float) -> None: ...
    def finish(self, at: float) -> Body | None: ...


def capture_for(headers: Mapping[str, str], path: str, keeper: FileStore, *, answer: bool) -> Capture:
    """How this body is taken down. What `/content` answers is a file whatever its type: its bytes count."""
    kind = headers.get("content-type", "")
    plain = kind.partition(";")[0].strip().lower()
    taken: Capture
    if answer and path.partition("?")[0].endswith("/content") and not plain.startswith("text/event-stream"):
        taken = FileCapture(keeper)
    elif plain == "multipart/form-data" and (boundary := parameters(kind.encode("latin-1")).get("boundary")):
        taken = FormCapture(keeper, boundary)
    elif plain == "text/event-stream":
        taken = EventsCapture()
    elif not plain or plain.startswith("text/") or plain == "application/json" or plain.endswith("+json"):
        taken = TextCapture(keeper)
    else:
        taken = FileCapture(keeper)
    encoding = headers.get("content-encoding", "").strip().lower()
    return Inflating(taken, encoding) if encoding in ("gzip", "deflate") else taken


class TextCapture:
    def __init__(self, keeper: FileStore) -> None:
        self.done = False
        self._keeper = keeper
        self._raw = bytearray()

    def feed(self, chunk: bytes, at: float) -> None:
        self._raw += chunk

    def finish(self, at: float) -> Body | None:
        try:
            text = self._raw.decode()
        except UnicodeDecodeError:
            writer = self._keeper.begin()
            writer.write(bytes(self._raw))
            return Body.file(writer.finish())
        return body_of_text(text)


class EventsCapture:
    def __init__(self) -> None:
        self._reader = EventReader()

    @property
    def done(self) -> bool:
        return self._reader.done

    def feed(self, chunk: bytes, at: float) -> None:
        self._reader.feed(chunk, at)

    def finish(self, at: float) -> Body | None:
        return Body.events(self._reader.finish(at))


class FileCapture:
    def __init__(self, keeper: FileStore) -> None:
        self.done = False
        self._writer = keeper.begin()

    def feed(self, chunk: bytes, at: float) -> None:
        self._writer.write(chunk)

    def finish(self, at: float) -> Body | None:
        return Body.file(self._writer.finish())


class FormCapture:
    """Fields in memory, files to the keeper; of a form that is broken, the parts up to there."""

    def __init__(self, keeper: FileStore, boundary: str) -> None:
        self.done = False
        self._keeper = keeper
        self._parts: list[Part] = []
        self._headers = PartHeaders()
        self._field = bytearray()
        self._writer: Writer | None = None
        self._parser: BoundedParser | None = None
        with contextlib.suppress(FormParserError):
            self._parser = BoundedParser(boundary.encode(), self._callbacks())

    def feed(self, chunk: bytes, at: float) -> None:
        if self._parser is None:
            return
        try:
            self._parser.write(chunk)
        except FormParserError:
            self._parser = None

    def finish(self, at: float) -> Body | None:
        if self._writer is not None:
            self._on_part_end()
        return Body.form(self._parts)

    def _callbacks(self) -> MultipartCallbacks:
        return {
            **self._headers.callbacks(),
            "on_headers_finished": self._on_part,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
        }

    def _on_part(self) -> None:
        named = self._headers.named
        part = Part(named.get("name", ""), filename=named.get("filename"))
        if part.filename is not None:
            part.content_type = self._headers.content_type
            self._writer = self._keeper.begin()
        self._parts.append(part)
        self._field.clear()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._writer is not None:
            self._writer.write(data[start:end])
        else:
            self._field += data[start:end]

    def _on_part_end(self) -> None:
        if self._writer is not None:
            self._parts[-1].file, self._writer = self._writer.finish(), None
        else:
            self._parts[-1].value = self._field.decode("utf-8", "replace")


class Inflating:
    """What was sent compressed is taken down plain; what cannot be inflated is left out from there."""

    def __init__(self, inner: Capture, encoding: str) -> None:
        self._inner = inner
        self._inflate: Any = zlib.decompressobj(zlib.MAX_WBITS | 32 if encoding == "gzip" else zlib.MAX_WBITS)

    @property
    def done(self) -> bool:
        return self._inner.done

    def feed(self, chunk: bytes, at: float) -> None:
        try:
            while chunk:  # in pieces: little may become much
                self._inner.feed(self._inflate.decompress(chunk, 256 * 1024), at)
                chunk = self._inflate.unconsumed_tail
        except zlib.error:
            pass

    def finish(self, at: float) -> Body | None:
        return self._inner.finish(at)
