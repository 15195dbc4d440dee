"""Reading a multipart form: text fields into memory, the file to disk, chunk by chunk as it arrives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import collapse_rfc2231_value, decode_params, unquote
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.types import Receive

from assistants_emulator.errors import ApiError, ServerFault, StoreError, TooLarge
from assistants_emulator.project.request_log import MOST_BODY_BYTES
from assistants_emulator.resources.route import Form, FormRule, Received
from assistants_emulator.store.blobs import Contents
from assistants_emulator.web.body import Disconnected

try:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser
except ModuleNotFoundError:  # python-multipart before 0.0.13, which applications of 2024 pin, is the module `multipart`
    from multipart.exceptions import FormParserError  # type: ignore[no-redef, unused-ignore]
    from multipart.multipart import MultipartParser  # type: ignore[no-redef, unused-ignore]

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["BoundedParser", "FormParserError", "PartHeaders", "attachment", "parameters", "read_form"]

MOST_FIELD_BYTES = 64 * 1024  # of all text fields together
MOST_HEADER_BYTES = 64 * 1024  # of one part

_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|"[^"]*"|[^;]*)')
# httpx and urllib3 send \\ and %22, browsers a bare \ and %22 %0D %0A, old curl \" (HTML, multipart/form-data encoding)
_ESCAPED = re.compile(r'\\(["\\])|%(22|[01][0-9A-Fa-f])')


def parameters(header: bytes) -> dict[str, str]:
    """`name`, `filename` and the like; `filename*` and numbered pieces of RFC 2231 take the place of the plain one."""
    sent = [(name.lower(), value.strip()) for name, value in _PARAMETER.findall(_text(header))]
    plain = {name: _unquoted(value) for name, value in sent if "*" not in name}
    extended = [("", ""), *((name, value) for name, value in sent if "*" in name)]
    return plain | {name: _decoded(value) for name, value in decode_params(extended)[1:]}


def attachment(filename: str) -> bytes:
    """A header that cannot be broken out of; names beyond ASCII also in RFC 5987's form."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\' else "_" for char in filename)
    header = f'attachment; filename="{plain}"'
    if plain != filename:
        header += f"; filename*=UTF-8''{quote(filename, safe='', errors='replace')}"
    return header.encode("ascii")


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
    except ValueError:  # a charset with NUL in it
        return unquote(text)


def _unquoted(value: str) -> str:
    if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
        return value
    return _ESCAPED.sub(lambda found: found[1] or chr(int(found[2], 16)), value[1:-1])


class PartHeaders:
    """Those of the part at hand; `callbacks` are for the parser. FormParserError above 64 kB of them."""

    def __init__(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._bytes = 0
        self._name, self._value = bytearray(), bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._take(self._name, data[start:end]),
            "on_header_value": lambda data, start, end: self._take(self._value, data[start:end]),
            "on_header_end": self._end,
        }

    @property
    def named(self) -> dict[str, str]:
        """`name` and, of a file, `filename`."""
        return parameters(self._headers.get(b"content-disposition", b""))

    @property
    def content_type(self) -> str | None:
        kind = self._headers.get(b"content-type")
        return None if kind is None else kind.decode("latin-1")

    def _begin(self) -> None:
        self._headers.clear()
        self._bytes = 0

    def _take(self, piece: bytearray, data: bytes) -> None:
        """Count here, because python-multipart has a limit of its own only since 0.0.28."""
        self._bytes += len(data)
        if self._bytes > MOST_HEADER_BYTES:
            raise FormParserError(f"the headers of a part are longer than {MOST_HEADER_BYTES} bytes")
        piece += data

    def _end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()


