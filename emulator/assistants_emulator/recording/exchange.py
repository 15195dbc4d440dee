"""One request and its outcome, as cassettes hold them, and the headers that are forwarded and recorded.

    {"at": 0.31, "request": {"method": "POST", "path": "/threads", "headers": {...}, "json": {...}},
     "response": {"status": 200, "seconds": 0.004, "headers": {...}, "json": {...}}}

`path` is below the base URL and has its query. A body is one of `json`, `text`, `events`, `file`, `form`, or missing.
Where upstream failed there is a `failure`; if it failed in the middle of its response, there are both.
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

MOST_INLINE = 4 * 1024  # bytes of a file that stand in the cassette itself
CHUNK = 256 * 1024

FailureKind = Literal["connect", "timeout", "dropped", "gave_up"]
FAILURES: tuple[FailureKind, ...] = ("connect", "timeout", "dropped", "gave_up")


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
        data: dict[str, Any] = {"at": _rounded(self.at)}
        message = _message_as_json(request.headers, request.body)
        data["request"] = {"method": request.method, "path": request.path, **message}
        if (response := self.response) is not None:
            head = {"status": response.status, "seconds": _rounded(response.seconds)}
            data["response"] = {**head, **_message_as_json(response.headers, response.body)}
        if (failure := self.failure) is not None:
            seconds = _rounded(failure.seconds)
            data["failure"] = {"kind": failure.kind, "message": failure.message, "seconds": seconds}
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: Path) -> Exchange:
        """`folder` has the large files. ValueError, KeyError, TypeError or AttributeError for what is no exchange."""
        message = _message_from_json(data["request"], folder)
        request = Request(data["request"]["method"], data["request"]["path"], *message)
        response = failure = None
        if (head := data.get("response")) is not None:
            response = Response(int(head["status"]), *_message_from_json(head, folder), float(head.get("seconds", 0)))
        if (outcome := data.get("failure")) is not None:
            if outcome["kind"] not in FAILURES:
                raise ValueError(f"a failure's kind is one of {', '.join(FAILURES)}, not {outcome['kind']!r}")
            failure = Failure(outcome["kind"], str(outcome.get("message", "")), float(outcome.get("seconds", 0)))
        if response is None and failure is None:
            raise ValueError("it has neither a response nor a failure")
        return cls(request, response, failure, float(data.get("at", 0)))


@dataclass(slots=True)
class Request:
    """`headers` are those of RECORDED_REQUEST_HEADERS, names in lower case."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(slots=True)
