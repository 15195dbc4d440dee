"""Effects: everything that a variant can do to a call, to its stream, to the run that it begins or to its files.

A variant is named `ROUTE NUMBER: EFFECT`, as in `POST /threads/*/runs 1: expired`. The number counts the calls of the
route from 1, in order of arrival; an SDK's retries of a call are not calls of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from assistants_emulator.errors import suggestion

TIME_OUT_HEADER = "x-assistants-emulator-time-out"
"""Of an answer that never came: a client's transport raises its own time-out in the place of such an answer."""
CUT = "cut after N"
Kind = Literal["call", "stream", "run", "action", "file", "list"]


@dataclass(frozen=True, slots=True)
class Effect:
    """`kind` is what it happens to; `action` is a run's required action.

    Under one that `refuses_for_ever` the call and its retries are refused and nothing is written. One that
    `needs_transport` happens only to clients whose transport knows TIME_OUT_HEADER. `symbol` is one character.
    """

    name: str
    symbol: str
    kind: Kind
    description: str
    refuses_for_ever: bool = False
    needs_transport: bool = False

    @property
    def is_once(self) -> bool:
        """True if retries of the call are answered as ever."""
        return self.name.endswith(" once")


_ALL = (
    Effect("429 once", "q", "call", "The call is refused by a rate limit; its retry succeeds."),
    Effect("429", "Q", "call", "The call and its retries are refused by a rate limit.", refuses_for_ever=True),
    Effect("500 once", "s", "call", "The call fails with a server error; its retry succeeds."),
    Effect("500", "S", "call", "The call and its retries fail with a server error.", refuses_for_ever=True),
    Effect(
        "connection closed",
        "C",
        "call",
        "The connection of the call and of its retries is closed before any header.",
        refuses_for_ever=True,
    ),
    Effect(
        "time-out",
        "T",
        "call",
        "The call and its retries time out, and are not carried out.",
        refuses_for_ever=True,
        needs_transport=True,
    ),
    Effect("malformed JSON", "J", "call", "The call is carried out and its answer is broken JSON."),
    Effect(CUT, "/", "stream", "The connection is closed after the stream's N-th event."),
    Effect("error event", "!", "stream", "The stream ends with an error event after its first delta."),
    Effect("failed: server_error", "F", "run", "The run fails with server_error in place of its next reply."),
    Effect(
        "failed: rate_limit_exceeded", "L", "run", "The run fails with rate_limit_exceeded in place of its next reply."
    ),
    Effect("expired", "E", "run", "The run expires in place of its next reply."),
    Effect(
        "incomplete: max_completion_tokens", "M", "run", "The run ends incomplete, out of tokens, in half of its text."
    ),
    Effect(
        "incomplete: content_filter", "X", "run", "The run ends incomplete, by the content filter, in half of its text."
    ),
    Effect("cancelled", "K", "run", "The run is cancelled by somebody else in place of its next reply."),
    Effect("arguments not JSON", "A", "action", "The arguments of the function call end in the middle of the JSON."),
    Effect("unknown function", "U", "action", "The run calls a function that it does not declare."),
    Effect("missing argument", "G", "action", "The function call lacks an argument, a required one if there is one."),
    Effect("another call", "2", "action", "The run calls a second declared function at the same time."),
    Effect("same call twice", "D", "action", "The run makes the same function call twice at the same time."),
    Effect("empty answer", "0", "run", "The message has no content; a response has no message."),
    Effect("refusal", "R", "run", "The message that the run writes is a refusal."),
    Effect("twice as many messages", "W", "run", "The run writes each of its messages twice."),
    Effect("file failed", "f", "file", "The files that the call adds to a vector store end failed."),
    Effect("one item a page", "1", "list", "The list's page has one item, and says that there are more."),
)
EFFECTS: dict[str, Effect] = {effect.name: effect for effect in _ALL}
"""All effects by name, in the order of a call's variants; `cut after N` stands for one of each number from 1."""
_CUT = re.compile(r"cut after ([1-9]\d{0,8})")
_NAME = re.compile(r"(?P<route>[A-Z]+ /\S*) (?P<number>[1-9]\d{0,8}): (?P<effect>.+)")


def effect_of(name: str) -> Effect:
    """The effect of that name, `cut after 3` for example; ValueError for any other."""
    effect = EFFECTS[CUT] if _CUT.fullmatch(name) else EFFECTS.get(name)
    if effect is None or name == CUT:
        names = ["cut after 3" if known == CUT else known for known in EFFECTS]
        others = f"; there are {', '.join(EFFECTS)}"
        raise ValueError(f"no effect is called {name!r}{suggestion(name, names, others)}")
    return effect


def cut_after(effect: str) -> int | None:
    """The number of events after which the stream is cut; None for another effect."""
    match = _CUT.fullmatch(effect)
    return None if match is None else int(match[1])


@dataclass(frozen=True)
class Variant:
    """The `effect` on the call of that `number` of the `route`, which is like `POST /threads/*/runs`."""

    route: str
    number: int
    effect: str

    @property
    def name(self) -> str:
        return f"{self.route} {self.number}: {self.effect}"

    @property
    def entry(self) -> Effect:
        """The entry of EFFECTS; ValueError for an effect that there is not."""
        return effect_of(self.effect)

    @classmethod
    def parse(cls, name: str) -> Variant:
        """The variant of that name; ValueError in one line for a text that names none."""
        match = _NAME.fullmatch(name.strip())
        if match is None:
            raise ValueError(f"a variant is named like 'POST /threads/*/runs 1: expired', not {name!r}")
        effect_of(match["effect"])
        return cls(match["route"], int(match["number"]), match["effect"])