class BoundedParser(MultipartParser):
    """A parser that is spared what older releases take minutes for, or log byte by byte (CVE-2024-53981): runs of
    newlines before the first boundary, and whatever comes in later pieces than the last boundary."""

    def __init__(self, boundary: bytes, callbacks: MultipartCallbacks) -> None:
        self._on_end = callbacks.get("on_end", lambda: None)
        self._begun = self._ended = False
        super().__init__(boundary, {**callbacks, "on_end": self._end})
        self.max_header_size = MOST_HEADER_BYTES  # releases that know it begin with 4 kB

    def write(self, data: bytes) -> int:
        piece = b"" if self._ended else data
        if not self._begun:
            rest = piece.lstrip(b"\r\n")
            self._begun = bool(rest)
            piece = piece[max(0, len(piece) - len(rest) - 1) :]
        super().write(piece)
        return len(data)

    def _end(self) -> None:
        self._ended = True
        self._on_end()


UNNAMED = "upload"  # what the SDKs call a file that has no name
NOT_A_FORM = "We could not parse the multipart form of your request: {}."


async def read_form(
    headers: Mapping[bytes, bytes], receive: Receive, rule: FormRule, contents: Contents
) -> tuple[Form, bytes]:
    """The form, and the first bytes of the body for the request log.

    A body that is no multipart form is an empty one. 400 for a form that is broken or cut off, 413 for a file or
    fields above what is taken. Whoever gets the form must close it.
    """
    boundary = _boundary(headers.get(b"content-type", b""))
    reader = _Reader(boundary, rule, contents) if boundary else None
    head, more = bytearray(), True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            head += chunk[: MOST_BODY_BYTES - len(head)]
            more = message.get("more_body", False)
            if reader is not None:
                reader.feed(chunk)
        return (reader.finish() if reader is not None else Form()), bytes(head)
    except BaseException:
        if reader is not None:
            reader.form.close()
        raise


def _boundary(content_type: bytes) -> str | None:
    kind, _, _ = content_type.partition(b";")
    return parameters(content_type).get("boundary") if kind.strip().lower() == b"multipart/form-data" else None


class _Reader:
    """Callbacks of the parser; a part is the file, a text field, or a file that nobody asked for."""

    def __init__(self, boundary: str, rule: FormRule, contents: Contents) -> None:
        self.form = Form()
        self._rule = rule
        self._contents = contents
        self._headers = PartHeaders()
        self._field = bytearray()
        self._name: str | None = None
        self._file: Received | None = None
        self._field_bytes = 0
        self._whole = False
        try:
            self._parser = BoundedParser(boundary.encode(), self._callbacks())
        except FormParserError as error:
            raise ApiError(NOT_A_FORM.format(error)) from None

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise ApiError(NOT_A_FORM.format(error)) from None
        except StoreError as error:
            raise ServerFault(f"The upload could not be stored: {error}") from None

    def finish(self) -> Form:
        if not self._whole:
            raise ApiError(NOT_A_FORM.format("it ends before its last boundary"))
        return self.form

    def _callbacks(self) -> MultipartCallbacks:
        return {
            **self._headers.callbacks(),
            "on_headers_finished": self._on_part,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def _on_part(self) -> None:
        named = self._headers.named
        self._field.clear()
        self._file, self._name = None, None
        if named.get("name") == self._rule.file:
            self._begin_file(named.get("filename") or UNNAMED)
        elif "filename" not in named:
            self._name = named.get("name", "")

    def _begin_file(self, filename: str) -> None:
        self.form.close()  # a second file takes the place of the first
        name, writer = self._contents.begin()
        self.form.file = self._file = Received(filename, name, writer)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.size += end - start
            _refuse_above(self._rule.max_bytes, self._file.size)
            self._file.writer.write(data[start:end])
        elif self._name is not None:
            self._field_bytes += end - start
            _refuse_above(MOST_FIELD_BYTES, self._field_bytes)
            self._field += data[start:end]

    def _on_part_end(self) -> None:
        if self._name is not None:
            self.form.fields[self._name] = self._field.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self._whole = True


def _refuse_above(limit: int, size: int) -> None:
    if size > limit:
        raise TooLarge(f"Maximum content size limit ({limit}) exceeded ({size} bytes read)")
