"""The project's clock: the time of `created_at`, of a run's expiry, of a `Wait`'s end.

All waiting is by `call_at`. A SystemClock fires deadlines by itself, a ManualClock only when moved.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

MANUAL_START = 1735689600  # 2025-01-01 00:00:00 UTC, so that a test sees the same times in every run

_COUNTER_START = time.time() - time.perf_counter()

MOST_TIMER_SECONDS = 60.0  # an event loop's timers stand still while the machine sleeps, and would fire that much late


LAST_INSTANT = 253402300799  # 9999-12-31 23:59:59 UTC: beyond it no calendar has a date


def machine_time(counter: float) -> float:
    """The Unix time of an instant of `time.perf_counter()`; it differs from the system's after the system's was set."""
    return _COUNTER_START + counter


def is_instant(when: float) -> bool:
    """True for unix seconds that a calendar has: from 0 to the end of the year 9999, and no NaN."""
    return 0 <= when <= LAST_INSTANT


class Timer(Protocol):
    def cancel(self) -> None: ...


class Deadline:
    """A callback at an instant, in Unix seconds; `cancel` may be called at any time."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Clock:
    """Unix time in seconds, with deadlines in the order of their instants, then of their creation."""

    mode = ""
    autojump = False

    def __init__(self) -> None:
        self._deadlines: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._live_at_sweep = 0

    def time(self) -> float:
        raise NotImplementedError(f"{type(self).__name__} must implement time()")

    def jump(self, when: float) -> None:
        """Set the time to `when`; deadlines up to it become due but are not fired."""
        raise NotImplementedError(f"{type(self).__name__} must implement jump()")

    def now(self) -> int:
        """Return the time in whole seconds, as the API's timestamps are."""
        return int(self.time())

    def call_at(self, when: float, callback: Callable[[], None]) -> Deadline:
        if len(self._deadlines) > 2 * self._live_at_sweep + 64:
            self._sweep()
        deadline = Deadline(when, callback)
        heapq.heappush(self._deadlines, (when, next(self._order), deadline))
        self._arm()
        return deadline

    def next_deadline(self) -> float | None:
        while self._deadlines and self._deadlines[0][2].callback is None:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def fire_due(self) -> None:
        """Call the callbacks of all deadlines up to now."""
        while (when := self.next_deadline()) is not None and when <= self.time():
            callback = heapq.heappop(self._deadlines)[2].callback
            if callback is not None:
                callback()
        self._arm()

    def catch_up(self) -> None:
        """Fire what is due and has not been, after a sleep of the machine; for clocks that move by themselves."""

    def close(self) -> None:
        self._deadlines.clear()

    def _sweep(self) -> None:
        """Remove cancelled deadlines: a clock that never moves would collect those of all finished runs."""
        self._deadlines = [entry for entry in self._deadlines if entry[2].callback is not None]
        heapq.heapify(self._deadlines)
        self._live_at_sweep = len(self._deadlines)

    def _arm(self) -> None:
        """Schedule `fire_due` at the next deadline, for clocks that move by themselves."""


class ManualClock(Clock):
    """Moves by `jump` only. With `autojump` a request that finds a run in a `Wait` moves it to the Wait's end."""

    mode = "manual"

    def __init__(self, start: float = MANUAL_START, autojump: bool = False) -> None:
        super().__init__()
        self._time = start
        self.autojump = autojump

    def time(self) -> float:
        return self._time

    def jump(self, when: float) -> None:
        self._time = when


class SystemClock(Clock):
    """The machine's clock plus the jumps so far. `call_later(seconds, callback)` is the event loop's."""

    mode = "system"

    def __init__(self, call_later: Callable[[float, Callable[[], None]], Timer]) -> None:
        super().__init__()
        self._call_later = call_later
        self._offset = 0.0
        self._timer: Timer | None = None

    def time(self) -> float:
        return time.time() + self._offset

    def jump(self, when: float) -> None:
        self._offset += when - self.time()
        self._arm()

    def catch_up(self) -> None:
        if self._deadlines and self._deadlines[0][0] <= self.time():
            self.fire_due()

    def close(self) -> None:
        super().close()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (when := self.next_deadline()) is not None:
            seconds = min(MOST_TIMER_SECONDS, max(0.0, when - self.time()))
            self._timer = self._call_later(seconds, self.fire_due)
