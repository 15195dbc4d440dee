"""What replies are made of: images, citations, search results."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from emulator.errors import ScriptError
from emulator.responders.checks import BYTES, NAME, NUMBER, TEXT, FieldError, Kind, check, shown

_PATH = Kind("a path", lambda value: isinstance(value, str | os.PathLike) and str(value) != "")
Part = TypeVar("Part", "Citation", "SearchResult")


class Found(Protocol):
    """A result of `turn.search`: it can be cited, and be a result of a FileSearch."""

    @property
    def file_id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage that a text cites: `file` is a file id or file name, `quote` a passage of it."""

    file: str
    quote: str

    def __post_init__(self) -> None:
        check(self, file=NAME, quote=TEXT)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A result that a FileSearch shows: `file` is a file id or file name, `score` from 0 to 1."""

    file: str
    score: float
    text: str

    def __post_init__(self) -> None:
        check(self, file=NAME, score=NUMBER, text=TEXT)


@dataclass(frozen=True, slots=True)
class Image:
    """An image, or a file that code made: exactly one of `path`, `content` and `file_id`.

    A path is read at once, so afterwards either `file_id` or `content` is set; `filename` defaults to the path's name
    and stays None for bare content.
    """

    path: str | os.PathLike[str] | None = None
    content: bytes | None = field(default=None, repr=False)
    filename: str | None = None
    file_id: str | None = None

    def __post_init__(self) -> None:
        check(self, path=_PATH.or_none(), content=BYTES.or_none(), filename=NAME.or_none(), file_id=NAME.or_none())
        given = [name for name in ("path", "content", "file_id") if getattr(self, name) is not None]
        if len(given) != 1:
            names = " and ".join(given) or "none of them"
            raise ScriptError(f"Image takes exactly one of path, content and file_id, and has {names}")
        if self.path is not None:
            object.__setattr__(self, "content", _read(Path(self.path)))
            object.__setattr__(self, "filename", self.filename or Path(self.path).name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        why = getattr(error, "strerror", None) or error
        problem = f"must be a file that can be read, not '{path}': {why}"
        raise FieldError("Image", "path", problem) from None


def citation(item: object) -> Citation:
    """A citation as a Citation, {file, quote} or a result of `turn.search`."""
    if not isinstance(item, Mapping) and hasattr(item, "file_id") and hasattr(item, "text"):
        return Citation(item.file_id, item.text)
    return _part(Citation, item, ("file", "quote"), "Text", "citations")


def search_result(item: object) -> SearchResult:
    """A search result as a SearchResult, {file, score, text} or a result of `turn.search`."""
    if not isinstance(item, Mapping) and hasattr(item, "file_id") and hasattr(item, "score"):
        return SearchResult(item.file_id, item.score, getattr(item, "text", ""))
    return _part(SearchResult, item, ("file", "score", "text"), "FileSearch", "results")


def _part(make: type[Part], item: object, fields: Iterable[str], owner: str, name: str) -> Part:
    if isinstance(item, make):
        return item
    fields = list(fields)
    if not isinstance(item, Mapping) or set(item) != set(fields):
        raise FieldError(owner, name, f"must hold objects {{{', '.join(fields)}}}, not {shown(item)}")
    return make(**item)
