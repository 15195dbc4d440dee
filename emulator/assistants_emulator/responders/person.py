"""A person as responder: the turn waits at a seat until a page of the inspector brings the next reply.

All of it is used on the server's loop only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from assistants_emulator.responders.replies import Chunk, FunctionCall, Refusal, Step, StepEnd, Text
from assistants_emulator.responders.sources import AsyncSession, Outputs
from assistants_emulator.responders.turn import Turn

PersonMode: TypeAlias = Literal["off", "rest", "all"]
"""The runs that a person answers: none, those that no rule with a condition answers, or all."""
PERSON_MODES: Final[tuple[PersonMode, ...]] = ("off", "rest", "all")
PERSON = "person"


@dataclass(slots=True)
class Person:
    """The source of the turns that a person answers."""

    inline: Literal[True] = True
    _turn: Turn | None = field(default=None, repr=False)

    def open(self, turn: Turn) -> Seat:
        """The seat of the turn. A second one for the same turn makes no calls again: those did not fit."""
        is_second, self._turn = self._turn is turn, turn
        return Seat(turn, () if is_second else turn.earlier_calls)


class Seat(AsyncSession):
    """The place at which a person answers one turn.

    `person` is the id of the page that plays it, empty while none has said anything. `number` counts what was said but
    for chunks, so that a form from before is recognized; `text` is the message that is being typed; `calls` are
    gathered to be made at once.
    """

    def __init__(self, turn: Turn, earlier_calls: Any) -> None:
        self.turn = turn
        self.person = ""
        self.number = 0
        self.text = ""
        self.calls: list[FunctionCall] = []
        self._is_in_message = turn.is_in_message
        self._earlier = _earlier(turn, earlier_calls)
        self._queue: deque[object] = deque()
        self._has_steps = asyncio.Event()

    def say(self, *steps: object) -> None:
        """Bring the next steps of the turn, or END. All but a Chunk are ended at once, not when the next is known."""
        for step in steps:
            if self._is_in_message and not isinstance(step, Text | Chunk | Refusal):
                self._queue.append(Text(""))  # the message that a stop interrupted comes before anything else
            self._is_in_message = False
            self._queue.append(step)
            if isinstance(step, Chunk):
                self.text += step.value
                continue
            self._queue.append(StepEnd())
            self.text = ""
            self.number += 1
        self._has_steps.set()

    async def next(self, outputs: Outputs) -> object:
        """The next step, or END. A seat is its own invocation: no user code is run."""
        for step in self._earlier:
            return step
        while not self._queue:
            self._has_steps.clear()
            await self._has_steps.wait()
        return self._queue.popleft()

    def place(self) -> None:
        """No line of user code gave the step."""

    def close(self) -> None:
        self._queue.clear()


def _earlier(turn: Turn, calls: Any) -> Iterator[Step]:
    """The calls that earlier responses of the turn made, then nothing for each reply that is written already."""
    for group in calls:
        yield [FunctionCall(call["name"], call["arguments"], call["call_id"]) for call in group]
    for _ in range(turn.first_reply):
        yield StepEnd()
