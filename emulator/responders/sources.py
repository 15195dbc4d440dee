"""What a responder is: replies that are listed, replies of a script, or somebody's Python code.

All are started with a turn and then asked step by step. Steps that call functions are sent the outputs, in the order
of the calls; every other step is sent None. Listed and scripted replies never leave the server's loop; user code may
block, so it is asked in a worker thread.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, Protocol

from emulator.errors import ScriptError
from emulator.responders import usercode
from emulator.responders.checks import shown
from emulator.responders.replies import FunctionCall, Reply, Step, as_replies
from emulator.responders.templates import fill_step
from emulator.responders.usercode import AsyncSteps, Outputs, Steps, listed


class _End(enum.Enum):
    END = "end"


END: Final = _End.END
"""What is said after the last reply (StopIteration cannot leave a worker thread)."""


class LastMessage(Protocol):
    @property
    def text(self) -> str: ...


class TurnLike(Protocol):
    """What rules and sources look at; `Turn` is one. `last_message` is the user's last, if there is one."""

    @property
    def run(self) -> Mapping[str, Any]: ...
    @property
    def assistant(self) -> Mapping[str, Any]: ...
    @property
    def thread(self) -> Mapping[str, Any]: ...
    @property
    def messages(self) -> Sequence[Any]: ...
    @property
    def last_message(self) -> LastMessage | None: ...
    @property
    def instructions(self) -> str | None: ...
    @property
    def tools(self) -> Sequence[Any]: ...
    @property
    def match(self) -> re.Match[str] | None: ...


class Source(Protocol):
    """`inline` sources run on the loop; their `start` gives a plain generator of steps."""

    @property
    def inline(self) -> bool: ...
    @property
    def is_async(self) -> bool: ...
    def open(self, turn: TurnLike) -> Session | AsyncSession: ...


@dataclass(frozen=True)
class Listed:
    """The same replies for every run."""

    replies: Sequence[Step]
    inline: Literal[True] = True
    is_async: Literal[False] = False

    def start(self, turn: TurnLike) -> Steps:
        return listed(self.replies)

    def open(self, turn: TurnLike) -> Session:
        return Session(self.start(turn))


@dataclass(frozen=True)
class Scripted:
    """A script's replies, their braces filled from the turn and the outputs of the last calls."""

    actions: Sequence[Step]
    inline: Literal[True] = True
    is_async: Literal[False] = False

    def start(self, turn: TurnLike) -> Steps:
        names = {"message": turn.last_message.text} if turn.last_message else {}
        names |= turn.match.groupdict(default="") if turn.match else {}
        outputs: Sequence[str] = ()
        for action in self.actions:
            given = yield fill_step(action, names, outputs)
            outputs = given if given and isinstance(action, FunctionCall | list) else outputs

    def open(self, turn: TurnLike) -> Session:
        return Session(self.start(turn))


@dataclass(frozen=True)
class UserCode:
    """A function, generator function, async function or async generator function that takes the turn or nothing."""

    function: Callable[..., object]
    inline: Literal[False] = False

    def __post_init__(self) -> None:
        usercode.arguments(self.function, None)

    @property
    def is_async(self) -> bool:
        """Whether it is awaited: its session is an AsyncSession."""
        return usercode.is_async(self.function)

    def open(self, turn: TurnLike) -> Session | AsyncSession:
        """Calls nothing yet: the function begins when its first step is asked for."""
        call = partial(self.function, *usercode.arguments(self.function, turn))
        who = usercode.name_of(self.function)
        return AsyncSession(usercode.async_steps(call, who)) if self.is_async else Session(usercode.steps(call, who))


class Session:
    """Steps asked one by one. Errors of user code come through as they were raised."""

    is_async: Literal[False] = False

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def send(self, outputs: Outputs) -> Step | _End:
        """The next step, or END; the first is asked for with None."""
        try:
            return self._steps.send(outputs)
        except StopIteration:
            return END

    def close(self) -> None:
        """Leave a responder that may not be at its end. Never while a `send` is under way."""
        self._steps.close()


class AsyncSession:
    """As Session, awaited, and always on the same event loop."""

    is_async: Literal[True] = True

    def __init__(self, steps: AsyncSteps) -> None:
        self._steps = steps

    async def asend(self, outputs: Outputs) -> Step | _End:
        try:
            return await self._steps.asend(outputs)
        except StopAsyncIteration:
            return END

    async def aclose(self) -> None:
        await self._steps.aclose()


def as_source(value: object) -> Source:
    """What `respond` was given: text, a reply or a list of replies, or something to call with the turn."""
    if isinstance(value, str | list | tuple | Reply):
        return Listed(as_replies(value))
    if callable(value) and not isinstance(value, type):
        return UserCode(value)
    raise ScriptError(f"a responder is text, a reply, a list of replies or a function of the turn, not {shown(value)}")
