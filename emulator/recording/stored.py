"""Bytes of a file that was uploaded or downloaded: known by digest, kept in the cassette if small, else beside it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.errors import EmulatorError

MOST_INLINE = 4 * 1024
CHUNK = 256 * 1024


@dataclass(slots=True)
class Stored:
    """`sha256` and `size` are of the bytes as they went over the wire; `scrubbed` says that a secret was cut from them.

    The bytes are `content`, or in the file `path`.
    """

    sha256: str
    size: int
    content: bytes | None = None
    path: Path | None = None
    scrubbed: bool = False

    @classmethod
    def of(cls, content: bytes) -> Stored:
        return cls(hashlib.sha256(content).hexdigest(), len(content), content)

    def chunks(self) -> Iterator[bytes]:
        """EmulatorError if the file beside the cassette is gone."""
        if self.content is not None:
            yield self.content
            return
        try:
            with open(self._path(), "rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise self._gone(error) from None

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def kept_size(self) -> int:
        """How many bytes `chunks` gives: what was scrubbed may be shorter or longer than `size`."""
        if self.content is not None:
            return len(self.content)
        try:
            return self._path().stat().st_size
        except OSError as error:
            raise self._gone(error) from None

    def as_json(self) -> dict[str, Any]:
        """Text as text, so that it can be read in a diff; what is above 4 kB lies in the folder under its digest."""
        shown: dict[str, Any] = {"sha256": self.sha256, "size": self.size}
        if self.scrubbed:
            shown["scrubbed"] = True
        if self.content is None or len(self.content) > MOST_INLINE:
            return shown
        try:
            return {**shown, "text": self.content.decode()}
        except UnicodeDecodeError:
            return {**shown, "base64": base64.b64encode(self.content).decode()}

    @classmethod
    def from_json(cls, shown: dict[str, Any], folder: Path) -> Stored:
        content: bytes | None = None
        if "text" in shown:
            content = shown["text"].encode()
        elif "base64" in shown:
            try:
                content = base64.b64decode(shown["base64"], validate=True)
            except binascii.Error as error:
                raise ValueError(f"base64: {error}") from None
        sha256 = shown["sha256"]
        if not (isinstance(sha256, str) and sha256.isalnum()):  # it becomes a file name
            raise ValueError(f"sha256 is {sha256!r}")
        path = folder / sha256 if content is None else None
        return cls(sha256, int(shown["size"]), content, path, bool(shown.get("scrubbed", False)))

    def _gone(self, error: OSError) -> EmulatorError:
        return EmulatorError(f"{self._path()}, which holds bytes of the cassette: {error.strerror}")

    def _path(self) -> Path:
        assert self.path is not None
        return self.path
