"""Bodies as they pass through: fed chunk by chunk, at the end a Body; only JSON and text are held in memory whole.

Files among them go to the cassette's folder: digest and size are those of the bytes as they pass, the bytes that are
stored have their secrets scrubbed. Of a text above MOST_TEXT_BYTES only digest and size are recorded: as a file it
would not be scrubbed by the names in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from assistants_emulator.recording.exchange import MOST_INLINE, Body, Part, Stored, body_of_text
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.recording.sse import EventReader
from assistants_emulator.web.multipart import FormParserError, FormReader, parameters

OVERLAP = 512  # bytes that are scrubbed with the next chunk, so that a secret is found that two chunks share
INFLATED = ("gzip", "deflate")  # content encodings that are undone
SCRUB_BYTES = 64 * 1024  # are scrubbed at a time
INFLATED_BYTES = 256 * 1024  # of a compressed body at a time: little may become much
MOST_TEXT_BYTES = 32 * 1024 * 1024  # of one body in memory: its text, events, or form fields
PART = ".part"
log = logging.getLogger("assistants_emulator")
TEXT_TYPES = ("", "application/json", "application/x-www-form-urlencoded")


class Capture(Protocol):
    """Records one body. `at` is in seconds since the request; after `done` nothing of interest follows."""

    @property
    def done(self) -> bool: ...
    def feed(self, chunk: bytes, at: float) -> None: ...
    def finish(self, at: float) -> Body | None: ...


def capture_for(headers: Mapping[str, str], path: str, files: FileStore, *, answer: bool) -> Capture:
    """The capture for a body with these headers. A response of `/content` is a file whatever its type."""
    full_type = headers.get("content-type", "")
    media_type = full_type.partition(";")[0].strip().lower()
    capture: Capture
    path = path.partition("?")[0]  # a query may have secrets
    if answer and path.endswith("/content") and not media_type.startswith("text/event-stream"):
        capture = FileCapture(files)
    elif media_type == "multipart/form-data" and (boundary := parameters(full_type.encode("latin-1")).get("boundary")):
        capture = FormCapture(files, boundary, path)
    elif media_type == "text/event-stream":
        capture = EventsCapture(path)
    elif media_type in TEXT_TYPES or media_type.startswith("text/") or media_type.endswith("+json"):
        capture = TextCapture(files, path)
    else:
        capture = FileCapture(files)
    encoding = headers.get("content-encoding", "").strip().lower()
    return InflatingCapture(capture, encoding) if encoding in INFLATED else capture


def _tell(path: str, what: str) -> None:
    log.warning(
        "%s: %s has more than %d MB and is left out of the cassette", path, what, MOST_TEXT_BYTES // (1024 * 1024)
    )


class TextCapture:
    """JSON or text; bytes that are no UTF-8 become a file."""

    def __init__(self, files: FileStore, path: str) -> None:
        self.done = False
        self._files = files
        self._path = path
        self._raw = bytearray()
        self._digest: ScrubbingWriter | None = None

    def feed(self, chunk: bytes, at: float) -> None:
        if self._digest is None and len(self._raw) + len(chunk) > MOST_TEXT_BYTES:
            _tell(self._path, "a body")
            self._digest = self._files.new_digest()
            self._digest.write(bytes(self._raw))
            self._raw.clear()
        if self._digest is not None:
            self._digest.write(chunk)
        else:
            self._raw += chunk

    def finish(self, at: float) -> Body | None:
        if self._digest is not None:
            return Body.file(self._digest.finish())
        try:
            text = self._raw.decode()
        except UnicodeDecodeError:
            writer = self._files.new_file()
            writer.write(bytes(self._raw))
            return Body.file(writer.finish())
        return body_of_text(text)


class EventsCapture:
    """Events as they come; those above the limit are left out."""

    def __init__(self, path: str) -> None:
        self._reader = EventReader()
        self._path = path
        self._left = MOST_TEXT_BYTES

    @property
    def done(self) -> bool:
        return self._reader.done

    def feed(self, chunk: bytes, at: float) -> None:
        if self._left >= 0:
            self._left -= len(chunk)
            if self._left < 0:
                _tell(self._path, "the rest of a stream that")
            else:
                self._reader.feed(chunk, at)

    def finish(self, at: float) -> Body | None:
        return Body.events(self._reader.finish(at))


class FileCapture:
    def __init__(self, files: FileStore) -> None:
        self.done = False
        self._writer = files.new_file()

    def feed(self, chunk: bytes, at: float) -> None:
        self._writer.write(chunk)

    def finish(self, at: float) -> Body | None:
        return Body.file(self._writer.finish())


class FormCapture:
    """Fields in memory, files to the file store; of a malformed form the parts before the fault."""

    def __init__(self, files: FileStore, boundary: str, path: str) -> None:
        self.done = False
        self._is_broken = False
        self._parts: list[Part] = []
        self._reader: _PartReader | None = None
        with contextlib.suppress(FormParserError):
            self._reader = _PartReader(boundary, files, self._parts, path)

    def feed(self, chunk: bytes, at: float) -> None:
        if self._reader is None or self._is_broken:
            return
        try:
            self._reader.feed(chunk)
        except FormParserError:
            self._is_broken = True

    def finish(self, at: float) -> Body | None:
        if self._reader is not None and self._reader.writer is not None:
            self._reader.end_part()
        return Body.form(self._parts)


class _PartReader(FormReader):
    """Appends the parts of a form to `parts`; `writer` has the file of the current one."""

    def __init__(self, boundary: str, files: FileStore, parts: list[Part], path: str) -> None:
        self.writer: ScrubbingWriter | None = None
        self._files = files
        self._parts = parts
        self._path = path
        self._held = 0  # bytes of all fields so far
        self._field = bytearray()
        super().__init__(boundary)

    def begin_part(self) -> None:
        named = self.headers.named
        part = Part(named.get("name", ""), filename=named.get("filename"))
        if part.filename is not None:
            part.content_type = self.headers.content_type
            self.writer = self._files.new_file()
        self._parts.append(part)
        self._field.clear()

    def add_data(self, data: bytes) -> None:
        if self.writer is None:
            if self._held + len(data) <= MOST_TEXT_BYTES:
                self._field += data
                self._held += len(data)
                return
            _tell(self._path, f"the field {self._parts[-1].name!r} with those before it")
            self.writer = self._files.new_digest()
            self.writer.write(bytes(self._field))
            self._held -= len(self._field)
        self.writer.write(data)

    def end_part(self) -> None:
        if self.writer is not None:
            self._parts[-1].file, self.writer = self.writer.finish(), None
        else:
            self._parts[-1].value = self._field.decode("utf-8", "replace")


class InflatingCapture:
    """A compressed body, recorded without its compression; what follows bytes that cannot be inflated is left out."""

    def __init__(self, inner: Capture, encoding: str) -> None:
        self._inner = inner
        self._inflate: Any = zlib.decompressobj(zlib.MAX_WBITS | 32 if encoding == "gzip" else zlib.MAX_WBITS)

    @property
    def done(self) -> bool:
        return self._inner.done

    def feed(self, chunk: bytes, at: float) -> None:
        try:
            while chunk:
                self._inner.feed(self._inflate.decompress(chunk, INFLATED_BYTES), at)
                chunk = self._inflate.unconsumed_tail
        except zlib.error:
            pass

    def finish(self, at: float) -> Body | None:
        return self._inner.finish(at)


class FileStore:
    """The folder of a cassette's large files. With `folder` None no bytes are stored: a replay needs digests only."""

    def __init__(self, folder: Path | None, scrubber: Scrubber) -> None:
        self.folder = folder
        self.scrubber = scrubber
        self._numbers = itertools.count()

    def new_file(self) -> ScrubbingWriter:
        return ScrubbingWriter(self)

    def new_digest(self) -> ScrubbingWriter:
        """A file of which only digest and size are recorded."""
        return FileStore(None, self.scrubber).new_file()

    def new_part(self) -> Path:
        """A path for a file that is being written."""
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{os.getpid()}-{next(self._numbers)}{PART}"

    def scrub_again(self, stored: Stored) -> None:
        """Scrub the secrets that were learned since it was stored; its digest stays that of the bytes that passed."""
        writer = self.new_file()
        for chunk in stored.chunks():
            writer.write(chunk)
        clean = writer.finish(stored.path)
        if clean.scrubbed:
            stored.content, stored.path, stored.scrubbed = clean.content, clean.path, True

    def sweep(self, used: set[str]) -> None:
        """Remove the files that no exchange refers to: of killed recordings, and of those that were replaced."""
        if self.folder is None or not self.folder.is_dir():
            return
        for file in self.folder.iterdir():
            if (len(file.name) == 64 or file.suffix == PART) and file.name not in used:
                file.unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


