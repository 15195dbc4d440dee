"""The replies of a responder, the same in Python and in script files, and the parts that they consist of.

Every reply checks itself when it is created and raises ScriptError in one line, so a mistake shows where it was
written. Lists are accepted and stored as tuples: a reply never changes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from assistants_emulator.errors import ScriptError, well_formed
from assistants_emulator.responders.validation import (
    BYTES,
    COUNT,
    FLAG,
    LIST,
    NAME,
    NUMBER,
    PATH,
    POSITIVE,
    SECONDS,
    TEXT,
    FieldError,
    Kind,
    check,
    display,
    list_of,
    one_of,
)

FOUND = re.compile(r"found\[(\d{1,9})\]")
Part = TypeVar("Part", "Citation", "SearchResult")


class Hit(Protocol):
    """A result of `turn.search`: it can be cited, and be a result of a FileSearch."""

    @property
    def file_id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation of a text: `file` is a file id or file name, `quote` a passage of the file.

    The file `found[0]` is that of the first result of the run's last file search; its passage is the quote, if none is
    given.
    """

    file: str
    quote: str | None = None

    def __post_init__(self) -> None:
        check(self, file=NAME, quote=TEXT.or_none())
        if self.quote is None and self.found is None:
            raise FieldError("Citation", "quote", "is missing; only a file `found[0]` brings its own")

    @property
    def found(self) -> int | None:
        """The index of the search result that it names; None for a file's id or name."""
        match = FOUND.fullmatch(self.file)
        return None if match is None else int(match[1])


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A result of a FileSearch: `file` is a file id or file name, `score` from 0 to 1."""

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
        path = self.path  # as it is: a file's name need not be well formed
        check(self, path=PATH.or_none(), content=BYTES.or_none(), filename=NAME.or_none(), file_id=NAME.or_none())
        sources = {"path": self.path, "content": self.content, "file_id": self.file_id}
        present = [name for name, value in sources.items() if value is not None]
        if len(present) != 1:
            names = " and ".join(present) or "none of them"
            raise ScriptError(f"Image takes exactly one of path, content and file_id, and has {names}")
        if path is not None:
            object.__setattr__(self, "content", _read(Path(path)))
            object.__setattr__(self, "filename", self.filename or well_formed(Path(path).name))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        problem = f"must be a file that can be read, not '{path}': {reason}"
        raise FieldError("Image", "path", problem) from None


def citation(item: object) -> Citation:
    """A Citation from one, from {file, quote} or from a result of `turn.search`."""
    if not isinstance(item, Mapping) and hasattr(item, "file_id") and hasattr(item, "text"):
        return Citation(item.file_id, item.text)
    if isinstance(item, Mapping) and set(item) == {"file"} and FOUND.fullmatch(str(item["file"])):
        return Citation(item["file"])
    return _part(Citation, item, ("file", "quote"), "Text", "citations")


def search_result(item: object) -> SearchResult:
    """A SearchResult from one, from {file, score, text} or from a result of `turn.search`."""
    if not isinstance(item, Mapping) and hasattr(item, "file_id") and hasattr(item, "score"):
        return SearchResult(item.file_id, item.score, getattr(item, "text", ""))
    return _part(SearchResult, item, ("file", "score", "text"), "FileSearch", "results")


def _part(part_type: type[Part], item: object, fields: Sequence[str], owner: str, name: str) -> Part:
    if isinstance(item, part_type):
        return item
    if not isinstance(item, Mapping) or set(item) != set(fields):
        raise FieldError(owner, name, f"must hold objects {{{', '.join(fields)}}}, not {display(item)}")
    return part_type(**item)


FAIL_CODES = ("server_error", "rate_limit_exceeded", "invalid_prompt")
INCOMPLETE_REASONS = ("max_completion_tokens", "max_prompt_tokens", "content_filter")
_IMAGES = list_of(Kind("an Image", lambda value: isinstance(value, Image)))
_ARGUMENTS = Kind("an object or a JSON string", lambda value: isinstance(value, Mapping | str))


@dataclass(frozen=True, slots=True)
class Text:
    """A message. `chunks` are the pieces of a stream, which join to `value`; a citation is a Citation, {file, quote} or
    a result of `turn.search`. With `then` the message is left unfinished: the run ends so in the middle of it."""

    value: str
    citations: tuple[Citation, ...] = ()
    chunks: tuple[str, ...] | None = None
    then: Ending | None = None

    if TYPE_CHECKING:  # accepts more kinds of values than the attributes hold

        def __init__(
            self,
            value: str,
            citations: Sequence[Citation | Mapping[str, str] | Hit] = (),
            chunks: Sequence[str] | None = None,
            then: Ending | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        check(self, value=TEXT, citations=LIST, chunks=list_of(TEXT).or_none(), then=_ENDING.or_none())
        _freeze(self, "citations", map(citation, self.citations))
        if self.chunks is not None:
            _freeze(self, "chunks", map(well_formed, self.chunks))
            if "".join(self.chunks) != self.value:
                joined = display("".join(self.chunks))
                raise FieldError("Text", "chunks", f"must join to the value {display(self.value)}, not to {joined}")


def Json(value: object, chunks: Sequence[str] | None = None) -> Text:
    """A message whose text is the value as JSON, for a `response_format`; ScriptError for a value that has none."""
    try:
        return Text(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False), chunks=chunks)
    except (TypeError, ValueError) as error:
        raise FieldError("Json", "value", f"must be a value that JSON has: {error}") from None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text that is still being produced, streamed at once. Successive chunks are one message, which ends
    with the next reply of another kind; an exception in between leaves it incomplete."""

    value: str

    def __post_init__(self) -> None:
        check(self, value=TEXT)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message whose only content is a refusal."""

    value: str

    def __post_init__(self) -> None:
        check(self, value=TEXT)


@dataclass(frozen=True, slots=True)
class CodeInterpreter:
    """A code interpreter call: `input` is the code; `logs`, `images` and `files` are its results.

    With `execute` the code is really run, if the emulator allows that, and `(logs,) = yield ...` returns its output.
    """

    input: str
    logs: str | None = None
    images: Sequence[Image] = ()
    files: Sequence[Image] = ()
    execute: bool = False

    def __post_init__(self) -> None:
        check(self, input=TEXT, logs=TEXT.or_none(), images=_IMAGES, files=_IMAGES, execute=FLAG)
        _freeze(self, "images", self.images)
        _freeze(self, "files", self.files)


@dataclass(frozen=True, slots=True)
class FileSearch:
    """A file search call. Without `results` the real search is made, without a `query` for the last user message."""

    query: str | None = None
    max_num_results: int | None = None
    results: tuple[SearchResult, ...] | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            query: str | None = None,
            max_num_results: int | None = None,
            results: Sequence[SearchResult | Mapping[str, object] | Hit] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        check(self, query=TEXT.or_none(), max_num_results=POSITIVE.or_none(), results=LIST.or_none())
        if self.results is not None:
            _freeze(self, "results", map(search_result, self.results))


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of one of the user's functions: the run requires action until its output is submitted.

    `arguments` is an object, or a JSON string that is used unchanged (even if it is no JSON: models produce that too).
    Without an `id` one is generated. With `then` the run ends so instead: while the call is written, or, unless its
    output comes before that, `after` so many seconds of the project's clock. One of parallel calls has it for all.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None
    then: Fail | Expire | Cancel | None = None
    after: float | None = None

    def __post_init__(self) -> None:
        check(self, name=NAME, arguments=_ARGUMENTS, id=NAME.or_none())
        check(self, then=_ENDING_OF_CALLS.or_none(), after=SECONDS.or_none())
        if self.after is not None and self.then is None:
            raise FieldError("FunctionCall", "after", "belongs to `then`, which says how the run ends")
        try:
            self.arguments_json()
        except (TypeError, ValueError, RecursionError) as error:
            raise FieldError("FunctionCall", "arguments", f"must hold JSON values only: {error}") from None

    def arguments_json(self) -> str:
        """The arguments as the run step shows them: `{"city":"Oslo"}`."""
        if isinstance(self.arguments, str):
            return self.arguments
        text = json.dumps(dict(self.arguments), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return well_formed(text)


@dataclass(frozen=True, slots=True)
class Wait:
    """Keep the run in progress for that many seconds of the project's clock."""

    seconds: float

    def __post_init__(self) -> None:
        check(self, seconds=SECONDS)


