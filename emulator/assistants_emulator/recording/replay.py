"""Chooses the recorded exchange that answers a request. Plain functions, no I/O.

The same read gets the next recorded state each time, and in the end the last one again and again. A client that polls
less often than the recorded one misses states, as with the service: earlier ones than the newest that it has seen are
skipped. No state comes before the write that led to it was made, so polling more often is safe too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from assistants_emulator.recording.exchange import Exchange, Request
from assistants_emulator.recording.id_mapping import TOKEN, IdMapping
from assistants_emulator.recording.matchers import DEFAULT, Matcher, method, path

MOST_REPEATS = 50  # of one state; then a poll waits for a state behind a write of another client, and gets it
READS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class NoMatch:
    """`nearest` is the most similar exchange, `number` its place from 1; `difference` has a line for each."""

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
    """A recorded session, and how far it was replayed."""

    def __init__(self, exchanges: Sequence[Exchange], matchers: Sequence[Matcher] = DEFAULT) -> None:
        self.exchanges = list(exchanges)
        self.ids = IdMapping(self.exchanges)
        self._matchers = tuple(matchers)
        self._used: set[int] = set()
        self._requested: set[tuple[str, str]] = set()  # method and path of those that were replayed
        self._reached: dict[str, int] = defaultdict(int)  # by object: the exchange after the last one replayed
        self._repeats: dict[int, int] = defaultdict(int)
        self._matched: dict[str, list[int]] = {}  # by request: polls repeat theirs
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
        self._requested.add((recorded.request.method, recorded.request.path))
        scope = self._scopes[number]
        self._reached[scope] = max(self._reached[scope], number)
        return recorded

    def leftovers(self) -> list[Exchange]:
        """The exchanges that were never asked for, without the states that polls skipped."""
        return [
            exchange
            for number, exchange in enumerate(self.exchanges)
            if number not in self._used
            and (
                exchange.request.method not in READS
                or (exchange.request.method, exchange.request.path) not in self._requested
            )
        ]

    def _matching(self, request: Request) -> list[int]:
        """The numbers of the exchanges with the same ids, else of those whose ids would have to be learned."""
        key = repr(request)
        if (numbers := self._matched.get(key)) is not None:
            return numbers
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
        """The next state from before the next write, else the last one again."""
        if not matching:
            return None
        scope = self._scopes[matching[0]]
        reached = self._reached[scope]
        next_write = next((n for n in self._writes[scope] if n >= reached and n not in self._used), len(self.exchanges))
        unused = [n for n in matching if n >= reached and n not in self._used]
        if unused and unused[0] < next_write:
            return unused[0]
        before = [n for n in matching if n < next_write]
        if not before:
            return matching[0]
        if unused and self._repeats[before[-1]] >= MOST_REPEATS:
            return unused[0]
        self._repeats[before[-1]] += 1
        return before[-1]

    def _write(self, matching: list[int]) -> int | None:
        return next((number for number in matching if number not in self._used), None)

    def _differences(self, number: int, request: Request) -> list[str]:
        """The first matcher's that differs, as a list; its assumptions of ids stay with `ids`."""
        self.ids.forget()
        for matcher in self._matchers:
            if (difference := matcher(self.exchanges[number].request, request, self.ids)) is not None:
                return [difference]
        return []

    def _nearest(self, request: Request) -> NoMatch:
        """The exchange with the most of the path in common, then the fewest differences, then one not replayed yet."""
        best: tuple[tuple[int, int, int, int], int, str] | None = None
        for number, exchange in enumerate(self.exchanges):
            self.ids.forget()
            differences = [matcher(exchange.request, request, self.ids) for matcher in self._matchers]
            lines = [line for text in differences if text is not None for line in text.splitlines()]
            failed = sum(text is not None for text in differences)
            similarity = _similarity(exchange.request, request)
            rank = (-similarity, failed, number in self._used, len(lines))
            if best is None or rank < best[0]:
                best = rank, number, "\n".join(lines) or "it was replayed already, as often as it was recorded"
        self.ids.forget()
        if best is None:
            return NoMatch(request, None, 0, "")
        _, number, difference = best
        return NoMatch(request, self.exchanges[number], number + 1, difference)

    def _shape(self, request: Request) -> tuple[str, str]:
        """The key of an index: requests of different shapes never match, unless the user's matchers say otherwise."""
        shape = TOKEN.sub("*", request.path.partition("?")[0]) if path in self._matchers else ""
        return request.method if method in self._matchers else "", re.sub(r"%[0-9A-Fa-f]{2}|SCRUBBED.*", "*", shape)


def _scope(path: str) -> str:
    """The object that a write changes and a read shows: `threads/thread_1` for all below it, `files` for a list."""
    segments = path.partition("?")[0].strip("/").split("/")
    has_object = len(segments) > 1 and segments[:2] != ["threads", "runs"]
    return "/".join(segments[: 2 if has_object else 1])


def _similarity(recorded: Request, request: Request) -> int:
    """Segments of the path in common, and the method."""
    expected, actual = (side.path.partition("?")[0].split("/") for side in (recorded, request))
    same = sum(a == b for a, b in zip(expected, actual, strict=False))
    longer = abs(len(expected) - len(actual))
    return 2 * (same - longer) + 3 * (recorded.method == request.method)
