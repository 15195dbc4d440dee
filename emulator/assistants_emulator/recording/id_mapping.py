"""Ids that a client brings along differ from those it brought when it was recorded; the ones it was told do not.

An id that was first seen in a recorded request came from outside: an assistant made long ago, a session's UUID, the
name of a temporary file. Asked with another of the same kind in its place, we learn which stands for which, and answer
with the client's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from assistants_emulator.object_kinds import KINDS
from assistants_emulator.recording.exchange import Body, Event, Exchange
from assistants_emulator.recording.scrub import PLACEHOLDER

_PREFIXES = dict.fromkeys(kind.prefix.rstrip("_-") for kind in KINDS)
TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    rf"(?P<kind>{'|'.join(_PREFIXES)})[_-](?:(?=[A-Za-z0-9_]*\d)[A-Za-z0-9_]+|[A-Za-z]{{16,}})"
    r"|[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-f]{32}"
    r"|(?P<temporary>tmp)[a-z0-9_]{8}"
    r")(?![A-Za-z0-9_-])"
)
SECRET = re.compile(rf"(?:sk-|org-|proj_)?{PLACEHOLDER}")


class IdMapping:
    """`same` compares as far as ids go; what it had to assume is kept by `learn`, or forgotten by `forget`."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._known: set[str] = set()  # every id of the cassette
        self._brought: set[str] = set()  # those that came from outside
        self._recorded_of: dict[str, str] = {}
        self._asked_of: dict[str, str] = {}
        self._assumed: dict[str, str] = {}
        for exchange in exchanges:
            asked = {*_tokens(exchange.request.path), *_tokens_of(exchange.request.body)}
            self._brought |= asked - self._known
            self._known |= asked
            if exchange.response is not None:
                self._known |= set(_tokens_of(exchange.response.body))

    def __bool__(self) -> bool:
        return bool(self._recorded_of)

    @property
    def assumed(self) -> int:
        return len(self._assumed)

    def same(self, recorded: str, asked: str) -> bool:
        """Whether the texts are equal, where one id may stand for another and a scrubbed text for any."""
        if recorded == asked and not self._recorded_of:
            return True
        ours, theirs = list(TOKEN.finditer(recorded)), list(TOKEN.finditer(asked))
        if not ours or len(ours) != len(theirs):
            return _equal(recorded, asked)
        if not _equal(TOKEN.sub("\0", recorded), TOKEN.sub("\0", asked)):
            return False
        return all(
            mine.groups() == other.groups() and self._same_id(mine[0], other[0])
            for mine, other in zip(ours, theirs, strict=True)
        )

    def learn(self) -> None:
        for asked, recorded in self._assumed.items():
            self._recorded_of[asked], self._asked_of[recorded] = recorded, asked
        self._assumed.clear()

    def forget(self) -> None:
        self._assumed.clear()

    def told(self, body: Body | None) -> Body | None:
        """A recorded answer with the client's ids in place of their counterparts."""
        if body is None or not self._asked_of or body.kind in ("file", "form"):
            return body
        if body.kind == "events":
            return Body.events([Event(event.event, self._told(event.data), event.at) for event in body.value])
        return Body(body.kind, self._told(body.value))

    def _told(self, value: Any) -> Any:
        match value:
            case str():
                return TOKEN.sub(lambda found: self._asked_of.get(found[0], found[0]), value)
            case list():
                return [self._told(item) for item in value]
            case dict():
                return {key: self._told(item) for key, item in value.items()}
            case _:
                return value

    def _same_id(self, recorded: str, asked: str) -> bool:
        learned = self._assumed.get(asked, self._recorded_of.get(asked))
        if learned is not None or recorded == asked:
            return (learned or asked) == recorded
        taken = recorded in self._asked_of or recorded in self._assumed.values()
        if taken or asked in self._known or recorded not in self._brought:
            return False
        self._assumed[asked] = recorded
        return True


def _equal(recorded: str, asked: str) -> bool:
    if recorded == asked:
        return True
    if PLACEHOLDER not in recorded:
        return False
    return re.fullmatch(".*".join(map(re.escape, SECRET.split(recorded))), asked, re.DOTALL) is not None


def _tokens(text: str) -> Iterable[str]:
    return (found[0] for found in TOKEN.finditer(text))


def _tokens_of(body: Body | None) -> Iterable[str]:
    if body is None or body.kind == "file":
        return ()
    if body.kind == "form":
        return [token for part in body.value for token in _tokens(part.value or part.filename or "")]
    value = [event.data for event in body.value] if body.kind == "events" else body.value
    return _tokens(json.dumps(value, ensure_ascii=False))