class Response:
    """`seconds` from the request to the status line; `headers` are those of RECORDED_RESPONSE_HEADERS."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Failure:
    """`connect`: upstream could not be reached; `timeout`: it did not answer in time; `dropped`: it closed the
    connection; `gave_up`: the client did not wait for the (whole) response. `seconds` since the request."""

    kind: FailureKind
    message: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class Body:
    """`value` by `kind`: any JSON (null is None), a string, a list of Event, a Stored, a list of Part."""

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


def body_of_text(text: str) -> Body | None:
    """JSON if it can be written again as it was, else the text; None for an empty one."""
    if not text:
        return None
    try:
        value = json.loads(text, parse_constant=_reject_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # no JSON, NaN, half a surrogate pair
        return Body.text(text)
    return Body.json(value)


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


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
class Stored:
    """A file's bytes: `content`, or those in the file `path`. `sha256` and `size` are of the bytes that went over the
    wire; `scrubbed` says that a secret was cut from those that are stored. One that `is_inline` stands in the cassette
    itself, whatever its size."""

    sha256: str
    size: int
    content: bytes | None = None
    path: Path | None = None
    scrubbed: bool = False
    is_inline: bool = False

    @classmethod
    def of(cls, content: bytes) -> Stored:
        return cls(hashlib.sha256(content).hexdigest(), len(content), content)

    def chunks(self) -> Iterator[bytes]:
        """EmulatorError if the file of a large one is gone."""
        if self.content is not None:
            yield self.content
            return
        try:
            with open(self._path(), "rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise self._unreadable(error) from None

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def stored_size(self) -> int:
        """The number of bytes in `chunks`; with `scrubbed` another than `size`. EmulatorError as there."""
        if self.content is not None:
            return len(self.content)
        try:
            return self._path().stat().st_size
        except OSError as error:
            raise self._unreadable(error) from None

    def as_json(self) -> dict[str, Any]:
        """Text as text, so that a diff shows it; above 4 kB the digest alone, which names the file in the folder."""
        data: dict[str, Any] = {"sha256": self.sha256, "size": self.size}
        if self.scrubbed:
            data["scrubbed"] = True
        if self.content is None or (len(self.content) > MOST_INLINE and not self.is_inline):
            return data
        try:
            return {**data, "text": self.content.decode()}
        except UnicodeDecodeError:
            return {**data, "base64": encode_base64(self.content)}

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: Path) -> Stored:
        content: bytes | None = None
        if "text" in data:
            content = data["text"].encode()
        elif "base64" in data:
            try:
                content = decode_base64(data["base64"])
            except ValueError as error:
                raise ValueError(f"base64: {error}") from None
        sha256 = data["sha256"]
        if not (isinstance(sha256, str) and sha256.isalnum()):  # it becomes a file name
            raise ValueError(f"sha256 is {sha256!r}")
        path = folder / sha256 if content is None else None
        return cls(sha256, int(data["size"]), content, path, bool(data.get("scrubbed", False)))

    def _path(self) -> Path:
        assert self.path is not None
        return self.path

    def _unreadable(self, error: OSError) -> EmulatorError:
        return EmulatorError(f"{self._path()}, which holds bytes of the cassette: {error.strerror}")


def _message_as_json(headers: dict[str, str], body: Body | None) -> dict[str, Any]:
    data: dict[str, Any] = {"headers": dict(sorted(headers.items()))} if headers else {}
    if body is None:
        return data
    match body.kind:
        case "events":
            data["events"] = [{"at": _rounded(e.at), "event": e.event, "data": e.data} for e in body.value]
        case "file":
            data["file"] = body.value.as_json()
        case "form":
            data["form"] = [_part_as_json(part) for part in body.value]
        case "json" | "text":
            data[body.kind] = body.value
    return data


def _message_from_json(data: dict[str, Any], folder: Path) -> tuple[dict[str, str], Body | None]:
    headers = {str(name).lower(): str(value) for name, value in data.get("headers", {}).items()}
    body: Body | None = None
    if "json" in data:
        body = Body.json(data["json"])
    elif "text" in data:
        body = Body.text(str(data["text"]))
    elif "events" in data:
        body = Body.events([Event(e.get("event"), e["data"], float(e.get("at", 0))) for e in data["events"]])
    elif "file" in data:
        body = Body.file(Stored.from_json(data["file"], folder))
    elif "form" in data:
        body = Body.form([_part_from_json(part, folder) for part in data["form"]])
    return headers, body


def _part_as_json(part: Part) -> dict[str, Any]:
    data: dict[str, Any] = {"name": part.name}
    optional = {"value": part.value, "filename": part.filename, "content_type": part.content_type}
    data |= {key: value for key, value in optional.items() if value is not None}
    if part.file is not None:
        data["file"] = part.file.as_json()
    return data


def _part_from_json(data: dict[str, Any], folder: Path) -> Part:
    file = Stored.from_json(data["file"], folder) if "file" in data else None
    return Part(data["name"], data.get("value"), data.get("filename"), data.get("content_type"), file)


def _rounded(seconds: float) -> float:
    return round(float(seconds), 4)


Pairs = list[tuple[bytes, bytes]]
# RFC 9110 section 7.6.1: they belong to one connection
HOP_BY_HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"),
    *(b"trailer", b"transfer-encoding", b"upgrade"),
}
REPLACED_REQUEST_HEADERS = {b"host", b"expect", b"accept-encoding"}  # the recorder has its own for upstream
# They are between a browser and this server. What begins with `sec-fetch-` is left out too.
BROWSER_HEADERS = {b"cookie", b"origin", b"referer"}
REPLACED_RESPONSE_HEADERS = {b"date"}  # our server adds its own
RECORDED_REQUEST_HEADERS = {b"openai-beta", b"content-type"}
RECORDED_RESPONSE_HEADERS = {
    *(b"content-type", b"content-disposition", b"content-encoding", b"location", b"openai-version"),
    *(b"openai-poll-after-ms", b"retry-after", b"retry-after-ms", b"x-should-retry", b"x-request-id"),
}


def forwarded_headers(headers: Iterable[tuple[bytes, bytes]], *, answer: bool) -> Pairs:
    """Those that a proxy passes on, names in lower case."""
    pairs = [(name.lower(), value) for name, value in headers]
    options = {option.strip().lower() for name, value in pairs if name == b"connection" for option in value.split(b",")}
    left_out = (
        HOP_BY_HOP | options | (REPLACED_RESPONSE_HEADERS if answer else REPLACED_REQUEST_HEADERS | BROWSER_HEADERS)
    )
    return [(name, value) for name, value in pairs if name not in left_out and not name.startswith(b"sec-fetch-")]


def recorded_headers(headers: Iterable[tuple[bytes, bytes]], *, answer: bool) -> dict[str, str]:
    """Those that a cassette has; a form's type without its boundary, which is another each time."""
    names = RECORDED_RESPONSE_HEADERS if answer else RECORDED_REQUEST_HEADERS
    recorded = {n.lower().decode("latin-1"): v.decode("latin-1") for n, v in headers if n.lower() in names}
    if recorded.get("content-type", "").lower().startswith("multipart/"):
        recorded["content-type"] = recorded["content-type"].partition(";")[0]
    return recorded
