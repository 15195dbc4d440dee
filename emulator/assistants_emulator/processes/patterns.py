"""Searches by a pattern of any kind: at once where that is cheap for certain, else in a helper with a time limit.

A backtracking search takes a time that grows with a power of the text's length, or exponentially; `cost` is an upper
bound of its steps, from the pattern's structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from assistants_emulator.processes.pool import MATCHERS, HelperDied, TookTooLong

MOST_STEPS = 10_000_000  # of a search at once: a tenth of a second or so
SECONDS = 1.0
REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, getattr(codes, "POSSESSIVE_REPEAT", codes.MAX_REPEAT)}


class PatternTookTooLong(Exception):
    """The search took longer than SECONDS; the message names the pattern."""


class Match:
    """As an `re.Match` of a search that a helper made."""

    def __init__(self, pattern: re.Pattern[str], string: str, spans: list[list[int]]) -> None:
        self.re = pattern
        self.string = string
        self._spans = spans

    def span(self, group: int | str = 0) -> tuple[int, int]:
        start, end = self._spans[self.re.groupindex[group] if isinstance(group, str) else group]
        return start, end

    def start(self, group: int | str = 0) -> int:
        return self.span(group)[0]

    def end(self, group: int | str = 0) -> int:
        return self.span(group)[1]

    def __getitem__(self, group: int | str) -> Any:
        try:
            start, end = self.span(group)
        except (KeyError, IndexError):
            raise IndexError("no such group") from None
        return None if start < 0 else self.string[start:end]

    def group(self, *groups: int | str) -> Any:
        values = tuple(self[group] for group in groups or (0,))
        return values if len(values) > 1 else values[0]

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        values = (self[group] for group in range(1, self.re.groups + 1))
        return tuple(default if value is None else value for value in values)

    def groupdict(self, default: Any = None) -> Mapping[str, Any]:
        values = {name: self[name] for name in self.re.groupindex}
        return {name: default if value is None else value for name, value in values.items()}


def is_cheap(pattern: re.Pattern[str], text: str) -> bool:
    return cost(pattern.pattern, pattern.flags, len(text)) <= MOST_STEPS


def search(pattern: re.Pattern[str], text: str) -> re.Match[str] | Match | None:
    """As `pattern.search(text)`; blocks for SECONDS at most unless it is cheap, and raises PatternTookTooLong then."""
    if is_cheap(pattern, text):
        return pattern.search(text)
    task, arguments = "assistants_emulator.processes.patterns:spans", [pattern.pattern, pattern.flags, text]
    try:
        spans = MATCHERS.call(task, arguments, SECONDS)
    except (TookTooLong, HelperDied):
        raise PatternTookTooLong(
            f"the pattern {pattern.pattern!r} was searched for in a text of {len(text)} characters, and that took "
            f"longer than {SECONDS:g} s; write it without repeats of repeats"
        ) from None
    return None if spans is None else Match(pattern, text, spans)


def spans(pattern: str, flags: int, text: str) -> list[tuple[int, int]] | None:
    """For helpers: the spans of the whole match and of each group."""
    compiled = re.compile(pattern, flags)
    match = compiled.search(text)
    return None if match is None else [match.span(group) for group in range(compiled.groups + 1)]


def cost(pattern: str, flags: int, length: int) -> float:
    """An upper bound of the steps that a search in a text of that length takes."""
    choices, is_nested = _structure(pattern, flags)
    if is_nested:
        return float("inf") if length > 10 else 4.0**length
    return float(max(length, 2)) ** min(choices + 1, 60)


@lru_cache(maxsize=1024)
def _structure(pattern: str, flags: int) -> tuple[int, bool]:
    """Return the number of choices between ways to match, and True if one of them is made again in a repeat."""
    return _choices(parser.parse(pattern, flags & ~re.DEBUG))


def _choices(pattern: Any) -> tuple[int, bool]:
    count, is_nested = 0, False
    for code, argument in pattern.data:
        inner = [_choices(part) for part in _subpatterns(argument)]
        choices = sum(part[0] for part in inner)
        is_nested = is_nested or any(part[1] for part in inner)
        if code in REPEATS:
            least, most, _ = argument
            is_nested = is_nested or (choices > 0 and most > 1)
            choices += least != most
        count += choices + (code is codes.BRANCH)
    return count, is_nested


def _subpatterns(argument: Any) -> Iterator[Any]:
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _subpatterns(part)