class ScrubbingWriter:
    """One file; up to 4 kB it stays in memory."""

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self._digest = hashlib.sha256()
        self._size = 0
        self._pending = bytearray()  # not scrubbed yet
        self._head = bytearray()
        self._file: IO[bytes] | None = None
        self._scrubbed = False

    def write(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._size += len(chunk)
        if self._files.folder is not None:
            self._pending += chunk
            if len(self._pending) > SCRUB_BYTES:
                self._scrub(OVERLAP)

    def finish(self, path: Path | None = None) -> Stored:
        """A large file goes to `path`, else to the folder under its digest."""
        sha256 = self._digest.hexdigest()
        if self._files.folder is None:
            return Stored(sha256, self._size, b"")
        self._scrub(0)
        if self._file is None:
            return Stored(sha256, self._size, bytes(self._head), scrubbed=self._scrubbed)
        self._file.close()
        path = path or self._files.folder / sha256
        os.replace(self._file.name, path)
        return Stored(sha256, self._size, None, path, self._scrubbed)

    def _scrub(self, overlap: int) -> None:
        """Scrub and store all pending bytes but the last `overlap`: a secret may begin there."""
        pending = bytes(self._pending)
        clean, used = self._files.scrubber.raw(pending, max(0, len(pending) - overlap))
        self._scrubbed = self._scrubbed or clean != pending[:used]
        del self._pending[:used]
        self._store(clean)

    def _store(self, clean: bytes) -> None:
        if self._file is None and len(self._head) + len(clean) <= MOST_INLINE:
            self._head += clean
            return
        if self._file is None:
            self._file = open(self._files.new_part(), "wb")  # noqa: SIM115 - closed by `finish`
            self._file.write(self._head)
            self._head.clear()
        self._file.write(clean)
