"""The second door: the application called without a socket, from any thread and for any event loop.

A call runs on the server's loop as one that came by the socket does; its answer is handed over piece by piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from emulator.loop import LoopThread

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
Head = tuple[int, list[tuple[bytes, bytes]]]

MOST_WAITING = 64  # pieces that a client has not taken yet; then the application waits, as it does for a full socket
TAKEN = MOST_WAITING // 2  # so many are told of at once: to tell of each would cost as much as the piece

log = logging.getLogger("emulator")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an answer; its status and headers come with the first of them."""

    body: bytes
    is_last: bool
    head: Head | None


class Call:
    """One request and its answer. `tell` gets each Piece, or None where the connection is gone before the last; it is
    called on the server's loop, and must not wait. `taken` and `left` are
    called there too.
    """

    def __init__(self, scope: Scope, body: bytes, tell: Callable[[Piece | None], object]) -> None:
        self.scope = {**scope, "state": {"drop_connection": lambda _: self._break()}}
        self._body: bytes | None = body
        self._tell = tell
        self._head: Head | None = None
        self._is_over = False
        self._waiting = 0
        self._gone = asyncio.Event()
        self._room = asyncio.Event()

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self._receive, self._send)
        except Exception:
            log.exception("%s %s broke off", self.scope["method"], self.scope["path"])
        finally:
            self._break()

    def taken(self) -> None:
        """The client has read TAKEN more pieces."""
        self._waiting -= TAKEN
        self._room.set()

    def left(self) -> None:
        """Nobody reads on: the application finds its client disconnected."""
        self._is_over = True
        self._gone.set()
        self._room.set()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message["status"], message["headers"]
            return
        if self._is_over:
            return
        self._is_over = not message.get("more_body", False)
        head, self._head = self._head, None
        self._waiting += 1
        self._tell(Piece(message.get("body", b""), self._is_over, head))
        while self._waiting >= MOST_WAITING and not self._is_over:
            self._room.clear()
            await self._room.wait()

    def _break(self) -> None:
        if not self._is_over:
            self._tell(None)
        self.left()


class Door:
    """Where the calls of `app` come in; `loop` is the one that it is served on."""

    def __init__(self, app: App, loop: LoopThread) -> None:
        self._app = app
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, call: Call) -> None:
        """StoppedError where the emulator is no longer running."""
        self._loop.soon(lambda: self._start(call))

    def took(self, call: Call) -> None:
        self._loop.soon(call.taken)

    def leave(self, call: Call) -> None:
        self._loop.soon(call.left)

    async def stop(self) -> None:
        """On the loop: what is being answered is cut off."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    def _start(self, call: Call) -> None:
        task = asyncio.get_running_loop().create_task(call.run(self._app))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
