"""The built-in responder: without any rule, a run answers with what the user said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emulator.responders.replies import Text
from emulator.responders.sources import Session, TurnLike
from emulator.responders.usercode import Steps


@dataclass(frozen=True)
class Echo:
    """Says `Echo: ` and the last user message."""

    inline: Literal[True] = True
    is_async: Literal[False] = False

    def start(self, turn: TurnLike) -> Steps:
        said = turn.last_message.text if turn.last_message else ""
        yield Text(f"Echo: {said or '(no message)'}")

    def open(self, turn: TurnLike) -> Session:
        return Session(self.start(turn))
