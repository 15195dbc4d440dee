"""Recordings that people have already, in the formats of other tools, read into exchanges.

What a format is like is said in its module; here is how one is told from another, and what becomes of its calls: those
of the Assistants API become exchanges, secrets taken out; all others are listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assistants_emulator.convert.importers import dotnet, har, vcr
from assistants_emulator.convert.importers.bodies import body_of
from assistants_emulator.convert.importers.calls import Headers, RecordedCall, Unreadable
from assistants_emulator.convert.importers.located import ImportFault, Located, Told, read_file
from assistants_emulator.recording.cassette import FORMAT, Cassette
from assistants_emulator.recording.exchange import Body, Exchange, Failure, Request, Response, Stored, recorded_headers
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.web.routing import ROUTES

V1_PATHS = (
    *("/assistants/{assistant_id}/files", "/assistants/{assistant_id}/files/{file_id}"),
    *("/threads/{thread_id}/messages/{message_id}/files", "/threads/{thread_id}/messages/{message_id}/files/{file_id}"),
)
_KINDS = ("assistants", "threads", "files", "uploads", "vector_stores", "models")
_START = re.compile(rf"/(?:{'|'.join(_KINDS)})(?=/|$)")
_BASE = re.compile(r".*/v\d+|.*/openai(/deployments/[^/]+)?(/v\d+)?")
_OWN = ("/assistants", "/threads")  # nobody else has these below another base


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "/?")


_PATTERNS = [_pattern(path) for path in dict.fromkeys((*(route.path for route in ROUTES), *V1_PATHS))]


def api_path(url: str) -> str | None:
    """The path below the base URL with its query, as cassettes have it; None for what is no call of this API."""
    parts = urlsplit(url)
    for start in _START.finditer(parts.path):
        base, path = parts.path[: start.start()], parts.path[start.start() :]
        known = _BASE.fullmatch(base) or start[0] in _OWN
        if known and any(pattern.fullmatch(path) for pattern in _PATTERNS):
            return path + (f"?{parts.query}" if parts.query else "")
    return None


@dataclass(frozen=True, slots=True)
class Format:
    """How a recording of this kind is recognised, and how its calls are read."""

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


def read_recording(path: str | Path, format: str | None = None, told: Told = lambda done, size: None) -> Imported:
    """The recording in that file; EmulatorError in one line, with the place, for one that cannot be read.

    The format is recognised by the content unless it is given, one of NAMES. `told` hears how far the reading is.
    """
    path = Path(path)
    if format == CASSETTE or (format is None and _may_be_journal(path)):
        return Imported(Cassette.load(path).exchanges)
    found = read_file(path, told)
    if format is None and _is_cassette(found.value):
        return Imported(Cassette.load(path).exchanges)
    chosen = _chosen(found, format)
    imported = Imported(format=chosen.name)
    calls = list(chosen.read(found))
    scrubber = _scrubber(calls)
    for call in calls:
        _take(call, scrubber, imported)
    _from_zero(imported.exchanges)
    return imported


def _may_be_journal(path: Path) -> bool:
    """A recording that was cut off before its first cassette was written has only its journal."""
    return not path.exists()


def _chosen(found: Located, name: str | None) -> Format:
    if name is not None:
        if name not in NAMES:
            raise ImportFault(f"{name!r} is no format of recordings; there are {', '.join(NAMES)}")
        chosen = next(format for format in FORMATS if format.name == name)
        if not chosen.recognises(found.value):
            raise found.wrong(f"is no recording of {chosen.title}")
        return chosen
    recognised = next((format for format in FORMATS if format.recognises(found.value)), None)
    if recognised is None:
        titles = ", ".join(format.title for format in FORMATS)
        raise found.wrong(f"is none of the recordings that can be read: a cassette of ours, {titles}")
    return recognised


def _take(call: RecordedCall, scrubber: Scrubber, imported: Imported) -> None:
    path = api_path(call.url)
    shown = f"{call.method} {urlsplit(call.url)._replace(query='', fragment='').geturl()}"
    if path is None or call.method not in ("GET", "POST", "DELETE"):
        imported.left_out.append(f"{shown}: no call of the Assistants API")
        return
    failure = Failure("gave_up", call.problem) if call.status <= 0 else None
    try:
        if call.problem and failure is None:
            raise Unreadable(call.problem)
        body = body_of(call.response_body, call.response_headers)
    except Unreadable as problem:
        imported.left_out.append(f"{shown}: {problem}")
        return
    sent = _sent(call, shown, imported)
    request = Request(call.method, scrubber.path(path), _kept(call.request_headers, scrubber, False), sent)
    response = Response(call.status, _kept(call.response_headers, scrubber, True), body, call.seconds)
    imported.exchanges.append(Exchange(request, None if failure else response, failure, call.when or 0.0))
    for side in (request, response):
        side.body = scrubber.body(side.body)
        for file in side.body.files() if side.body is not None else []:
            _scrub_file(file, scrubber)


def _sent(call: RecordedCall, shown: str, imported: Imported) -> Body | None:
    try:
        return body_of(call.request_body, call.request_headers)
    except Unreadable as problem:
        imported.notes.append(f"{shown}: {problem}")
        return None


def _scrubber(calls: Iterable[RecordedCall]) -> Scrubber:
    """Knows the secrets of all the calls before the first of them is written down."""
    scrubber = Scrubber()
    for call in calls:
        scrubber.learn(_raw(call.request_headers), urlsplit(call.url).query)
        scrubber.learn(_raw(call.response_headers))
    return scrubber


def _scrub_file(file: Stored, scrubber: Scrubber) -> None:
    content = file.read()
    clean, _ = scrubber.raw(content, len(content))
    if clean != content:
        file.content, file.scrubbed = clean, True


def _kept(headers: Headers, scrubber: Scrubber, answer: bool) -> Headers:
    """As a recorder keeps them; the body is unpacked by now."""
    chosen = recorded_headers(_raw(headers), answer=answer)
    chosen.pop("content-encoding", None)
    return scrubber.headers({name: value for name, value in chosen.items() if value})


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _from_zero(exchanges: list[Exchange]) -> None:
    """Times since the first call; one that has none happened with the one before it."""
    first = min((exchange.at for exchange in exchanges if exchange.at), default=0.0)
    last = 0.0
    for exchange in exchanges:
        last = exchange.at = max(0.0, exchange.at - first) if exchange.at else last
