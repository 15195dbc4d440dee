"""The headers of a form's parts, which python-multipart hands over in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.web.disposition import parameters

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class PartHeaders:
    """Those of the part at hand; `callbacks` are for the parser."""

    def __init__(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = bytearray(), bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
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

    def _end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()
