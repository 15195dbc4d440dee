"""Recordings of other tools, read into exchanges.

Each format has a module. Here a recording's format is recognised, and its calls of the Assistants API, whichever server
answered them, become exchanges without secrets; all others are listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from assistants_emulator.convert.importers import dotnet, har, vcr
from assistants_emulator.convert.importers.bodies import body_of
from assistants_emulator.convert.importers.calls import Headers, RecordedCall, Unreadable
from assistants_emulator.convert.importers.parsing import ImportFault, Progress, read_file
from assistants_emulator.recording.cassette import FORMAT, Cassette
from assistants_emulator.recording.exchange import Body, Exchange, Failure, Request, Response, Stored, recorded_headers
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.responders.scripts.located import Located
from assistants_emulator.web.routing import ROUTES

V1_PATHS = (
    *("/assistants/{assistant_id}/files", "/assistants/{assistant_id}/files/{file_id}"),
    *("/threads/{thread_id}/messages/{message_id}/files", "/threads/{thread_id}/messages/{message_id}/files/{file_id}"),
)
_KINDS = (
    *("assistants", "threads", "files", "uploads", "vector_stores", "models"),
    *("responses", "conversations", "containers"),
)
_START = re.compile(rf"/(?:{'|'.join(_KINDS)})(?=/|$)")
_BASE = re.compile(r".*/v\d+|.*/openai(/deployments/[^/]+)?(/v\d+)?")
_UNIQUE = ("/assistants", "/threads")  # no other API has these, so they may be below any base


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?")


_PATTERNS = [_pattern(path) for path in dict.fromkeys((*(route.path for route in ROUTES), *V1_PATHS))]


def _split(url: str) -> SplitResult:
    """The parts of a URL; none for what is no URL, which is no call of the API then."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def api_path(url: str) -> str | None:
    """The path below the base URL, with its query, as cassettes have it; None for a URL of another API."""
    parts = _split(url)
    for start in _START.finditer(parts.path):
        base, path = parts.path[: start.start()], parts.path[start.start() :]
        is_base = _BASE.fullmatch(base) or start[0] in _UNIQUE
        if is_base and any(pattern.fullmatch(path) for pattern in _PATTERNS):
            return path + (f"?{parts.query}" if parts.query else "")
    return None


@dataclass(frozen=True, slots=True)
class Format:
    """`recognises` the content of a recording's file; `read` yields its calls. `title` is for messages."""

    name: str
    title: str
    recognises: Callable[[Any], bool]
    read: Callable[[Located], Iterator[RecordedCall]]


def _is_cassette(data: Any) -> bool:
    return isinstance(data, dict) and data.get("format") == FORMAT


CASSETTE = "cassette"
FORMATS = (
    Format("vcrpy", "VCR.py", vcr.is_vcrpy, vcr.read_vcrpy),
    Format("vcr-ruby", "VCR (Ruby)", vcr.is_ruby, vcr.read_ruby),
    Format("har", "HAR", har.is_har, har.read_har),
    Format("session-records", "session records", dotnet.is_session_record, dotnet.read_session_record),
)
NAMES = (CASSETTE, *(format.name for format in FORMATS))


@dataclass(slots=True)
class Imported:
    """`left_out` lists the calls that are not among the exchanges, and `notes` what is missing in those that are."""

    exchanges: list[Exchange] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    format: str = CASSETTE


def read_recording(path: str | Path, format: str | None = None, progress: Progress | None = None) -> Imported:
    """The recording in that file; EmulatorError in one line, with the place, for one that cannot be read.

    The format is recognised by the content unless it is given, one of NAMES.
    """
    path = Path(path)
    if format == CASSETTE or (format is None and _may_have_a_journal(path)):
        return Imported(Cassette.load(path).exchanges)
    content = read_file(path, progress)
    if format is None and _is_cassette(content.value):
        return Imported(Cassette.load(path).exchanges)
    recording_format = _choose(content, format)
    imported = Imported(format=recording_format.name)
    calls = list(recording_format.read(content))
    scrubber = _scrubber(calls)
    for call in calls:
        _add(call, scrubber, imported)
    _from_zero(imported.exchanges)
    return imported


def _may_have_a_journal(path: Path) -> bool:
    """A recording that was killed before its cassette was first written has only its journal."""
    return not path.exists()


def _choose(content: Located, name: str | None) -> Format:
    if name is not None:
        if name not in NAMES:
            raise ImportFault(f"{name!r} is no format of recordings; there are {', '.join(NAMES)}")
        recording_format = next(format for format in FORMATS if format.name == name)
        if not recording_format.recognises(content.value):
            raise content.wrong(f"is no recording of {recording_format.title}")
        return recording_format
    recognised = next((format for format in FORMATS if format.recognises(content.value)), None)
    if recognised is None:
        titles = ", ".join(format.title for format in FORMATS)
        raise content.wrong(f"is none of the recordings that can be read: a cassette of ours, {titles}")
    return recognised


def _add(call: RecordedCall, scrubber: Scrubber, imported: Imported) -> None:
    path = api_path(call.url)
    label = f"{call.method} {_split(call.url)._replace(query='', fragment='').geturl() or call.url}"
    if path is None or call.method not in ("GET", "POST", "DELETE"):
        imported.left_out.append(f"{label}: no call of the Assistants API")
        return
    failure = Failure("gave_up", call.problem) if call.status <= 0 else None
    try:
        if call.problem and failure is None:
            raise Unreadable(call.problem)
        body = body_of(call.response_body, call.response_headers)
    except Unreadable as problem:
        imported.left_out.append(f"{label}: {problem}")
        return
    sent_body = _request_body(call, label, imported)
    request = Request(
        call.method, scrubber.path(path), _headers(call.request_headers, scrubber, answer=False), sent_body
    )
    response = Response(call.status, _headers(call.response_headers, scrubber, answer=True), body, call.seconds)
    imported.exchanges.append(Exchange(request, None if failure else response, failure, call.when or 0.0))
    for message in (request, response):
        message.body = scrubber.body(message.body)
        for file in message.body.files() if message.body is not None else []:
            _scrub_file(file, scrubber)


def _request_body(call: RecordedCall, label: str, imported: Imported) -> Body | None:
    try:
        return body_of(call.request_body, call.request_headers)
    except Unreadable as problem:
        imported.notes.append(f"{label}: {problem}")
        return None


def _scrubber(calls: Iterable[RecordedCall]) -> Scrubber:
    """A scrubber that knows the secrets of all the calls."""
    scrubber = Scrubber()
    for call in calls:
        scrubber.learn(_raw(call.request_headers), _split(call.url).query)
        scrubber.learn(_raw(call.response_headers))
    return scrubber


def _scrub_file(file: Stored, scrubber: Scrubber) -> None:
    content = file.read()
    clean, _ = scrubber.raw(content, len(content))
    if clean != content:
        file.content, file.scrubbed = clean, True


def _headers(headers: Headers, scrubber: Scrubber, *, answer: bool) -> Headers:
    """Those that a recorder records, without the encoding, which is undone by now."""
    recorded = recorded_headers(_raw(headers), answer=answer)
    recorded.pop("content-encoding", None)
    return scrubber.headers({name: value for name, value in recorded.items() if value})


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _from_zero(exchanges: list[Exchange]) -> None:
    """Make times relative to the first call; a call without one gets that of the call before it."""
    first = min((exchange.at for exchange in exchanges if exchange.at), default=0.0)
    last = 0.0
    for exchange in exchanges:
        last = exchange.at = max(0.0, exchange.at - first) if exchange.at else last
