"""One request and what became of it, as cassettes hold it.

    {"at": 0.31, "request": {"method": "POST", "path": "/threads", "headers": {...}, "json": {...}},
     "response": {"status": 200, "seconds": 0.004, "headers": {...}, "json": {...}}}

`path` is below the base URL and has its query. A body is one of `json`, `text`, `events`, `file`, `form`, or missing.
Where upstream failed there is a `failure`; if it failed in the middle of its answer, beside the `response`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from assistants_emulator.errors import EmulatorError
from assistants_emulator.store.blobs import decode_base64, encode_base64

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
            return {**shown, "base64": encode_base64(self.content)}

    @classmethod
    def from_json(cls, shown: dict[str, Any], folder: Path) -> Stored:
        content: bytes | None = None
        if "text" in shown:
            content = shown["text"].encode()
        elif "base64" in shown:
            try:
                content = decode_base64(shown["base64"])
            except ValueError as error:
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


FailureKind = Literal["connect", "timeout", "dropped", "gave_up"]
FAILURES: tuple[FailureKind, ...] = ("connect", "timeout", "dropped", "gave_up")


@dataclass(slots=True)
class Event:
    """One event of a stream: `data` as JSON where it is JSON, else its text; `at` in seconds since the request."""

    event: str | None
    data: Any
    at: float = 0.0


@dataclass(slots=True)
class Part:
    """A part of a multipart form: a text field has a `value`, a file a `filename` and its bytes."""

    name: str
    value: str | None = None
    filename: str | None = None
    content_type: str | None = None
    file: Stored | None = None


@dataclass(slots=True)
class Body:
    """Exactly one of these; JSON's null is `kind == "json"` with value None."""

    kind: Literal["json", "text", "events", "file", "form"]
    value: Any

    @classmethod
    def json(cls, value: Any) -> Body:
        return cls("json", value)

    @classmethod
    def text(cls, text: str) -> Body:
        return cls("text", text)

    @classmethod
    def events(cls, events: list[Event]) -> Body:
        return cls("events", events)

    @classmethod
    def file(cls, stored: Stored) -> Body:
        return cls("file", stored)

    @classmethod
    def form(cls, parts: list[Part]) -> Body:
        return cls("form", parts)

    def files(self) -> list[Stored]:
        if self.kind == "form":
            return [part.file for part in self.value if part.file is not None]
        return [self.value] if self.kind == "file" else []


@dataclass(slots=True)
class Request:
    """`headers` are the few that matter, names in lower case."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Response:
    """`seconds` is how long the head of the answer took."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Failure:
    """`connect`: upstream could not be reached; `timeout`: it did not answer in time; `dropped`: it closed the
    connection; `gave_up`: the client did not wait for the (whole) answer. `seconds` since the request."""

    kind: FailureKind
    message: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Exchange:
    """`at` is in seconds since the recording began."""

    request: Request
    response: Response | None = None
    failure: Failure | None = None
    at: float = 0.0

    def files(self) -> list[Stored]:
        bodies = [self.request.body, self.response.body if self.response is not None else None]
        return [file for body in bodies if body is not None for file in body.files()]

    def as_json(self) -> dict[str, Any]:
        request = self.request
        shown: dict[str, Any] = {"at": _rounded(self.at)}
        shown["request"] = {"method": request.method, "path": request.path, **_rest(request.headers, request.body)}
        if (response := self.response) is not None:
            head = {"status": response.status, "seconds": _rounded(response.seconds)}
            shown["response"] = {**head, **_rest(response.headers, response.body)}
        if (failure := self.failure) is not None:
            seconds = _rounded(failure.seconds)
            shown["failure"] = {"kind": failure.kind, "message": failure.message, "seconds": seconds}
        return shown

    @classmethod
    def from_json(cls, shown: dict[str, Any], folder: Path) -> Exchange:
        """ValueError, KeyError, TypeError or AttributeError for what is no exchange."""
        request = Request(shown["request"]["method"], shown["request"]["path"], *_from_rest(shown["request"], folder))
        response = failure = None
        if (answer := shown.get("response")) is not None:
            response = Response(int(answer["status"]), *_from_rest(answer, folder), float(answer.get("seconds", 0)))
        if (broken := shown.get("failure")) is not None:
            if broken["kind"] not in FAILURES:
                raise ValueError(f"a failure's kind is one of {', '.join(FAILURES)}, not {broken['kind']!r}")
            failure = Failure(broken["kind"], str(broken.get("message", "")), float(broken.get("seconds", 0)))
        if response is None and failure is None:
            raise ValueError("it has neither a response nor a failure")
        return cls(request, response, failure, float(shown.get("at", 0)))


