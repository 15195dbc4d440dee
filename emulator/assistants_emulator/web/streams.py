"""A run's events as a stream: those of its creation first, then whatever is committed, until the run rests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from assistants_emulator.project.faults import Fault
from assistants_emulator.project.project import Project
from assistants_emulator.resources import views
from assistants_emulator.resources.route import Version
from assistants_emulator.resources.run_states import TERMINAL
from assistants_emulator.runs.events import ERROR
from assistants_emulator.store import Event, Object
from assistants_emulator.v1 import views as v1_views
from assistants_emulator.web.fault_effects import DropConnection, malformed
from assistants_emulator.web.responses import DONE_FRAME, EVENT_VIEWS, frame

LAST = {f"thread.run.{status}" for status in (*TERMINAL, "requires_action")}
SHOWN_PREFIX = "thread."
NOT_SHOWN = {"thread.modified", "thread.deleted"}  # the store's own events of threads


class EventStream:
    """Listens from before the operation that begins or continues the run, so that no event is missed."""

    def __init__(self, project: Project, fault: Fault | None = None, version: Version = "v2") -> None:
        self._project = project
        self._version = version
        self._fault = fault
        self._view = EVENT_VIEWS[project.context.config.fidelity]
        self._sent = 0
        self._shows_content = False
        self._waiting: deque[Event] = deque()
        self._more = asyncio.Event()
        self._over = False
        self.run_id = ""
        self._unsubscribe: list[Callable[[], None]] = []

    def begin(self, operation: Callable[[], Object]) -> None:
        """Run the operation; what it commits is the beginning of the stream, what it raises is no stream at all."""
        store = self._project.context.store
        stop_collecting = store.subscribe("*", self._waiting.append)
        try:
            run = operation()
        finally:
            stop_collecting()
        self.run_id = run["id"]
        self._shows_content = bool(run.get("_include"))
        self._unsubscribe = [store.subscribe(topic, self._hear) for topic in (run["id"], run["thread_id"])]
        self._project.open_streams.add(self.end)

    def end(self) -> None:
        """Nothing more will come: the run rests, the thread is gone, or the project is emptied."""
        self._over = True
        self._more.set()

    def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._project.open_streams.discard(self.end)

    async def frames(self) -> AsyncIterator[bytes]:
        """The frames; those that are ready go out together."""
        try:
            while True:
                ready, last = self._take()
                if ready:
                    yield ready
                if self._is_broken():
                    raise DropConnection
                if last or self._over:
                    yield DONE_FRAME
                    return
                self._more.clear()
                await self._more.wait()
        finally:
            self.close()

    def _hear(self, event: Event) -> None:
        if event.name == "thread.deleted":
            self.end()
        self._waiting.append(event)
        self._more.set()

    def _take(self) -> tuple[bytes, bool]:
        """The frames of the events that are waiting, and whether these are the last."""
        frames: list[bytes] = []
        while self._waiting and not self._is_broken():
            event = self._waiting.popleft()
            if event.name.startswith(SHOWN_PREFIX) and event.name not in NOT_SHOWN:
                frames.append(self._frame(event))
            if self._sent == self._limit and self._fault is not None and self._fault.error is not None:
                return b"".join([*frames, frame(ERROR, self._fault.error.body())]), True
            if event.name in LAST:
                return b"".join(frames), True
        return b"".join(frames), False

    @property
    def _limit(self) -> int | None:
        return self._fault.drop_after if self._fault is not None else None

    def _is_broken(self) -> bool:
        """Whether a fault closes the connection here; one that tells an error lets the stream end by it."""
        return self._sent == self._limit and self._fault is not None and self._fault.error is None

    def _frame(self, event: Event) -> bytes:
        self._sent += 1
        name, data = event.name, self._view(event.data)
        if self._version == "v1":
            name, data = v1_views.streamed(self._project.context, name, event.data)
        if data["object"] == "thread.run.step" and not self._shows_content:
            data = views.without_search_content(data)
        whole = frame(name, data)
        return malformed(whole) + b"\n\n" if self._fault is not None and self._fault.malformed else whole
