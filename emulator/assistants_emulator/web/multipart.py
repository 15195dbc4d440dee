"""Multipart forms, read part by part as their bytes arrive, and the names of files in their headers and ours.

Text fields of an upload are kept in memory, its file goes to disk. A file's name is data, never a path: it is kept as
it was sent, and sent back so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import collapse_rfc2231_value, decode_params, unquote
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.types import Receive

from assistants_emulator.errors import ApiError, ServerFault, StoreError
from assistants_emulator.project.request_log import MOST_BODY_BYTES
from assistants_emulator.resources.route import Form, FormRule, Received
from assistants_emulator.store.blobs import Contents
from assistants_emulator.web.body import MOST_BYTES, MOST_DRAINED_BYTES, Disconnected, refuse_above

try:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser
except ModuleNotFoundError:  # python-multipart before 0.0.13, which applications of 2024 pin, is the module `multipart`
    from multipart.exceptions import FormParserError  # type: ignore[no-redef, unused-ignore]
    from multipart.multipart import MultipartParser  # type: ignore[no-redef, unused-ignore]

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["BoundedParser", "FormParserError", "FormReader", "PartHeaders", "attachment", "parameters", "read_form"]

MOST_FIELD_BYTES = 64 * 1024  # of all text fields together
MOST_HEADER_BYTES = 64 * 1024  # of one part
MOST_PARTS = 1000
MOST_BOUNDARY = 200  # characters; RFC 2046 allows 70
UNNAMED = "upload"  # what the SDKs call a file that has no name
NOT_A_FORM = "We could not parse the multipart form of your request: {}."
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|"[^"]*"|[^;]*)')
# httpx and urllib3 send \\ and %22, browsers a bare \ and %22 %0D %0A, old curl \" (HTML, multipart/form-data encoding)
_ESCAPED = re.compile(r'\\(["\\])|%(22|[01][0-9A-Fa-f])')


async def read_form(
    headers: Mapping[bytes, bytes], receive: Receive, rule: FormRule, contents: Contents
) -> tuple[Form, bytes]:
    """The form, and the first bytes of the body for the request log.

    A body that is no multipart form is an empty one. 400 for a form that is broken, cut off or has too many parts, 413
    for a file, fields or a body above their limits. The caller must close the form.
    """
    boundary = _boundary(headers.get(b"content-type", b""))
    reader = _UploadReader(boundary, rule, contents) if boundary else None
    head, size, more = bytearray(), 0, True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            head += chunk[: MOST_BODY_BYTES - len(head)]
            more = message.get("more_body", False)
            size += len(chunk)
            if reader is not None:
                reader.read(chunk)
            elif size > MOST_DRAINED_BYTES:
                break
        if reader is None:
            refuse_above(MOST_BYTES, size)
        return (reader.finish() if reader is not None else Form()), bytes(head)
    except BaseException:
        if reader is not None:
            reader.form.close()
        raise


def _boundary(content_type: bytes) -> str | None:
    kind, _, _ = content_type.partition(b";")
    if kind.strip().lower() != b"multipart/form-data":
        return None
    boundary = parameters(content_type).get("boundary", "")
    if len(boundary) > MOST_BOUNDARY:
        raise ApiError(NOT_A_FORM.format(f"its boundary has more than {MOST_BOUNDARY} characters"))
    return boundary or None


class PartHeaders:
    """The headers of one part of a form."""

    def __init__(self) -> None:
        self._headers: dict[bytes, bytes] = {}

    @classmethod
    def of(cls, head: bytes) -> PartHeaders:
        """Headers as they stand before a part's content, in lines of any kind of ending."""
        headers = cls()
        for line in head.splitlines():
            name, _, value = line.partition(b":")
            headers.add(name.strip(), value.strip())
        return headers

    def add(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def clear(self) -> None:
        self._headers.clear()

    @property
    def named(self) -> dict[str, str]:
        """`name` and, of a file, `filename`."""
        return parameters(self._headers.get(b"content-disposition", b""))

    @property
    def content_type(self) -> str | None:
        kind = self._headers.get(b"content-type")
        return None if kind is None else kind.decode("latin-1")


class FormReader:
    """A multipart form as a sequence of calls of `begin_part`, `add_data`, `end_part` and `end`, for subclasses.

    FormParserError, from the constructor and from `feed`, for what is no form with this boundary.
    """

    def __init__(self, boundary: str) -> None:
        self.headers = PartHeaders()  # of the current part
        self._name, self._value = bytearray(), bytearray()  # of a header, which the parser hands over in pieces
        self._header_bytes = 0  # of the current part
        self._parts_seen = 0
        self._parser = BoundedParser(boundary.encode(), self._callbacks())

    def feed(self, chunk: bytes) -> None:
        self._parser.write(chunk)

    def begin_part(self) -> None:
        raise NotImplementedError

    def add_data(self, data: bytes) -> None:
        raise NotImplementedError

    def end_part(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """After the last boundary."""

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin_headers,
            "on_header_field": lambda data, start, end: self._add_header_piece(self._name, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header_piece(self._value, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self.begin_part,
            "on_part_data": lambda data, start, end: self.add_data(data[start:end]),
            "on_part_end": self.end_part,
            "on_end": self.end,
        }

    def _begin_headers(self) -> None:
        self._parts_seen += 1
        self._header_bytes = 0
        if self._parts_seen > MOST_PARTS:
            raise FormParserError(f"it has more than {MOST_PARTS} parts")
        self.headers.clear()

    def _add_header_piece(self, target: bytearray, piece: bytes) -> None:
        self._count_header_bytes(len(piece))
        target += piece

    def _count_header_bytes(self, size: int) -> None:
        """Count here, because python-multipart has limits of its own only since 0.0.28."""
        self._header_bytes += size
        if self._header_bytes > MOST_HEADER_BYTES:
            raise FormParserError(f"a part has more than {MOST_HEADER_BYTES} bytes of headers")

    def _end_header(self) -> None:
        self._count_header_bytes(len(b": \r\n"))
        self.headers.add(bytes(self._name), bytes(self._value))
        self._name.clear()
        self._value.clear()


class BoundedParser(MultipartParser):
    """A parser without the input that older releases take minutes for, or log byte by byte (CVE-2024-53981).

    Withheld are runs of newlines before the first boundary, and later pieces than that of the last boundary.
    """

    def __init__(self, boundary: bytes, callbacks: MultipartCallbacks) -> None:
        self._on_end = callbacks.get("on_end", lambda: None)
        self._has_begun = self._has_ended = False
        super().__init__(boundary, {**callbacks, "on_end": self._end})
        self.max_header_size = MOST_HEADER_BYTES  # 4 kB by default, in releases that have it

    def write(self, data: bytes) -> int:
        piece = b"" if self._has_ended else data
        if not self._has_begun:
            rest = piece.lstrip(b"\r\n")
            self._has_begun = bool(rest)
            piece = piece[max(0, len(piece) - len(rest) - 1) :]
        super().write(piece)
        return len(data)

    def _end(self) -> None:
        self._has_ended = True
        self._on_end()


class _UploadReader(FormReader):
    """An upload: each part is the file that the rule names, a text field, or another file, which is ignored."""

    def __init__(self, boundary: str, rule: FormRule, contents: Contents) -> None:
        self.form = Form()
        self._rule = rule
        self._contents = contents
        self._field = bytearray()
        self._field_name: str | None = None
        self._file: Received | None = None
        self._field_bytes = 0
        self._is_whole = False
        try:
            super().__init__(boundary)
        except FormParserError as error:
            raise ApiError(NOT_A_FORM.format(error)) from None

    def read(self, chunk: bytes) -> None:
        """As `feed`, with the API's errors."""
        try:
            self.feed(chunk)
        except FormParserError as error:
            raise ApiError(NOT_A_FORM.format(error)) from None
        except StoreError as error:
            raise ServerFault(f"The upload could not be stored: {error}") from None

    def finish(self) -> Form:
        if not self._is_whole:
            raise ApiError(NOT_A_FORM.format("it ends before its last boundary"))
        return self.form

    def begin_part(self) -> None:
        named = self.headers.named
        self._field.clear()
        self._file, self._field_name = None, None
        if named.get("name") == self._rule.file:
            self._begin_file(named.get("filename") or UNNAMED)
        elif "filename" not in named:
            self._field_name = named.get("name", "")
            self._field_bytes += len(self._field_name)
            refuse_above(MOST_FIELD_BYTES, self._field_bytes)

    def add_data(self, data: bytes) -> None:
        if self._file is not None:
            self._file.size += len(data)
            refuse_above(self._rule.max_bytes, self._file.size)
            self._file.writer.write(data)
        elif self._field_name is not None:
            self._field_bytes += len(data)
            refuse_above(MOST_FIELD_BYTES, self._field_bytes)
            self._field += data

    def end_part(self) -> None:
        if self._field_name is not None:
            self.form.fields[self._field_name] = self._field.decode("utf-8", "replace")

    def end(self) -> None:
        self._is_whole = True

    def _begin_file(self, filename: str) -> None:
        self.form.close()  # a second file takes the place of the first
        name, writer = self._contents.begin()
        self.form.file = self._file = Received(filename, name, writer)


def parameters(header: bytes) -> dict[str, str]:
    """`name`, `filename` and the like; `filename*` and numbered pieces of RFC 2231 take the place of the plain one."""
    pairs = [(name.lower(), value.strip()) for name, value in _PARAMETER.findall(_text(header))]
    plain = {name: _unquoted(value) for name, value in pairs if "*" not in name}
    values = plain | _extended([(name, value) for name, value in pairs if "*" in name])
    return {name: well_formed(value) for name, value in values.items()}


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate: no JSON and no file on disk has one."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _extended(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Parameters of RFC 2231; none if their pieces have no order."""
    try:
        decoded = decode_params([("", ""), *pairs])[1:]
    except (TypeError, ValueError):
        return {}
    return {name: _decoded(value) for name, value in decoded}


def _text(header: bytes) -> str:
    try:
        return header.decode()
    except UnicodeDecodeError:
        return header.decode("latin-1")


def _decoded(value: str | tuple[str | None, str | None, str]) -> str:
    if isinstance(value, str):
        return unquote(value)
    charset, language, text = value
    try:
        return collapse_rfc2231_value((charset, language, unquote(text)))
    except (ValueError, LookupError):  # a charset with NUL in it, or one that is none of text
        return unquote(text)


def _unquoted(value: str) -> str:
    if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
        return value
    return _ESCAPED.sub(lambda escape: escape[1] or chr(int(escape[2], 16)), value[1:-1])


def attachment(filename: str) -> bytes:
    """A Content-Disposition that cannot be broken out of; names beyond ASCII also in RFC 5987's form."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\' else "_" for char in filename)
    header = f'attachment; filename="{plain}"'
    if plain != filename:
        header += f"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
    return header.encode("ascii")