@dataclass(frozen=True, slots=True)
class Pause:
    """Keep the run in progress until it is resumed."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Fail the run with this `last_error`."""

    code: str = "server_error"
    message: str = "Sorry, something went wrong."

    def __post_init__(self) -> None:
        check(self, code=one_of(FAIL_CODES), message=TEXT)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """End the run as incomplete for this reason."""

    reason: str = "max_completion_tokens"

    def __post_init__(self) -> None:
        check(self, reason=one_of(INCOMPLETE_REASONS))


@dataclass(frozen=True, slots=True)
class Expire:
    """Expire the run now."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the run now, as a client would."""


@dataclass(frozen=True, slots=True)
class StepEnd:
    """End the message or tool call before it now, and not when the next reply is known. No reply of user code."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of the step before, instead of the estimate."""

    prompt_tokens: int
    completion_tokens: int

    def __post_init__(self) -> None:
        check(self, prompt_tokens=COUNT, completion_tokens=COUNT)


Ending: TypeAlias = Fail | Incomplete | Expire | Cancel
"""A reply that ends the run."""
_ENDING = Kind("Fail, Incomplete, Expire or Cancel", lambda value: isinstance(value, Ending))
_ENDING_OF_CALLS = Kind("Fail, Expire or Cancel", lambda value: isinstance(value, Fail | Expire | Cancel))

