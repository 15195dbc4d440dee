"""What clients asked of a project, for tests and for the reports of failing tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

MOST_REQUESTS = 10_000
MOST_BODY_BYTES = 64 * 1024


@dataclass(slots=True)
class LoggedRequest:
    """One call: `path` with its query, `raw` the request's body cut at 64 kB, `status` what it was answered.

    `status` is 0 where a fault closed the connection before the headers; `fault` is the route of a fault that struck.
    """

    method: str
    path: str
    raw: bytes
    status: int
    fault: str | None = None

    @property
    def body(self) -> Any:
        """The JSON that was sent; its text where it is no JSON; None where nothing was sent."""
        if not self.raw:
            return None
        try:
            return orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            return self.raw.decode("utf-8", "replace")

    def as_json(self) -> dict[str, Any]:
        call = {"method": self.method, "path": self.path, "body": self.body, "status": self.status}
        return call if self.fault is None else {**call, "fault": self.fault}

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}" + (f" (fault on {self.fault})" if self.fault else "")


class RequestLog(Sequence[LoggedRequest]):
    """The newest 10,000 calls, oldest first; `dropped` says how many older ones there were."""

    def __init__(self) -> None:
        self._calls: deque[LoggedRequest] = deque(maxlen=MOST_REQUESTS)
        self.total = 0

    @property
    def dropped(self) -> int:
        return self.total - len(self._calls)

    def add(self, method: str, path: str, raw: bytes, status: int, fault: str | None = None) -> None:
        self.total += 1
        self._calls.append(LoggedRequest(method, path, raw[:MOST_BODY_BYTES], status, fault))

    def clear(self) -> None:
        self._calls.clear()
        self.total = 0

    def copy(self) -> RequestLog:
        """As it stands, for another thread to read."""
        copied = RequestLog()
        copied._calls = self._calls.copy()
        copied.total = self.total
        return copied

    def __len__(self) -> int:
        return len(self._calls)

    def __getitem__(self, index: Any) -> Any:
        return list(self._calls)[index] if isinstance(index, slice) else self._calls[index]

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(tuple(self._calls))
