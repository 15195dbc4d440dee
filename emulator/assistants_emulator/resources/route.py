"""A route of the API as a row of data: the row, not the operation, decides path, validation, paging and view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from assistants_emulator.contract import ListQuery, list_query
from assistants_emulator.store import BlobWriter, Object


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


View = Callable[[Object], Object]
Operation = Callable[..., Any]
Version = Literal["v1", "v2"]
VERSIONS: tuple[Version, ...] = ("v1", "v2")
LIST_KEYS = ("object", "data", "first_id", "last_id", "has_more")


@dataclass(frozen=True, slots=True)
class Download:
    """What an operation returns to answer bytes instead of JSON."""

    filename: str
    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is below `/v1`, with `{thread_id}` and the like for segments that the operation gets by name.

    An operation is called as `operation(context, **path ids)`, with `body=` where the row has a request model, with
    `query=` and the query keys that it `filters` by where it `lists`. It returns an object, or a Page where it lists.
    With `streams` the request may ask for the run's events instead. A path with a `thread_id` lets that thread's run
    settle first. `versions` are those of the API that have the row; the same method and path may have one row for each.
    """

    method: str
    path: str
    operation: Operation
    view: View
    body: type[BaseModel] | None = None
    lists: bool = False
    filters: tuple[str, ...] = ()
    includes: bool = False
    streams: bool = False
    beta: bool = True
    versions: tuple[Version, ...] = ("v2",)
    form: FormRule | None = None
    query: Callable[[Mapping[str, str]], ListQuery] = list_query
    list_keys: tuple[str, ...] = LIST_KEYS
    settles: Literal["", "files", "search"] = ""
    newline: bool = False
    detail: bool = False
