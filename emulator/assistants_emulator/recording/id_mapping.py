"""Maps the ids that a client brings along to the recorded ones.

An id that the recording has first in a request came from outside: an assistant of an earlier session, a UUID, the name
of a temporary file. A request with another id of the same kind in its place matches; from then on one stands for the
other, and responses have the client's. Ids that the server made are the same in a replay.
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
    """`same` compares texts and may assume that one id stands for another; `learn` confirms these assumptions, `forget`
    drops them."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._recorded: set[str] = set()  # every id of the cassette
        self._external: set[str] = set()  # those that came from outside
        self._recorded_of: dict[str, str] = {}
        self._client_id_of: dict[str, str] = {}
        self._assumed: dict[str, str] = {}
        for exchange in exchanges:
            in_request = {*_tokens(exchange.request.path), *_tokens_of(exchange.request.body)}
            self._external |= in_request - self._recorded
            self._recorded |= in_request
            if exchange.response is not None:
                self._recorded |= set(_tokens_of(exchange.response.body))

    def __bool__(self) -> bool:
        return bool(self._recorded_of)

    @property
    def assumed(self) -> int:
        return len(self._assumed)

    def same(self, recorded: str, text: str) -> bool:
        """Compare, where one id may stand for another and a scrubbed secret for any text."""
        if recorded == text and not self._recorded_of:
            return True
        ids, client_ids = list(TOKEN.finditer(recorded)), list(TOKEN.finditer(text))
        if not ids or len(ids) != len(client_ids):
            return _equal(recorded, text)
        if not _equal(TOKEN.sub("\0", recorded), TOKEN.sub("\0", text)):
            return False
        return all(
            id.groups() == client_id.groups() and self._same_id(id[0], client_id[0])
            for id, client_id in zip(ids, client_ids, strict=True)
        )

    def learn(self) -> None:
        for client_id, recorded in self._assumed.items():
            self._recorded_of[client_id], self._client_id_of[recorded] = recorded, client_id
        self._assumed.clear()

    def forget(self) -> None:
        self._assumed.clear()

    def with_client_ids(self, body: Body | None) -> Body | None:
        """A recorded response body with the client's ids in place of the recorded ones."""
        if body is None or not self._client_id_of or body.kind in ("file", "form"):
            return body
        if body.kind == "events":
            return Body.events([Event(event.event, self._replaced(event.data), event.at) for event in body.value])
        return Body(body.kind, self._replaced(body.value))

    def _replaced(self, value: Any) -> Any:
        match value:
            case str():
                return TOKEN.sub(lambda match: self._client_id_of.get(match[0], match[0]), value)
            case list():
                return [self._replaced(item) for item in value]
            case dict():
                return {key: self._replaced(item) for key, item in value.items()}
            case _:
                return value

    def _same_id(self, recorded: str, client_id: str) -> bool:
        mapped = self._assumed.get(client_id, self._recorded_of.get(client_id))
        if mapped is not None or recorded == client_id:
            return (mapped or client_id) == recorded
        has_client_id = recorded in self._client_id_of or recorded in self._assumed.values()
        if has_client_id or client_id in self._recorded or recorded not in self._external:
            return False
        self._assumed[client_id] = recorded
        return True


def _equal(recorded: str, text: str) -> bool:
    if recorded == text:
        return True
    if PLACEHOLDER not in recorded:
        return False
    return re.fullmatch(".*".join(map(re.escape, SECRET.split(recorded))), text, re.DOTALL) is not None


def _tokens(text: str) -> Iterable[str]:
    return (match[0] for match in TOKEN.finditer(text))


def _tokens_of(body: Body | None) -> Iterable[str]:
    if body is None or body.kind == "file":
        return ()
    if body.kind == "form":
        return [token for part in body.value for token in _tokens(part.value or part.filename or "")]
    value = [event.data for event in body.value] if body.kind == "events" else body.value
    return _tokens(json.dumps(value, ensure_ascii=False))
