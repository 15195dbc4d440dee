"""The requests that a project received, for tests and for the reports of failing tests."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

try:
    from orjson import loads
except ImportError:  # the pytest plugin alone, beside an emulator in another process
    from json import loads  # type: ignore[assignment]

json_loads: Callable[[bytes], Any] = loads
MOST_REQUESTS = 10_000
MOST_BYTES = 64 * 1024 * 1024
MOST_SERVER_BYTES = 256 * 1024 * 1024
MOST_BODY_BYTES = 64 * 1024
OVERHEAD = 400  # bytes of a call beside its path, body and answer
MOST_ANSWERS = 1000  # of the newest calls
MOST_ANSWER_BYTES = 4096
MOST_SHOWN = 20  # in the message of a failed expectation
SHORTEST_SLEEP = 0.5  # seconds between two calls that are told as slept


@dataclass(slots=True)
class LoggedRequest:
    """One call: `path` with its query, `raw` the request's body cut at 64 kB, `status` that of the answer.

    `status` is 0 where a fault closed the connection before the headers; `fault` is the route of the applied fault.
    `answer` is the answer's first 4 kB, None for an event stream, a file, and calls older than the newest 1,000; it and
    `seconds`, which differ from run to run, are for people and stay out of `as_json`.
    """

    method: str
    path: str
    raw: bytes
    status: int
    fault: str | None = None
    answer: bytes | None = None
    seconds: float = 0.0
    streamed: bool = False
    started: float = 0.0
    """Seconds on the machine's monotonic clock."""

    @property
    def body(self) -> Any:
        """The body's JSON; its text where it is no JSON; None for an empty body."""
        if not self.raw:
            return None
        try:
            return json_loads(self.raw)
        except ValueError:
            return self.raw.decode("utf-8", "replace")

    def as_json(self) -> dict[str, Any]:
        call = {"method": self.method, "path": self.path, "body": self.body, "status": self.status}
        return call if self.fault is None else {**call, "fault": self.fault}

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}" + (f" (fault on {self.fault})" if self.fault else "")


class Matches(Sequence[LoggedRequest]):
    """The calls that match a `where`, oldest first, with assertions about their number.

    The AssertionError lists the calls that there were.
    """

    def __init__(self, criteria: str, calls: Sequence[LoggedRequest], log: RequestLog) -> None:
        self._criteria = criteria
        self._calls = calls
        self._log = log

    def one(self) -> LoggedRequest:
        """The call, where there is exactly one."""
        (call,) = self.all(1)
        return call

    def none(self) -> None:
        self.all(0)

    def all(self, count: int | None = None) -> list[LoggedRequest]:
        """The calls, of which there must be `count` where it is given."""
        __tracebackhide__ = True
        if count is not None and len(self._calls) != count:
            raise AssertionError(self._explained(count))
        return list(self._calls)

    def _explained(self, count: int) -> str:
        expected = {0: "no request", 1: "one request"}.get(count, f"{count} requests")
        if self._calls:
            head = f"expected {expected} {self._criteria}, but there were {len(self._calls)}:"
            return "\n".join([head, *map(_line, self._calls)])
        newest = self._log[-MOST_SHOWN:]
        older = f" (the newest {MOST_SHOWN} of {self._log.total})" if self._log.total > len(newest) else ""
        there = [f"the requests were{older}:", *map(_line, newest)] if newest else ["there were no requests at all"]
        return "\n".join([f"expected {expected} {self._criteria}, but there was none; {there[0]}", *there[1:]])

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: Any) -> Any:
        return self._calls[index]

    def __repr__(self) -> str:
        return "\n".join([f"{len(self)} requests {self._criteria}", *map(_line, self._calls)])


def _size(call: LoggedRequest) -> int:
    return OVERHEAD + len(call.path) + len(call.raw) + len(call.answer or b"")


def _line(call: LoggedRequest) -> str:
    return f"  {call}"


def _path_pattern(path: str) -> re.Pattern[str]:
    """A pattern for the path with or without `/v1` and a query; `*` is one segment."""
    bare = path.removeprefix("/v1") if path.startswith(("/v1/", "/v1?")) else path
    segments = re.escape(bare).replace(re.escape("*"), "[^/?]+")
    return re.compile(rf"(/v1)?{segments}" + ("" if "?" in path else r"(\?.*)?"))


