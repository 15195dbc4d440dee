"""A responder being asked for its replies, wherever it has to run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from assistants_emulator.responders.sources import END, AsyncSession, Outputs, Session, Source, TurnLike
from assistants_emulator.runs.workers import Workers

Report = Callable[[Exception], None]


class Invocation(Protocol):
    async def next(self, outputs: Outputs) -> object:
        """The next step, or END."""
        ...

    def close(self) -> None:
        """Leave it, at its end or not; does not wait."""
        ...


def open_invocation(source: Source, turn: TurnLike, workers: Workers, report: Report) -> Invocation:
    """`report` gets what user code raises when it is left before its end."""
    session = source.open(turn)
    if isinstance(session, AsyncSession):
        return _Awaited(session, workers, report)
    return _Inline(session) if source.inline else _Threaded(session, workers, report)


class _Inline:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def next(self, outputs: Outputs) -> object:
        return self._session.send(outputs)

    def close(self) -> None:
        self._session.close()


class _Threaded:
    """Its function may still be busy in a thread when the run is cancelled: it is left as soon as it comes back."""

    def __init__(self, session: Session, workers: Workers, report: Report) -> None:
        self._session = session
        self._workers = workers
        self._report = report
        self._busy = threading.Lock()

    async def next(self, outputs: Outputs) -> object:
        return await self._workers.call(lambda: self._send(outputs))

    def close(self) -> None:
        self._workers.later(self._leave)

    def _send(self, outputs: Outputs) -> object:
        with self._busy:
            return self._session.send(outputs)

    def _leave(self) -> None:
        with self._busy:
            try:
                self._session.close()
            except Exception as error:
                self._report(error)


class _Awaited:
    def __init__(self, session: AsyncSession, workers: Workers, report: Report) -> None:
        self._session = session
        self._workers = workers
        self._report = report
        self._busy = asyncio.Lock()
        self._ended = False

    async def next(self, outputs: Outputs) -> object:
        step = await self._workers.run(self._send(outputs))
        self._ended = step is END
        return step

    def close(self) -> None:
        if not self._ended:
            self._workers.run_later(self._leave())

    async def _send(self, outputs: Outputs) -> object:
        async with self._busy:
            return await self._session.asend(outputs)

    async def _leave(self) -> None:
        async with self._busy:  # where it was cancelled, it may still be cleaning up
            try:
                await self._session.aclose()
            except Exception as error:
                self._report(error)
