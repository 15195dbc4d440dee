"""Turns the bytes of a body into the form that a cassette has: JSON, an event stream, a form, a file or text."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

from assistants_emulator.convert.importers.calls import Headers, Unreadable, content_type
from assistants_emulator.recording.exchange import Body, Part, Stored, body_of_text
from assistants_emulator.recording.sse import EventReader
from assistants_emulator.web.multipart import PartHeaders, parameters

_GZIP = b"\x1f\x8b"


def body_of(raw: bytes | None, headers: Headers) -> Body | None:
    """None for no bytes; Unreadable if they are compressed by br or zstd, or a form without its parts."""
    if not raw:
        return None
    raw, kind = decompressed(raw, headers.get("content-encoding", "")), content_type(headers)
    if kind == "multipart/form-data":
        return Body.form(list(form_parts(raw, headers["content-type"])))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return Body.file(Stored.of(raw))
    if kind == "text/event-stream" or (not kind.endswith("json") and text.lstrip().startswith(("event:", "data:"))):
        reader = EventReader()
        reader.feed(raw.removeprefix(b"\xef\xbb\xbf"), 0.0)
        return Body.events(reader.finish(0.0))
    if kind.endswith("json") or not kind or text.lstrip()[:1] in ("{", "["):
        return body_of_text(text)
    return Body.file(Stored.of(raw)) if not kind.startswith("text/") else Body.text(text)


def decompressed(raw: bytes, encoding: str) -> bytes:
    """The bytes decide: whatever the header says, some recorders store the compressed body and some the plain one."""
    if raw.startswith(_GZIP):
        try:
            return gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise Unreadable(f"its body is broken gzip: {error}") from None
    encoding = encoding.strip().lower()
    if encoding == "deflate":
        for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
            try:
                return zlib.decompress(raw, bits)
            except zlib.error:
                continue
    if encoding in ("br", "zstd"):
        try:
            raw.decode()
        except UnicodeDecodeError:
            raise Unreadable(f"its body is packed as {encoding}; record it with `Accept-Encoding: gzip`") from None
    return raw


def form_parts(raw: bytes, content_type_header: str) -> Iterator[Part]:
    boundary = parameters(content_type_header.encode("utf-8", "replace")).get("boundary", "")
    if not boundary:  # the header was edited; the body begins with the boundary
        boundary = raw.split(b"\r\n", 1)[0].removeprefix(b"--").decode("latin-1")
    mark = b"--" + boundary.encode()
    if len(mark) < 3 or mark not in raw:
        raise Unreadable("the form that it sent is not in the recording byte for byte")
    for piece in raw.split(mark)[1:]:
        if piece.startswith(b"--"):
            return
        line = b"\r\n" if piece.startswith(b"\r\n") else b"\n"
        head, _, content = piece.removeprefix(line).partition(line * 2)
        yield _part(head, content.removesuffix(line))


def _part(head: bytes, content: bytes) -> Part:
    headers = PartHeaders.of(head)
    named = headers.named
    name, filename = named.get("name", ""), named.get("filename")
    if filename is None:
        return Part(name, value=content.decode("utf-8", "replace"))
    return Part(name, filename=filename, content_type=headers.content_type or None, file=Stored.of(content))