def body_of_text(text: str) -> Body | None:
    """JSON as JSON if it can be written again as it was, text as text, nothing as nothing."""
    if not text:
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # no JSON, NaN, half a surrogate pair
        return Body.text(text)
    return Body.json(value)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _rest(headers: dict[str, str], body: Body | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"headers": dict(sorted(headers.items()))} if headers else {}
    if body is None:
        return shown
    match body.kind:
        case "events":
            shown["events"] = [{"at": _rounded(e.at), "event": e.event, "data": e.data} for e in body.value]
        case "file":
            shown["file"] = body.value.as_json()
        case "form":
            shown["form"] = [_part_as_json(part) for part in body.value]
        case kind:
            shown[kind] = body.value
    return shown


def _from_rest(shown: dict[str, Any], folder: Path) -> tuple[dict[str, str], Body | None]:
    headers = {str(name).lower(): str(value) for name, value in shown.get("headers", {}).items()}
    body: Body | None = None
    if "json" in shown:
        body = Body.json(shown["json"])
    elif "text" in shown:
        body = Body.text(str(shown["text"]))
    elif "events" in shown:
        body = Body.events([Event(e.get("event"), e["data"], float(e.get("at", 0))) for e in shown["events"]])
    elif "file" in shown:
        body = Body.file(Stored.from_json(shown["file"], folder))
    elif "form" in shown:
        body = Body.form([_part_from_json(part, folder) for part in shown["form"]])
    return headers, body


def _part_as_json(part: Part) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": part.name}
    named = {"value": part.value, "filename": part.filename, "content_type": part.content_type}
    shown |= {key: value for key, value in named.items() if value is not None}
    if part.file is not None:
        shown["file"] = part.file.as_json()
    return shown


def _part_from_json(shown: dict[str, Any], folder: Path) -> Part:
    file = Stored.from_json(shown["file"], folder) if "file" in shown else None
    return Part(shown["name"], shown.get("value"), shown.get("filename"), shown.get("content_type"), file)


def _rounded(seconds: float) -> float:
    return round(float(seconds), 4)


Pairs = list[tuple[bytes, bytes]]
# RFC 9110 section 7.6.1: they belong to one connection
HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"),
    *(b"trailer", b"transfer-encoding", b"upgrade"),
}
NOT_ASKED = {b"host", b"expect", b"accept-encoding"}  # said anew for upstream
NOT_ANSWERED = {b"date"}  # our server says its own
KEPT_OF_REQUESTS = {b"openai-beta", b"content-type"}
KEPT_OF_ANSWERS = {
    *(b"content-type", b"content-disposition", b"content-encoding", b"location", b"openai-version"),
    *(b"openai-poll-after-ms", b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id"),
}


def passed_on(headers: Iterable[tuple[bytes, bytes]], *, answer: bool) -> Pairs:
    pairs = [(name.lower(), value) for name, value in headers]
    named = {option.strip().lower() for name, value in pairs if name == b"connection" for option in value.split(b",")}
    left_out = HOP_BY_HOP | named | (NOT_ANSWERED if answer else NOT_ASKED)
    return [(name, value) for name, value in pairs if name not in left_out]


def kept(headers: Iterable[tuple[bytes, bytes]], *, answer: bool) -> dict[str, str]:
    """Without a form's boundary, which is another each time."""
    wanted = KEPT_OF_ANSWERS if answer else KEPT_OF_REQUESTS
    found = {n.lower().decode("latin-1"): v.decode("latin-1") for n, v in headers if n.lower() in wanted}
    if found.get("content-type", "").lower().startswith("multipart/"):
        found["content-type"] = found["content-type"].partition(";")[0]
    return found
