"""HTTP transports for the SDK's own HTTP client that go through the second door instead of a socket.

SDKs up to 2.x are made with httpx, later ones with httpx2: the classes here are either's, made when they are needed. A
request's body is read before its call begins. What goes wrong is what httpx raises when it happens to a socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from assistants_emulator.errors import StoppedError
from assistants_emulator.server.loop import LoopThread

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
Head = tuple[int, list[tuple[bytes, bytes]]]
MOST_WAITING = 64  # pieces that a client has not taken yet; then the application waits, as it does for a full socket
TAKEN = MOST_WAITING // 2  # so many are told of at once: to tell of each would cost as much as the piece
log = logging.getLogger("assistants_emulator")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an answer; its status and headers come with the first of them."""

    body: bytes
    is_last: bool
    head: Head | None


class InProcessCall:
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


class InProcessServer:
    """Where the calls of `app` come in; `loop` is the one that it is served on."""

    def __init__(self, app: App, loop: LoopThread) -> None:
        self._app = app
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, call: InProcessCall) -> None:
        """StoppedError where the emulator is no longer running."""
        self._loop.soon(lambda: self._start(call))

    def took(self, call: InProcessCall) -> None:
        self._loop.soon(call.taken)

    def leave(self, call: InProcessCall) -> None:
        self._loop.soon(call.left)

    async def stop(self) -> None:
        """On the loop: what is being answered is cut off."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    def _start(self, call: InProcessCall) -> None:
        task = asyncio.get_running_loop().create_task(call.run(self._app))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


CLIENT = ("127.0.0.1", 0)
NO_ANSWER = "Server disconnected without sending a response."
BROKEN_ANSWER = "peer closed connection without sending complete message body"


def sync_transport(httpx: Any, door: InProcessServer) -> Any:
    """An `httpx.BaseTransport`; `httpx` is that module, or httpx2."""
    return _made("InProcessTransport", _Transport, httpx.BaseTransport)(httpx, door)


def async_transport(httpx: Any, door: InProcessServer) -> Any:
    """An `httpx.AsyncBaseTransport`, for clients on an asyncio loop."""
    return _made("AsyncInProcessTransport", _AsyncTransport, httpx.AsyncBaseTransport)(httpx, door)


class _Exchange:
    """A call as its client sees it: the pieces of the answer in the order they came."""

    def __init__(self, httpx: Any, door: InProcessServer, request: Any) -> None:
        self.httpx = httpx
        self.door = door
        self.request = request
        self.seconds: float | None = request.extensions.get("timeout", {}).get("read")
        self.call: InProcessCall | None = None
        self._read = 0
        self._is_over = False

    def begin(self, call: InProcessCall) -> None:
        self.call = call
        try:
            self.door.begin(call)
        except StoppedError as error:
            raise self.httpx.ConnectError(str(error), request=self.request) from None

    def leave(self) -> None:
        if self.call is not None and not self._is_over:
            self._is_over = True
            with suppress(StoppedError):
                self.door.leave(self.call)

    def checked(self, piece: Piece | None, problem: str) -> Piece:
        if piece is None:
            self._is_over = True
            raise self.httpx.RemoteProtocolError(problem, request=self.request)
        self._is_over = piece.is_last
        self._read += 1
        if self._read % TAKEN == 0 and self.call is not None:
            with suppress(StoppedError):
                self.door.took(self.call)
        return piece

    def late(self) -> Exception:
        self.leave()
        error: Exception = self.httpx.ReadTimeout("timed out", request=self.request)
        return error


class _SyncExchange(_Exchange):
    def __init__(self, httpx: Any, door: InProcessServer, request: Any) -> None:
        super().__init__(httpx, door, request)
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self.begin(InProcessCall(scope_of(request), request.read(), self._pieces.put))

    def next(self, problem: str) -> Piece:
        try:
            return self.checked(self._pieces.get(timeout=self.seconds), problem)
        except Empty:
            raise self.late() from None
        except BaseException:
            self.leave()
            raise


class _AsyncExchange(_Exchange):
    def __init__(self, httpx: Any, door: InProcessServer, request: Any, body: bytes) -> None:
        super().__init__(httpx, door, request)
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.begin(InProcessCall(scope_of(request), body, self._tell))

    async def next(self, problem: str) -> Piece:
        try:
            async with asyncio.timeout(self.seconds):
                piece = await self._pieces.get()
        except TimeoutError:
            raise self.late() from None
        except BaseException:
            self.leave()
            raise
        return self.checked(piece, problem)

    def _tell(self, piece: Piece | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        except RuntimeError:  # the client's loop is closed, and the client with it
            self.leave()


class _Transport:
    def __init__(self, httpx: Any, door: InProcessServer) -> None:
        self._httpx = httpx
        self._door = door

    def handle_request(self, request: Any) -> Any:
        exchange = _SyncExchange(self._httpx, self._door, request)
        first = exchange.next(NO_ANSWER)
        return _response(exchange, first, _Stream, self._httpx.SyncByteStream)


class _AsyncTransport:
    def __init__(self, httpx: Any, door: InProcessServer) -> None:
        self._httpx = httpx
        self._door = door

    async def handle_async_request(self, request: Any) -> Any:
        exchange = _AsyncExchange(self._httpx, self._door, request, await request.aread())
        first = await exchange.next(NO_ANSWER)
        return _response(exchange, first, _AsyncStream, self._httpx.AsyncByteStream)


class _Stream:
    """The body of an answer that comes bit by bit; closing it early disconnects."""

    def __init__(self, exchange: _SyncExchange, first: Piece) -> None:
        self._exchange = exchange
        self._first = first

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first
        yield piece.body
        while not piece.is_last:
            piece = self._exchange.next(BROKEN_ANSWER)
            yield piece.body

    def close(self) -> None:
        self._exchange.leave()


class _AsyncStream:
    """As `_Stream`."""

    def __init__(self, exchange: _AsyncExchange, first: Piece) -> None:
        self._exchange = exchange
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        piece = self._first
        yield piece.body
        while not piece.is_last:
            piece = await self._exchange.next(BROKEN_ANSWER)
            yield piece.body

    async def aclose(self) -> None:
        self._exchange.leave()


def scope_of(request: Any) -> Scope:
    """As uvicorn makes it of the same request."""
    url = request.url
    raw_path, _, query = url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (url.host, url.port),
        "client": CLIENT,
    }


def _response(exchange: _Exchange, first: Piece, stream: type, base: type) -> Any:
    assert first.head is not None
    status, headers = first.head
    body = (
        exchange.httpx.ByteStream(first.body)
        if first.is_last
        else _made("InProcessStream", stream, base)(exchange, first)
    )
    return exchange.httpx.Response(status, headers=headers, stream=body, request=exchange.request)


_classes: dict[tuple[type, type], Any] = {}


def _made(name: str, ours: type, theirs: type) -> Any:
    """Our class as a kind of theirs."""
    if (ours, theirs) not in _classes:
        _classes[ours, theirs] = type(name, (ours, theirs), {})
    return _classes[ours, theirs]
