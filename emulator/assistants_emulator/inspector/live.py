"""Changes for pages that are open: an event stream of the inspector's own.

`change` says that the page is out of date; `delta` brings the next piece of a message that is being written. Deltas are
built only while something listens to a run, so a feed listens to the runs that its page shows; but not under a manual
clock that jumps, which takes a listener for a request that waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from assistants_emulator.inspector.access import HEADERS
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.project.project import Project
from assistants_emulator.resources.run_states import active_run
from assistants_emulator.store import Event
from assistants_emulator.web.responses import STREAM_TYPE, disconnect, frame, send_pieces, send_until_gone
from assistants_emulator.web.streams import EventFeed

CHANGE, DELTA = "change", "delta"
MOST_QUEUED = 2000
BEAT_SECONDS = 15.0


async def live(request: PageRequest) -> Response:
    """The feed of one run, of one thread, or of the whole project, as the query says."""
    return FeedResponse(PageFeed(request.project, request.query("thread"), request.query("run")))


class PageFeed(EventFeed):
    """Changes in the thread or run with this id, or in the whole project if both are empty."""

    def __init__(self, project: Project, thread_id: str, run_id: str) -> None:
        super().__init__(project)
        self._thread_id = thread_id
        self._run_id = run_id
        self._runs: set[str] = set()
        self._queue: deque[tuple[str, dict[str, Any]]] = deque()
        self.subscribe("*", self._add)
        active = active_run(project.context, thread_id) if thread_id else None
        for id in (run_id, active["id"] if active else ""):
            if id:
                self._follow(id)

    async def frames(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        while not self.has_ended:
            if not await self.wait(BEAT_SECONDS):
                yield b": still here\n\n"
            while self._queue:
                yield frame(*self._queue.popleft())

    def _follow(self, run_id: str) -> None:
        self._runs.add(run_id)
        if not self.project.context.clock.autojump:
            self.subscribe(run_id, lambda event: None)

    def _add(self, event: Event) -> None:
        data = event.data
        if self._thread_id and event.name == "thread.run.created" and data["thread_id"] == self._thread_id:
            self._follow(data["id"])
        if event.name.endswith(".delta"):
            if event.topic in self._runs and event.name == "thread.message.delta":
                self._put(DELTA, {"message_id": data["id"], "text": _text(data["delta"]["content"])})
        elif self._concerns(event):
            self._put(CHANGE, {"name": event.name, "id": data.get("id", "")})

    def _concerns(self, event: Event) -> bool:
        if not (self._thread_id or self._run_id):
            return True
        ids = (event.data.get("id"), event.data.get("thread_id"))
        return event.topic in self._runs or (bool(self._thread_id) and self._thread_id in ids)

    def _put(self, name: str, data: dict[str, Any]) -> None:
        if name == CHANGE and self._queue and self._queue[-1][0] == CHANGE:
            self._queue.pop()  # a page refreshes as a whole: one change in a row is enough
        if len(self._queue) < MOST_QUEUED:
            self._queue.append((name, data))
        self.notify()


class FeedResponse(Response):
    """Sends a feed until the browser closes it or the project ends it."""

    def __init__(self, feed: PageFeed) -> None:
        super().__init__()
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        pieces = self._feed.frames()
        sending = send_pieces(send, 200, [(b"content-type", STREAM_TYPE), *headers], pieces)
        try:
            await send_until_gone(sending, disconnect(receive))
        finally:
            self._feed.close()


def _text(parts: list[dict[str, Any]]) -> str:
    texts = (
        part.get("text", {}).get("value", "") if part["type"] == "text" else part.get("refusal", "") for part in parts
    )
    return "".join(texts)
