"""A route of the API as a row of data, and the types that operations share with the web layer.

The row, not the operation, decides path, validation, paging and view. A multipart form reaches the operation as text
fields and one file whose bytes are on disk already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from assistants_emulator.contract import ListQuery, list_query
from assistants_emulator.contract.queries import INCLUDABLE
from assistants_emulator.contract.responses import INCLUDABLE as RESPONSE_INCLUDABLE
from assistants_emulator.store import BlobWriter, Object


@dataclass(frozen=True, slots=True)
class FormRule:
    """The form that a route takes: the name of the file's field, and the most bytes that the file may have."""

    file: str
    max_bytes: int


@dataclass(slots=True)
class Received:
    """A received file; its bytes are dropped when the request ends, unless the operation calls `keep`."""

    filename: str
    name: str
    writer: BlobWriter
    size: int = 0

    def keep(self) -> list[str]:
        """Keep the bytes; return their names, for `_content`."""
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


RESPONSE_LIST_KEYS = ("object", "data", "first_id", "has_more", "last_id")
INVALID_JSON = (
    "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors "
    "include trailing commas, missing closing brackets, missing quotation marks, etc.)"
)


@dataclass(frozen=True, slots=True)
class Download:
    """The result of an operation that answers bytes instead of JSON; `size` is in bytes."""

    filename: str
    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Later:
    """The result of an operation that takes long: `function` returns it, called in a worker thread."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is below `/v1`, with `{thread_id}` and the like for segments that the operation gets by name.

    An operation is called as `operation(context, **path ids)`, with `body=` where the row has a request model, with
    `query=` and the query keys that it `filters` by where it `lists`. It returns an object, or a Page where it lists;
    one that may take long is a generator, Steps.
    With `streams` the request may ask for the run's events instead. A path with a `thread_id` lets that thread's run
    settle first, and ends it if its work is done, unless the row `cancels` that run; `settles` waits for the files of
    the path's vector store, or of all, to be read: "files" for a bounded time, "search" until they are. `versions` are
    those of the API that have the row; the same method and path may have one row for each.

    `include_values` are those of `include[]`. JSON with `escapes` is ASCII. `not_json` answers a body that is no JSON.
    A body of more than `most_bytes` is refused: the usual limit has room for 32 messages of 256,000 ASCII characters.
    With an `outcome` the request waits until the turn that the operation began is over, unless that is in the
    background, and answers `outcome(context, result)`. `resumes` is called as the operation is, for a stream again.
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
    cancels: bool = False
    newline: bool = False
    detail: bool = False
    include_values: tuple[str, ...] = INCLUDABLE
    escapes: bool = False
    outcome: Callable[..., Any] | None = None
    resumes: Callable[..., Any] | None = None
    not_json: str | None = None
    most_bytes: int = 8 * 1024 * 1024


RESPONSES_WIRE: dict[str, Any] = {
    "beta": False,
    "versions": VERSIONS,
    "list_keys": RESPONSE_LIST_KEYS,
    "include_values": RESPONSE_INCLUDABLE,
    "not_json": INVALID_JSON,
    "most_bytes": 64 * 1024 * 1024,
}
"""Common to the rows of responses, conversations and containers (docs/reference/behaviour.md#responses)."""
