"""The outcome of a sweep: a cell for each variant, and the tables and lines of the terminal.

Nothing here differs between two sweeps of the same tests: no times, ports or temporary paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assistants_emulator.sweep import EFFECTS, Variant
from pytest_assistants_emulator.verdicts import ABSENT, OTHER, SAME, TOLD, VERDICTS, WORST_FIRST, Verdict

MOST_ANSWERS = 5  # of a test that are shown in the terminal
SYMBOLS = {effect.name: effect.symbol for effect in EFFECTS.values()}


@dataclass(slots=True)
class Cell:
    """A variant's name, its verdict's, a line about it, and the HTML of its trace, where one was asked for.

    `has_failed` where it was reported as a failed test.
    """

    variant: str
    verdict: str
    detail: str = ""
    trace: str = ""
    has_failed: bool = False

    @property
    def parsed(self) -> Variant:
        return Variant.parse(self.variant)

    @property
    def effect(self) -> str:
        """The name in EFFECTS."""
        return self.parsed.entry.name

    @property
    def call(self) -> str:
        """`POST /threads/*/runs 1`."""
        return f"{self.parsed.route} {self.parsed.number}"

    @property
    def judged(self) -> Verdict:
        return VERDICTS[self.verdict]


@dataclass(slots=True)
class SweptTest:
    """A test's cells in the order of its variants; `beyond_limit` counts those that its limit left out."""

    test: str
    cells: list[Cell] = field(default_factory=list)
    beyond_limit: int = 0
    remarks: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SweptTest:
        return cls(**{**values, "cells": [Cell(**cell) for cell in values["cells"]]})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def effects(self) -> list[str]:
        """The names of the effects that some variant has, in the order of EFFECTS."""
        names = {cell.effect for cell in self.cells}
        return [name for name in EFFECTS if name in names]

    def rows(self) -> dict[str, dict[str, list[Cell]]]:
        """The cells by call, then by effect; a stream that is cut in several places has several of one effect."""
        rows: dict[str, dict[str, list[Cell]]] = {}
        for cell in self.cells:
            rows.setdefault(cell.call, {}).setdefault(cell.effect, []).append(cell)
        return rows


def worst(cells: Iterable[Cell]) -> Verdict:
    verdicts = {cell.verdict for cell in cells}
    return next(verdict for verdict in WORST_FIRST if verdict.name in verdicts)


def table(test: SweptTest, *, whole: bool) -> list[str]:
    """The test's table, a line for each call: without `whole`, of calls that have more than `same` and `told`."""
    rows = shown_rows(test, whole=whole)
    if not rows:
        return []
    width = max(map(len, rows))
    names = [name for name in test.effects if any(name in effects for effects in rows.values())]
    lines = [test.test, f"  {'':{width}}  {''.join(SYMBOLS[name] for name in names)}"]
    for call, effects in rows.items():
        cells = "".join(worst(effects[name]).symbol if name in effects else " " for name in names)
        lines.append(f"  {call:{width}}  {cells.rstrip()}")
    return [*lines, *_answers(test)]


def shown_rows(test: SweptTest, *, whole: bool) -> dict[str, dict[str, list[Cell]]]:
    return {call: effects for call, effects in test.rows().items() if whole or _says_something(effects)}


def _says_something(effects: Mapping[str, list[Cell]]) -> bool:
    return any(cell.judged not in (SAME, TOLD, ABSENT) for cells in effects.values() for cell in cells)


def _answers(test: SweptTest) -> Iterator[str]:
    """The answers of the application in the place of the test's, most frequent first."""
    answers = Counter(cell.detail for cell in test.cells if cell.judged is OTHER)
    common = sorted(answers.items(), key=lambda item: -item[1])
    for detail, count in common[:MOST_ANSWERS]:
        yield f"  {OTHER.symbol} {count} x {detail}"
    if len(common) > MOST_ANSWERS:
        yield f"  {OTHER.symbol} {len(common) - MOST_ANSWERS} more are in the file of --assistants-sweep-report"


def legend(tests: Iterable[SweptTest], *, whole: bool) -> list[str]:
    """The symbols of the tables: those of effects stand in the first line of a table, those of verdicts below it."""
    rows = [effects for test in tests for effects in shown_rows(test, whole=whole).values()]
    cells = [cell for effects in rows for cells in effects.values() for cell in cells]
    effects, verdicts = {cell.effect for cell in cells}, {cell.verdict for cell in cells}
    return [
        "effects:",
        *_columns(f"{SYMBOLS[name]} {name}" for name in EFFECTS if name in effects),
        "verdicts:",
        *(f"  {each.symbol} {each.name}: {each.description}" for each in VERDICTS.values() if each.name in verdicts),
    ]


def _columns(texts: Iterable[str]) -> Iterator[str]:
    cells = list(texts)
    width = max(map(len, cells), default=0) + 2
    count = max(1, 100 // width)
    for start in range(0, len(cells), count):
        yield "  " + "".join(f"{text:{width}}" for text in cells[start : start + count]).rstrip()


def totals(tests: Iterable[SweptTest]) -> dict[str, int]:
    """The number of variants with each verdict, in the order of VERDICTS; verdicts that none has are left out."""
    counts = Counter(cell.verdict for test in tests for cell in test.cells)
    return {name: counts[name] for name in VERDICTS if counts[name]}


def summary(tests: list[SweptTest]) -> Iterator[str]:
    counts = totals(tests)
    absent, beyond = counts.pop(ABSENT.name, 0), sum(test.beyond_limit for test in tests)
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    yield f"{sum(counts.values())} variants of {len(tests)} test{'s' if len(tests) != 1 else ''}: {said or 'none'}"
    if absent:
        yield f"left out: {absent} time-outs of calls that no SDK client of this process has made"
    if beyond:
        yield f"left out: {beyond} variants beyond the limit of their tests (--assistants-sweep-limit)"
    yield from (remark for test in tests for remark in test.remarks)


def as_json(tests: Iterable[SweptTest]) -> dict[str, Any]:
    """The report's JSON."""
    tests = list(tests)
    return {
        "totals": totals(tests),
        "tests": [
            {
                "test": test.test,
                "beyond_limit": test.beyond_limit,
                "variants": [
                    {"variant": cell.variant, "verdict": cell.verdict, "detail": cell.detail} for cell in test.cells
                ],
            }
            for test in tests
        ],
    }
