"""The calls of a project as a sweep sees them: numbered, with what can go wrong with each, and the variant of one.

Calls are numbered by route in order of arrival. A retry has the number of the call that it repeats: by the header
`x-stainless-retry-count`, and from a client without it where it follows a refusal of the same call directly.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from assistants_emulator.sweep.effects import CUT, EFFECTS, Effect, Variant, effect_of

MOST_CALLS = 10_000  # and replies
MOST_REFUSED = 100
RETRY_COUNT = b"x-stainless-retry-count"
RETRIED = (408, 409, 429)  # and everything from 500 up, and a connection that was closed
CLOSED = 0  # the status of a call whose connection was closed before the headers
RESPONSE = "resp_"  # begins the ids of responses
ENDS = ("failed: server_error", "failed: rate_limit_exceeded", "expired", "cancelled")
"""Effects of a run that do not need a message."""
_ID = re.compile(r"\{\w+\}")


@lru_cache(maxsize=512)
def route_of(method: str, template: str) -> str:
    """`POST /threads/*/runs` from `POST` and `/threads/{thread_id}/runs`."""
    return f"{method} {_ID.sub('*', template)}"


class Call:
    """One attempt of a call. `status` is None until it is answered.

    `subject` is the id of the run or response that it began or continued, `items` the number of items of a page,
    `cuts` the numbers of a stream's events after which a cut says something new. `effect` is the name of a variant's
    effect on it, "" for none.
    """

    status: int | None = None
    body_hash = 0
    """That of the body of a call that was refused, by which its retry is known: a body may be large."""
    subject = ""
    is_background = False
    items = 0
    is_further_page = False
    cuts: Sequence[int] = ()
    has_files = False
    is_download = False
    has_fault = False
    effect = ""

    def __init__(self, method: str, template: str, path: str, number: int) -> None:
        self.method = method
        self.template = template
        self.path = path
        self.number = number

    @property
    def route(self) -> str:
        return route_of(self.method, self.template)

    @property
    def is_refused(self) -> bool:
        return self.status == CLOSED or self.status in RETRIED or (self.status or 0) >= 500


@dataclass(frozen=True, slots=True)
class Action:
    """A step of function calls: `can_be_two` for a single one that may come with another."""

    has_arguments: bool
    can_be_two: bool
    has_other_function: bool

    def can_have(self, effect: str) -> bool:
        if effect == "missing argument":
            return self.has_arguments
        if effect == "another call":
            return self.can_be_two and self.has_other_function
        return self.can_be_two or effect != "same call twice"


@dataclass(slots=True)
class Segment:
    """The consequences of one call: the replies of its run until the run ended or called functions."""

    is_empty: bool = True
    has_message: bool = False
    action: Action | None = None


class Calls:
    """The newest 10,000 calls of a project, and the variant that one of the next calls gets."""

    def __init__(self) -> None:
        self.is_met = False
        """True once the variant's call came and its effect happened."""
        self.effects: dict[str, str] = {}
        """Effects that wait for a run or a response, by its id."""
        self._calls: deque[Call] = deque(maxlen=MOST_CALLS)
        self._replies: deque[tuple[str, Action | bool]] = deque(maxlen=MOST_CALLS)
        self._counts: dict[tuple[str, str], int] = {}
        self._refused: list[Call] = []
        self._variant: Variant | None = None

    def clear(self) -> None:
        """Forget all calls and the variant."""
        self.is_met, self._variant = False, None
        self.effects.clear()
        self._calls.clear()
        self._replies.clear()
        self._counts.clear()
        self._refused.clear()

    def vary(self, variant: Variant) -> None:
        """Let the effect happen to the variant's call; ValueError for an effect that there is not."""
        effect_of(variant.effect)
        self._variant, self.is_met = variant, False

    def meet(self) -> None:
        self.is_met = True

    @property
    def variant_name(self) -> str:
        return "" if self._variant is None else self._variant.name

    def arrive(self, method: str, template: str, path: str, headers: Mapping[bytes, bytes], raw: bytes) -> Call:
        """Number the call and add it; `template` is the path of its row, and `path` its own, both below `/v1`."""
        earlier = self._repeated(method, path, headers, raw) if self._refused else None
        if earlier is None:
            key = (method, template)
            self._counts[key] = number = self._counts.get(key, 0) + 1
        else:
            self._refused.remove(earlier)
            number = earlier.number
        call = Call(method, template, path, number)
        self._calls.append(call)
        variant = self._variant
        if variant is not None and (variant.route, variant.number) == (call.route, number):
            is_over = earlier is not None and effect_of(variant.effect).is_once
            call.effect = "" if is_over else variant.effect
        return call

    def answered(self, call: Call, status: int, raw: bytes) -> None:
        call.status = status
        if call.is_refused:
            call.body_hash = hash(raw)
            self._refused = [*self._refused[1 - MOST_REFUSED :], call]

    def replied(self, subject: str, reply: Action | bool) -> None:
        """Note a reply of the run or response: its function calls, or True for a message and False for another."""
        self._replies.append((subject, reply))

    def variants(self) -> list[Variant]:
        """Every variant of the calls so far.

        In the order of the calls' arrival, those of one call in the order of EFFECTS. A call that a fault has
        concerned has none. Of equal GETs in a row only the first and the last have some: the polls between are like
        one of these.
        """
        calls = self._answered_once()
        segments = self._segments(calls)
        left_out = _polls_between(calls)
        read_on = {call.path for call in calls if call.is_further_page}
        return [
            Variant(call.route, call.number, name)
            for call in calls
            if id(call) not in left_out and not call.has_fault
            for name in _names(call, segments[id(call)], call.path not in read_on)
        ]

    def _repeated(self, method: str, path: str, headers: Mapping[bytes, bytes], raw: bytes) -> Call | None:
        """The refused call that this one repeats; None for a call of its own."""
        count = headers.get(RETRY_COUNT)
        if count == b"0":
            return None
        candidates = self._refused if count is not None else [call for call in self._refused if call is self._calls[-1]]
        same = [call for call in candidates if (call.method, call.path) == (method, path)]
        return next((call for call in same if call.body_hash == hash(raw)), None)

    def _answered_once(self) -> list[Call]:
        """The last attempt of each call that was answered, in the order of the first; with a fault, if any had one."""
        last: dict[tuple[str, int], Call] = {}
        for call in self._calls:
            earlier = last.get((call.route, call.number))
            call.has_fault = call.has_fault or (earlier is not None and earlier.has_fault)
            last[call.route, call.number] = call
        return [call for call in last.values() if call.status is not None]

    def _segments(self, calls: Iterable[Call]) -> dict[int, Segment]:
        """The segment of each call, by the call's `id()`."""
        by_subject: dict[str, list[Segment]] = {}
        for subject, reply in self._replies:
            segments = by_subject.setdefault(subject, [Segment()])
            segments[-1].is_empty = False
            if isinstance(reply, Action):
                segments[-1].action = reply
                segments.append(Segment())
            else:
                segments[-1].has_message |= reply
        return {id(call): (by_subject.get(call.subject) or [Segment()]).pop(0) for call in calls}


