"""Bodies on their way through: fed piece by piece, at the end a Body. Only JSON and text are held in memory whole."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from emulator.recording.exchange import Body, Part, body_of_text
from emulator.recording.keeper import Keeper, Writer
from emulator.recording.sse import EventReader
from emulator.web.disposition import parameters
from emulator.web.part_headers import PartHeaders

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class Taking(Protocol):
    """`at` is in seconds since the request."""

    @property
    def done(self) -> bool: ...  # nothing of interest follows
    def feed(self, chunk: bytes, at: float) -> None: ...
    def finish(self, at: float) -> Body | None: ...


def taking(headers: Mapping[str, str], path: str, keeper: Keeper, *, answer: bool) -> Taking:
    """How this body is taken down. What `/content` answers is a file whatever its type: its bytes count."""
    kind = headers.get("content-type", "")
    plain = kind.partition(";")[0].strip().lower()
    taken: Taking
    if answer and path.partition("?")[0].endswith("/content") and not plain.startswith("text/event-stream"):
        taken = TakingFile(keeper)
    elif plain == "multipart/form-data" and (boundary := parameters(kind.encode("latin-1")).get("boundary")):
        taken = TakingForm(keeper, boundary)
    elif plain == "text/event-stream":
        taken = TakingEvents()
    elif not plain or plain.startswith("text/") or plain == "application/json" or plain.endswith("+json"):
        taken = TakingText(keeper)
    else:
        taken = TakingFile(keeper)
    encoding = headers.get("content-encoding", "").strip().lower()
    return Inflating(taken, encoding) if encoding in ("gzip", "deflate") else taken


class TakingText:
    def __init__(self, keeper: Keeper) -> None:
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


class TakingEvents:
    def __init__(self) -> None:
        self._reader = EventReader()

    @property
    def done(self) -> bool:
        return self._reader.done

    def feed(self, chunk: bytes, at: float) -> None:
        self._reader.feed(chunk, at)

    def finish(self, at: float) -> Body | None:
        return Body.events(self._reader.finish(at))


class TakingFile:
    def __init__(self, keeper: Keeper) -> None:
        self.done = False
        self._writer = keeper.begin()

    def feed(self, chunk: bytes, at: float) -> None:
        self._writer.write(chunk)

    def finish(self, at: float) -> Body | None:
        return Body.file(self._writer.finish())


class TakingForm:
    """Fields in memory, files to the keeper; of a form that is broken, the parts up to there."""

    def __init__(self, keeper: Keeper, boundary: str) -> None:
        self.done = False
        self._keeper = keeper
        self._parts: list[Part] = []
        self._headers = PartHeaders()
        self._field = bytearray()
        self._writer: Writer | None = None
        self._parser: MultipartParser | None = None
        with contextlib.suppress(FormParserError):
            self._parser = MultipartParser(boundary.encode(), self._callbacks())

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

    def __init__(self, inner: Taking, encoding: str) -> None:
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
