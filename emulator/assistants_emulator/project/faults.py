"""Injected faults: errors, delays, broken connections and stuck runs, on demand and repeatably."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.errors import ApiError, EmulatorError, ServerFault, suggestion

METHODS = ("GET", "POST", "DELETE")

# status -> (type, code, message) where the fault has no other (docs/reference/behaviour.md#service-faults)
DEFAULTS: dict[int, tuple[str, str | None, str]] = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests. Please try again in 1ms."),
    500: ("server_error", None, "The server had an error processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)
RETRIED = (408, 409, 429)  # and everything from 500 up: SDKs send these calls again


class InjectedError(ApiError):
    """The error of an injected fault; `headers` are sent with it."""

    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, status: int, message: str | None, code: str | None) -> None:
        kind, default_code, text = DEFAULTS.get(status, (self.kind_of(status), None, f"An injected error {status}."))
        if (status, code) == (429, "insufficient_quota"):
            kind, text = "insufficient_quota", QUOTA
        super().__init__(message or text, code=code or default_code)
        self.status = status
        self.type = kind

    @property
    def is_retried(self) -> bool:
        return self.status in RETRIED or self.status >= 500

    @staticmethod
    def kind_of(status: int) -> str:
        return ServerFault.type if status >= 500 else ApiError.type


_TEXT, _WHOLE, _NUMBER, _FLAG = (str, type(None)), (int, type(None)), (int, float), (bool,)
FIELD_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "route": ((str,), "a string"),
    **dict.fromkeys(("message", "code"), (_TEXT, "a string")),
    **dict.fromkeys(("status", "drop_after", "times"), (_WHOLE, "a whole number")),
    **dict.fromkeys(("delay", "probability"), (_NUMBER, "a number")),
    **dict.fromkeys(("stuck", "malformed"), (_FLAG, "true or false")),
}


@dataclass(slots=True)
class Fault:
    """A fault of the calls of `route`: `METHOD /path` below `/v1`, where `*` is one segment.

    `status`, `message`, `code`: the answer is this error. `delay`: real seconds before anything else. `drop_after`:
    the connection is closed after that many events, 0 before the headers; with `status` or `message` the stream gets
    an `error` event there instead. `stuck`: the run, or the vector store's files, that the call creates stay in
    progress for ever, or with `code` or `message` fail with these as `last_error`. `malformed`: the answer is broken
    JSON. `times`: the number of calls, None for all; `probability`: from 0 to 1, drawn from the project's seed.
    """

    route: str
    status: int | None = None
    message: str | None = None
    code: str | None = None
    delay: float = 0.0
    drop_after: int | None = None
    stuck: bool = False
    malformed: bool = False
    times: int | None = None
    probability: float = 1.0
    used: int = field(default=0, init=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check_types()
        method, _, path = self.route.partition(" ")
        if method not in METHODS or not path.startswith("/"):
            raise EmulatorError(f"a fault's route is like 'POST /threads/*/runs', not {self.route!r}")
        path = path.removeprefix("/v1")
        self.route = f"{method} {path}"
        if self.status is not None and not 400 <= self.status <= 599:
            raise EmulatorError(f"a fault's status is from 400 to 599, not {self.status}")
        if not 0 <= self.probability <= 1 or self.delay < 0:
            raise EmulatorError(f"a fault's probability is from 0 to 1 and its delay from 0 up: {self}")
        if self.times is not None and self.times < 1:
            raise EmulatorError(f"a fault's times is a whole number from 1 up, not {self.times}")
        segments = "/".join("[^/]+" if part == "*" else re.escape(part) for part in path.split("/"))
        self._pattern = re.compile(f"{method} {segments}")

    def _check_types(self) -> None:
        for name, (kinds, words) in FIELD_KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise EmulatorError(f"a fault's {name} is {words}, not {value!r}")
        if self.delay == math.inf:
            raise EmulatorError("a fault's delay is a number of seconds, not inf")

    @property
    def error(self) -> InjectedError | None:
        """The error that answers the call or ends its stream; None for a fault without one."""
        if self.status is None and self.message is None and self.code is None:
            return None
        return InjectedError(self.status or 500, self.message, self.code)

    def covers(self, route: str) -> bool:
        """True if calls of `route`, in which `*` stands for an id, can match."""
        own, other = self.route.split("/"), route.split("/")
        return len(own) == len(other) and all(a == b or "*" in (a, b) for a, b in zip(own, other, strict=True))

    def concerns(self, call: str) -> bool:
        """True if `call`, as `POST /threads`, matches the route and the fault is not used up."""
        return (self.times is None or self.used < self.times) and self._pattern.fullmatch(call) is not None

    def leftover(self) -> str | None:
        """A description of a fault with `times` left over; None for any other."""
        is_left = self.times is not None and self.used < self.times
        return f"fault on {self.route} (used {self.used} of {self.times} times)" if is_left else None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*FAULT_FIELDS, "used")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Fault:
        """The fault that `as_json` described."""
        fault = cls(**{name: values[name] for name in FAULT_FIELDS})
        fault.used = values["used"]
        return fault


FAULT_FIELDS = tuple(name for name in Fault.__dataclass_fields__ if name not in ("used", "_pattern"))


class Faults:
    """A project's faults; of several for one call the first added applies. `draw(number)` gives a float in [0, 1)."""

    def __init__(self, draw: Callable[[int], float]) -> None:
        self.routes: Sequence[str] = ()
        """The routes that a fault may name, as `POST /threads/*/runs`; empty for any."""
        self._faults: list[Fault] = []
        self._draw = draw
        self._drawn = 0

    def add(self, fault: Fault) -> Fault:
        """EmulatorError for a route that does not exist, which no call would ever match."""
        if self.routes and not any(fault.covers(route) for route in self.routes):
            raise EmulatorError(f"a fault's route is one of the emulated ones, not {self.hint(fault.route)}")
        self._faults.append(fault)
        return fault

    def hint(self, route: str) -> str:
        """A route that does not exist, with the nearest one that does."""
        return f"{route!r}{suggestion(route, self.routes, '')}"

    def clear(self) -> None:
        self._faults.clear()
        self._drawn = 0

    def remove(self, fault: Fault) -> None:
        self._faults.remove(fault)

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault for this call, which counts as one use of it; `path` is below `/v1`."""
        for fault in self._faults:
            if fault.concerns(f"{method} {path}") and self._happens(fault):
                fault.used += 1
                return fault
        return None

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def __len__(self) -> int:
        return len(self._faults)

    def _happens(self, fault: Fault) -> bool:
        if fault.probability >= 1:
            return True
        self._drawn += 1
        return self._draw(self._drawn) < fault.probability
