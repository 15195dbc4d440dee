"""Points at which a turn waits: for tool outputs, for the clock, for a resume, and for a request that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from assistants_emulator.clock import Clock


class Suspension:
    """`settled` is set while the turn waits for something that a request cannot hurry, and always if it is `live`.

    `waiting_until` is the instant that a Wait ends at, in unix seconds.
    """

    def __init__(self) -> None:
        self.settled = asyncio.Event()
        self.waiting_until: float | None = None
        self.live = False
        self._outputs: asyncio.Future[None] | None = None
        self._resume: asyncio.Future[None] | None = None

    def unsettle(self) -> None:
        """Make requests wait again: something has happened to the turn."""
        self.settled.clear()

    def work(self) -> None:
        """The turn is at work; a live one takes its time, so no request waits for it."""
        if self.live:
            self.settled.set()

    def submitted(self) -> None:
        if self._outputs is not None and not self._outputs.done():
            self.unsettle()
            self._outputs.set_result(None)

    def resume(self) -> bool:
        """Return False if the turn does not wait for a resume."""
        if self._resume is None or self._resume.done():
            return False
        self.unsettle()
        self._resume.set_result(None)
        return True

    async def until_submitted(self, clock: Clock, until: float | None) -> None:
        """Wait for the outputs, but not beyond the instant `until`, in unix seconds."""
        self._outputs = asyncio.get_running_loop().create_future()
        timer = None if until is None else clock.call_at(until, self.submitted)
        try:
            await self._until(self._outputs)
        finally:
            if timer is not None:
                timer.cancel()

    async def until_resumed(self) -> None:
        self._resume = asyncio.get_running_loop().create_future()
        await self._until(self._resume)

    async def until(self, when: float, clock: Clock, on_wait: Callable[[], None]) -> None:
        """Wait for that instant of the clock, in unix seconds; `on_wait` is called once the turn is settled."""
        reached = asyncio.get_running_loop().create_future()

        def wake() -> None:
            self.unsettle()
            self.waiting_until = None
            if not reached.done():
                reached.set_result(None)

        deadline = clock.call_at(when, wake)
        self.waiting_until = when
        self.settled.set()
        on_wait()
        try:
            await reached
        finally:
            self.waiting_until = None
            deadline.cancel()
        self.work()

    async def _until(self, future: asyncio.Future[None]) -> None:
        self.settled.set()
        await future
        self.work()


class HeldEnds:
    """Turns whose work is done, and whose end waits for the first request that names their place.

    So a cancel that is this request finds them in progress. `commit(id)` commits the end of the turn of that id.
    """

    def __init__(self, commit: Callable[[str], None]) -> None:
        self._commit = commit
        self._ids: dict[str, str] = {}  # place -> id

    def hold(self, place: str, id: str) -> None:
        self._ids[place] = id

    def end(self, place: str, spared: str | None = None) -> None:
        """End the turn that is held at that place, unless its id is `spared`."""
        id = self._ids.get(place)
        if id is not None and id != spared:
            self._commit(id)
            self.forget(place)

    def end_all(self) -> None:
        for place in self.places():
            self.end(place)

    def places(self) -> list[str]:
        return list(self._ids)

    def id_at(self, place: str) -> str:
        """The id of the turn that is held at that place; KeyError if there is none."""
        return self._ids[place]

    def forget(self, place: str) -> None:
        self._ids.pop(place, None)

    def clear(self) -> None:
        self._ids.clear()
