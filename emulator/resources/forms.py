"""Multipart forms as operations see them: text fields, and one file whose bytes are on disk already."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.store import BlobWriter


@dataclass(frozen=True, slots=True)
class FormRule:
    """What a route takes: the name of the field that holds the file, and the most bytes that it may have."""

    file: str
    max_bytes: int


@dataclass(slots=True)
class Received:
    """A file as it came; its bytes are gone when the request is over, unless an operation says `keep`."""

    filename: str
    name: str
    writer: BlobWriter
    size: int = 0

    def keep(self) -> list[str]:
        """The names of the bytes, for `_content`."""
        self.writer.commit()
        return [self.name]


@dataclass(slots=True)
class Form:
    fields: dict[str, str] = field(default_factory=dict)
    file: Received | None = None

    def close(self) -> None:
        if self.file is not None:
            self.file.writer.abort()
