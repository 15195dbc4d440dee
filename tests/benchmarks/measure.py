"""Measurements, taken alternately, so that a slow moment of the machine affects both sides of a ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Function = Callable[[], Any]
PROCESSOR = ", processor"  # ends the sections of rows that are of the processor's time


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `ratio` is to what `against` names, measured in the same run. `target` is what it may be at most, or
    with `at_least` what it must be."""

    section: str
    name: str
    value: float
    unit: str
    against: str = ""
    ratio: float | None = None
    target: float | None = None
    at_least: bool = False

    @property
    def judged(self) -> float | None:
        """The figure that the target applies to: the ratio if there is one."""
        return self.value if self.ratio is None else self.ratio

    @property
    def is_met(self) -> bool | None:
        if self.target is None or self.judged is None:
            return None
        return self.judged >= self.target if self.at_least else self.judged <= self.target

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.is_met}


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of one call in milliseconds: by the clock, and of the processor in all threads of this process. The
    second says the same on a busy machine."""

    wall: float
    processor: float

    def beyond(self, base: Cost) -> Cost:
        """What it costs more than `base`."""
        return Cost(self.wall - base.wall, self.processor - base.processor)


def in_turn(functions: Sequence[Function], calls: int) -> list[Cost]:
    for function in functions:
        function()
    taken: list[list[tuple[float, float]]] = [[] for _ in functions]
    for _ in range(calls):
        for times, function in zip(taken, functions, strict=True):
            began, spent = time.perf_counter(), time.process_time()
            function()
            times.append((time.perf_counter() - began, time.process_time() - spent))
    return [Cost(*(statistics.median(column) * 1000 for column in zip(*times, strict=True))) for times in taken]


def compared(section: str, name: str, cost: Cost, base: Cost, against: str, target: float | None) -> list[Row]:
    """A row by the clock, and one of the processor's time."""
    return [
        Row(section, name, cost.wall, "ms", against, cost.wall / base.wall, target),
        Row(section + PROCESSOR, name, cost.processor, "ms", against, cost.processor / base.processor, target),
    ]


def seconds(function: Function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began
