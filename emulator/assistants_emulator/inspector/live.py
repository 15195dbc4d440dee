"""What happens, as it happens, for pages that are open: an event stream of the inspector's own.

`change` says that the page is out of date; `delta` brings the next piece of a message that is being written. Deltas are
made only while somebody listens to a run, so the runs that are looked at are listened to; but not under a test's clock
that jumps, which takes a listener for a request that waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from assistants_emulator.inspector.access import HEADERS
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.project.project import Project
from assistants_emulator.resources.run_states import active_run
from assistants_emulator.store import Event
from assistants_emulator.web.responses import STREAM_TYPE, disconnect, frame, send_pieces, send_until_gone

CHANGE, DELTA = "change", "delta"
MOST_WAITING = 2000
BEAT_SECONDS = 15.0


async def live(ask: PageRequest) -> Response:
    """Of one run, of one thread, or of the whole project, as the query says."""
    return Live(Feed(ask.project, ask.query("thread"), ask.query("run")))


class Feed:
    """Listens until it is closed; `frames` are what it heard."""

    def __init__(self, project: Project, thread_id: str, run_id: str) -> None:
        self._project = project
        self._thread_id = thread_id
        self._run_id = run_id
        self._runs: set[str] = set()
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        self._more = asyncio.Event()
        self._over = False
        self._unsubscribe: list[Callable[[], None]] = [project.context.store.subscribe("*", self._hear)]
        active = active_run(project.context, thread_id) if thread_id else None
        for id in (run_id, active["id"] if active else ""):
            if id:
                self._listen(id)
        project.open_streams.add(self.end)

    def end(self) -> None:
        self._over = True
        self._more.set()

    def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._project.open_streams.discard(self.end)

    async def frames(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        while not self._over:
            try:
                await asyncio.wait_for(self._more.wait(), BEAT_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            self._more.clear()
            while self._waiting:
                yield frame(*self._waiting.popleft())

    def _listen(self, run_id: str) -> None:
        self._runs.add(run_id)
        if not self._project.context.clock.autojump:
            self._unsubscribe.append(self._project.context.store.subscribe(run_id, lambda event: None))

    def _hear(self, event: Event) -> None:
        data = event.data
        if self._thread_id and event.name == "thread.run.created" and data["thread_id"] == self._thread_id:
            self._listen(data["id"])
        if event.name.endswith(".delta"):
            if event.topic in self._runs and event.name == "thread.message.delta":
                self._put(DELTA, {"message_id": data["id"], "text": _text(data["delta"]["content"])})
        elif self._concerns(event):
            self._put(CHANGE, {"name": event.name, "id": data.get("id", "")})

    def _concerns(self, event: Event) -> bool:
        if not (self._thread_id or self._run_id):
            return True
        own = (self._thread_id, event.data.get("id")), (self._thread_id, event.data.get("thread_id"))
        return event.topic in self._runs or any(wanted and wanted == said for wanted, said in own)

    def _put(self, name: str, data: dict[str, Any]) -> None:
        if name == CHANGE and self._waiting and self._waiting[-1][0] == CHANGE:
            self._waiting.pop()  # one is as good as two
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append((name, data))
        self._more.set()


class Live(Response):
    """Sends until the browser goes away or the project ends its streams."""

    def __init__(self, feed: Feed) -> None:
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
    said = (
        part.get("text", {}).get("value", "") if part["type"] == "text" else part.get("refusal", "") for part in parts
    )
    return "".join(said)