def _polls_between(calls: Iterable[Call]) -> set[int]:
    """The `id()` of each GET that has an equal one of its route both before and after it."""
    by_route: dict[str, list[Call]] = {}
    for call in calls:
        if call.method == "GET":
            by_route.setdefault(call.route, []).append(call)
    return {
        id(call)
        for same in by_route.values()
        for before, call, after in zip(same, same[1:], same[2:], strict=False)
        if before.path == call.path == after.path
    }


def _names(call: Call, segment: Segment, reads_one_page: bool) -> Iterator[str]:
    """The effects that the call can have, in the order of EFFECTS."""
    for effect in EFFECTS.values():
        if effect.name == CUT:
            yield from (f"cut after {number}" for number in call.cuts)
        elif _can_have(call, effect, segment, reads_one_page):
            yield effect.name


def _can_have(call: Call, effect: Effect, segment: Segment, reads_one_page: bool) -> bool:
    match effect.kind:
        case "call":
            is_json = call.status is not None and call.status < 400 and not call.is_download
            return is_json or effect.name != "malformed JSON"
        case "stream":
            return bool(call.cuts)
        case "run":
            return _can_end(call, effect.name, segment)
        case "action":
            return segment.action is not None and segment.action.can_have(effect.name)
        case "file":
            return call.has_files
        case "list":
            return call.items > 1 and not call.is_further_page and reads_one_page


def _can_end(call: Call, effect: str, segment: Segment) -> bool:
    """A response does not expire, and only one in the background can be cancelled."""
    impossible = ("expired",) if call.is_background else ("expired", "cancelled")
    if call.subject.startswith(RESPONSE) and effect in impossible:
        return False
    return not segment.is_empty if effect in ENDS else segment.has_message
