"""Which recorded exchange answers a request.

Whoever asks for the same again gets the next state that was recorded, and in the end the last one again and again. What
was recorded later than what was asked for already is skipped to: a client that polls less often misses states, as with
the service. No state is shown that came of a write which has not been asked for yet, so polling more often is safe too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from assistants_emulator.recording.exchange import Exchange, Request
from assistants_emulator.recording.id_mapping import TOKEN, IdMapping
from assistants_emulator.recording.matchers import DEFAULT, Matcher, method, path

MOST_REPEATS = 50  # a poll that stands still this long waits for what was recorded behind a write of somebody else's
READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class NoMatch:
    """`nearest` is what came nearest, if anything was recorded; `difference` says what differs."""

    request: Request
    nearest: Exchange | None
    number: int
    difference: str

    def __str__(self) -> str:
        if self.nearest is None:
            return f"No recorded request matches {self.request}: the cassette is empty."
        return (
            f"No recorded request matches {self.request}. The nearest is exchange {self.number}, "
            f"{self.nearest.request}: {'; '.join(self.difference.splitlines())}"
        )


class Replay:
    """The recorded session as far as it was replayed. Plain functions, no I/O."""

    def __init__(self, exchanges: Sequence[Exchange], matchers: Sequence[Matcher] = DEFAULT) -> None:
        self.exchanges = list(exchanges)
        self.ids = IdMapping(self.exchanges)
        self._matchers = tuple(matchers)
        self._used: set[int] = set()
        self._asked: set[tuple[str, str]] = set()
        self._reached: dict[str, int] = defaultdict(int)  # by object: the exchange after the last one replayed
        self._repeats: dict[int, int] = defaultdict(int)
        self._matched: dict[str, list[int]] = {}  # polls ask the same again and again
        self._by_shape: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._writes: dict[str, list[int]] = defaultdict(list)
        self._scopes = [_scope(exchange.request.path) for exchange in self.exchanges]
        for number, exchange in enumerate(self.exchanges):
            self._by_shape[self._shape(exchange.request)].append(number)
            if exchange.request.method not in READS:
                self._writes[self._scopes[number]].append(number)

    def find(self, request: Request) -> Exchange | NoMatch:
        matching = self._matching(request)
        number = self._read(matching) if request.method in READS else self._write(matching)
        if number is None:
            return self._nearest(request)
        self._differences(number, request)  # again, for the ids that it has to assume
        self.ids.learn()
        self._used.add(number)
        recorded = self.exchanges[number]
        self._asked.add((recorded.request.method, recorded.request.path))
        scope = self._scopes[number]
        self._reached[scope] = max(self._reached[scope], number)
        return recorded

    def leftovers(self) -> list[Exchange]:
        """Never asked for; states that polls skipped do not count."""
        return [
            exchange
            for number, exchange in enumerate(self.exchanges)
            if number not in self._used
            and (
                exchange.request.method not in READS
                or (exchange.request.method, exchange.request.path) not in self._asked
            )
        ]

    def _matching(self, request: Request) -> list[int]:
        """Those whose ids are the same before those whose ids would have to be learned."""
        key = repr(request)
        if (known := self._matched.get(key)) is not None:
            return known
        exact: list[int] = []
        assuming: list[int] = []
        for number in self._by_shape.get(self._shape(request), ()):
            if not self._differences(number, request):
                (assuming if self.ids.assumed else exact).append(number)
        self.ids.forget()
        if exact:
            self._matched[key] = exact
        return exact or assuming

    def _read(self, matching: list[int]) -> int | None:
        if not matching:
            return None
        scope = self._scopes[matching[0]]
        reached = self._reached[scope]
        wall = next((n for n in self._writes[scope] if n >= reached and n not in self._used), len(self.exchanges))
        fresh = [n for n in matching if n >= reached and n not in self._used]
        if fresh and fresh[0] < wall:
            return fresh[0]
        before = [n for n in matching if n < wall]
        if not before:
            return matching[0]
        if fresh and self._repeats[before[-1]] >= MOST_REPEATS:
            return fresh[0]
        self._repeats[before[-1]] += 1
        return before[-1]

    def _write(self, matching: list[int]) -> int | None:
        return next((number for number in matching if number not in self._used), None)

    def _differences(self, number: int, request: Request) -> list[str]:
        """The first one only, since that decides."""
        self.ids.forget()
        for matcher in self._matchers:
            if (difference := matcher(self.exchanges[number].request, request, self.ids)) is not None:
                return [difference]
        return []

    def _nearest(self, request: Request) -> NoMatch:
        """The one with the most of the path in common, then with the fewest differences; one not replayed yet if so."""
        best: tuple[tuple[int, int, int, int], int, str] | None = None
        for number, exchange in enumerate(self.exchanges):
            self.ids.forget()
            told = [matcher(exchange.request, request, self.ids) for matcher in self._matchers]
            lines = [line for text in told if text is not None for line in text.splitlines()]
            failed = sum(text is not None for text in told)
            alike = _alike(exchange.request, request)
            rank = (-alike, failed, number in self._used, len(lines))
            if best is None or rank < best[0]:
                best = rank, number, "\n".join(lines) or "it was replayed already, as often as it was recorded"
        self.ids.forget()
        if best is None:
            return NoMatch(request, None, 0, "")
        _, number, difference = best
        return NoMatch(request, self.exchanges[number], number + 1, difference)

    def _shape(self, request: Request) -> tuple[str, str]:
        """What an index can be made by: requests of different shapes never match, unless matchers say otherwise."""
        shape = TOKEN.sub("*", request.path.partition("?")[0]) if path in self._matchers else ""
        return request.method if method in self._matchers else "", re.sub(r"%[0-9A-Fa-f]{2}|SCRUBBED.*", "*", shape)


def _scope(path: str) -> str:
    """What a write changes and a read sees: `/threads/thread_1` of all paths below it, `/files` of the list."""
    segments = path.partition("?")[0].strip("/").split("/")
    named = len(segments) > 1 and segments[:2] != ["threads", "runs"]
    return "/".join(segments[: 2 if named else 1])


def _alike(recorded: Request, asked: Request) -> int:
    """How much the paths have in common, in segments, and whether the method is the same."""
    ours, theirs = (request.path.partition("?")[0].split("/") for request in (recorded, asked))
    same = sum(one == other for one, other in zip(ours, theirs, strict=False))
    longer = abs(len(ours) - len(theirs))
    return 2 * (same - longer) + 3 * (recorded.method == asked.method)