class LogBudget:
    """The bytes that the logs of all projects of a server hold together, and their bound.

    Above it the longest logs give way, by a sixteenth of the bound at once, since finding them looks at all.
    """

    def __init__(self, most_bytes: int = MOST_SERVER_BYTES) -> None:
        self.bytes = 0
        self.logs: set[RequestLog] = set()
        self._most_bytes = most_bytes

    def add(self, size: int) -> None:
        self.bytes += size
        if self.bytes > self._most_bytes:
            self._shrink(self._most_bytes - self._most_bytes // 16)

    def _shrink(self, most_bytes: int) -> None:
        while self.bytes > most_bytes and self.logs:
            longest = max(self.logs, key=lambda log: log.bytes)
            longest.shrink(max(0, longest.bytes - (self.bytes - most_bytes)))


class RequestLog(Sequence[LoggedRequest]):
    """The newest 10,000 calls and 64 MB, oldest first; `dropped` is the number of older ones.

    `bytes` is the memory that they hold, of the `budget` of the server.
    """

    def __init__(self, budget: LogBudget | None = None) -> None:
        self._calls: deque[LoggedRequest] = deque()
        self._budget = budget
        if budget is not None:
            budget.logs.add(self)
        self.total = 0
        self.bytes = 0
        self.most_bytes = MOST_BYTES

    @property
    def dropped(self) -> int:
        return self.total - len(self._calls)

    def where(self, *, method: str | None = None, path: str | None = None, status: int | None = None) -> Matches:
        """The calls of that method, path and status: `requests.where(method="POST", path="/threads/*/runs").one()`."""
        pattern = None if path is None else _path_pattern(path)
        calls = [
            call
            for call in self
            if (method is None or call.method == method.upper())
            and (status is None or call.status == status)
            and (pattern is None or pattern.fullmatch(call.path))
        ]
        criteria = " ".join(str(part) for part in (method and method.upper(), path, status) if part is not None)
        return Matches(criteria or "of any kind", calls, self)

    def add(
        self,
        method: str,
        path: str,
        raw: bytes,
        status: int,
        fault: str | None = None,
        answer: bytes | None = None,
        seconds: float = 0.0,
        started: float = 0.0,
    ) -> LoggedRequest:
        """Append a call. A short body is held without copying; an answer is copied, since orjson's bytes may take
        some 30 kB of memory where their length is 1 kB."""
        start = answer and bytes(memoryview(answer)[:MOST_ANSWER_BYTES])
        call = LoggedRequest(method, path, raw[:MOST_BODY_BYTES], status, fault, start, seconds, False, started)
        self.total += 1
        self._calls.append(call)
        size = _size(call)
        if len(self._calls) > MOST_ANSWERS and (old := self._calls[-MOST_ANSWERS - 1]).answer is not None:
            size -= len(old.answer)
            old.answer = None
        if len(self._calls) > MOST_REQUESTS:
            size -= _size(self._calls.popleft())
        self.bytes += size
        if self._budget is not None:
            self._budget.add(size)
        if self.bytes > self.most_bytes:
            self.shrink(self.most_bytes)
        return call

    def has_status(self, status: int) -> bool:
        """True if a call was answered with that status."""
        return any(call.status == status for call in self._calls)

    def seconds_between_looks(self) -> float:
        """The real seconds that a client let pass before it looked at a run (again), where it was half a second."""
        total = 0.0
        for before, call in pairwise(self._calls):
            if call.method == "GET" and "/runs/run_" in call.path:
                pause = call.started - before.started - before.seconds
                total += pause if pause >= SHORTEST_SLEEP else 0.0
        return total

    def shrink(self, most_bytes: int) -> None:
        """Drop the oldest calls until the others hold at most so many bytes."""
        before = self.bytes
        while self._calls and self.bytes > most_bytes:
            self.bytes -= _size(self._calls.popleft())
        if self._budget is not None:
            self._budget.bytes += self.bytes - before

    def clear(self) -> None:
        self.shrink(-1)
        self.total = 0

    def close(self) -> None:
        """Drop all calls, and leave the budget."""
        self.clear()
        if self._budget is not None:
            self._budget.logs.discard(self)

    __hash__ = object.__hash__

    def copy(self) -> RequestLog:
        """A copy for another thread to read."""
        copied = RequestLog()
        copied._calls = self._calls.copy()
        copied.total, copied.bytes = self.total, self.bytes
        return copied

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: Any) -> Any:
        return list(self._calls)[index] if isinstance(index, slice) else self._calls[index]

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(tuple(self._calls))