_Content: TypeAlias = Text | Chunk | Refusal | Image | CodeInterpreter | FileSearch | FunctionCall
Reply: TypeAlias = _Content | Wait | Pause | Ending | Usage
Step: TypeAlias = Reply | list[FunctionCall] | StepEnd
"""One step of a responder: a reply, or function calls that are made in parallel."""
Replies: TypeAlias = Generator[Reply | str | Sequence[FunctionCall], list[str], Any]
"""The type of a generator function that `respond` takes. A `yield` of function calls, or of executed code, returns the
outputs in order; any other `yield` returns None."""
_EXPECTED = "expected text, a reply such as Text(...), or a list of FunctionCall for parallel calls"


def ending_of(calls: Sequence[FunctionCall]) -> tuple[Fail | Expire | Cancel | None, float | None]:
    """`then` and `after` of the call that has them."""
    return next(((call.then, call.after) for call in calls if call.then is not None), (None, None))


def as_reply(value: object, responder: str = "a responder") -> Step:
    """One step from text, a reply, or a list of function calls, which are parallel; ScriptError for anything else."""
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, Reply):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(call, FunctionCall) for call in value):
        if sum(call.then is not None for call in value) > 1:
            raise ScriptError(
                f"{responder} ends the run by `then` of several parallel calls; one of them has it for all"
            )
        return list(value)
    raise ScriptError(f"{responder} cannot say {display(value)}; {_EXPECTED}")


def as_replies(value: object, responder: str = "a responder") -> list[Step]:
    """The steps from a responder's return value or `respond`'s argument: a list holds one run's steps, in order."""
    if value is None:
        raise ScriptError(f"{responder} returned nothing; {_EXPECTED}, or a list of these")
    if not isinstance(value, list | tuple):
        return [as_reply(value, responder)]
    if not value:
        raise ScriptError(f"{responder} gave an empty list; {_EXPECTED}, or a list of these")
    return [as_reply(item, responder) for item in value]


def _freeze(owner: object, name: str, values: Iterable[object]) -> None:
    object.__setattr__(owner, name, tuple(values))
