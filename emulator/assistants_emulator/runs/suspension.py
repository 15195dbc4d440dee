"""Where a run rests: for its tool outputs, for the clock, for a resume. While it rests, no request waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from assistants_emulator.clock import Clock


class Suspension:
    """`settled` is set while the run waits for something that a request cannot hurry. A `live` run always is."""

    def __init__(self) -> None:
        self.settled = asyncio.Event()
        self.waiting_until: float | None = None
        self.live = False
        self._outputs: asyncio.Future[None] | None = None
        self._resume: asyncio.Future[None] | None = None

    def stir(self) -> None:
        """Something has happened to the run: requests wait for what comes of it."""
        self.settled.clear()

    def relax(self) -> None:
        """The run is at work; a live one takes its time, so nobody waits for it."""
        if self.live:
            self.settled.set()

    def submitted(self) -> None:
        if self._outputs is not None and not self._outputs.done():
            self.stir()
            self._outputs.set_result(None)

    def resume(self) -> bool:
        """False if it does not rest for a resume."""
        if self._resume is None or self._resume.done():
            return False
        self.stir()
        self._resume.set_result(None)
        return True

    async def until_submitted(self) -> None:
        self._outputs = asyncio.get_running_loop().create_future()
        await self._until(self._outputs)

    async def until_resumed(self) -> None:
        self._resume = asyncio.get_running_loop().create_future()
        await self._until(self._resume)

    async def until(self, when: float, clock: Clock, told: Callable[[], None]) -> None:
        """Until that instant of the clock; `told` is called once the run rests."""
        come = asyncio.get_running_loop().create_future()

        def wake() -> None:
            self.stir()
            self.waiting_until = None
            if not come.done():
                come.set_result(None)

        deadline = clock.call_at(when, wake)
        self.waiting_until = when
        self.settled.set()
        told()
        try:
            await come
        finally:
            self.waiting_until = None
            deadline.cancel()
        self.relax()

    async def _until(self, come: asyncio.Future[None]) -> None:
        self.settled.set()
        await come
        self.relax()
