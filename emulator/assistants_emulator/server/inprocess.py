"""The application without a socket: an HTTP transport of the SDK's own client that calls it on the server's loop.

A call runs as one that came by the socket does; the response is handed over in pieces, to any thread or event loop.
The transport classes are httpx's, or httpx2's with later SDKs, and made on demand. A request's body is read before its
call begins. Failures are raised as httpx raises them for a socket.
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
WINDOW = 64  # pieces not read by the client yet, from which on the application waits, as it does for a full socket
CREDIT = WINDOW // 2  # pieces that are credited at once: a credit for each would cost as much as the piece
CLIENT = ("127.0.0.1", 0)
NO_RESPONSE = "Server disconnected without sending a response."
INCOMPLETE_BODY = "peer closed connection without sending complete message body"
log = logging.getLogger("assistants_emulator")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a response's body; the first has its status and headers."""

    body: bytes
    is_last: bool
    head: Head | None


class InProcessServer:
    """Starts the calls of `app` on `loop`. Its methods but `stop` may be called in any thread."""

    def __init__(self, app: App, loop: LoopThread) -> None:
        self._app = app
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, call: InProcessCall) -> None:
        """Begin a call; StoppedError if the emulator is not running."""
        self._loop.soon(lambda: self._start(call))

    def credit(self, call: InProcessCall) -> None:
        self._loop.soon(call.credit)

    def disconnect(self, call: InProcessCall) -> None:
        self._loop.soon(call.disconnect)

    async def stop(self) -> None:
        """Cut off the responses under way; on the loop."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)

    def _start(self, call: InProcessCall) -> None:
        task = asyncio.get_running_loop().create_task(call.run(self._app))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class InProcessCall:
    """One request and its response, on the server's loop.

    `deliver` is called with each Piece, or with None if the connection is cut before the last one; it must not wait.
    """

    def __init__(self, scope: Scope, body: bytes, deliver: Callable[[Piece | None], object]) -> None:
        self.scope = {**scope, "state": {"drop_connection": lambda _: self._cut()}}
        self._body: bytes | None = body
        self._deliver = deliver
        self._head: Head | None = None
        self._is_over = False
        self._unread = 0
        self._disconnected = asyncio.Event()
        self._has_room = asyncio.Event()

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self._receive, self._send)
        except Exception:
            log.exception("%s %s broke off", self.scope["method"], self.scope["path"])
        finally:
            self._cut()

    def credit(self) -> None:
        """Count CREDIT more pieces as read by the client."""
        self._unread -= CREDIT
        self._has_room.set()

    def disconnect(self) -> None:
        """End the call: the application finds its client disconnected."""
        self._is_over = True
        self._disconnected.set()
        self._has_room.set()

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message["status"], message["headers"]
            return
        if self._is_over:
            return
        self._is_over = not message.get("more_body", False)
        head, self._head = self._head, None
        self._unread += 1
        self._deliver(Piece(message.get("body", b""), self._is_over, head))
        while self._unread >= WINDOW and not self._is_over:
            self._has_room.clear()
            await self._has_room.wait()

    def _cut(self) -> None:
        if not self._is_over:
            self._deliver(None)
        self.disconnect()


def sync_transport(httpx: Any, server: InProcessServer) -> Any:
    """Return an `httpx.BaseTransport`; `httpx` is that module, or httpx2."""
    return _subclass("InProcessTransport", _Transport, httpx.BaseTransport)(httpx, server)


def async_transport(httpx: Any, server: InProcessServer) -> Any:
    """Return an `httpx.AsyncBaseTransport`, for clients on an asyncio loop."""
    return _subclass("AsyncInProcessTransport", _AsyncTransport, httpx.AsyncBaseTransport)(httpx, server)


class _Transport:
    def __init__(self, httpx: Any, server: InProcessServer) -> None:
        self._httpx = httpx
        self._server = server

    def handle_request(self, request: Any) -> Any:
        exchange = _SyncExchange(self._httpx, self._server, request)
        first = exchange.next(NO_RESPONSE)
        return _response(exchange, first, _Stream, self._httpx.SyncByteStream)


class _AsyncTransport:
    def __init__(self, httpx: Any, server: InProcessServer) -> None:
        self._httpx = httpx
        self._server = server

    async def handle_async_request(self, request: Any) -> Any:
        exchange = _AsyncExchange(self._httpx, self._server, request, await request.aread())
        first = await exchange.next(NO_RESPONSE)
        return _response(exchange, first, _AsyncStream, self._httpx.AsyncByteStream)


class _Exchange:
    """A call as its client sees it: the pieces of the response in order."""

    def __init__(self, httpx: Any, server: InProcessServer, request: Any) -> None:
        self.httpx = httpx
        self.server = server
        self.request = request
        self.timeout: float | None = request.extensions.get("timeout", {}).get("read")
        self.call: InProcessCall | None = None
        self._read = 0
        self._is_over = False

    def start(self, call: InProcessCall) -> None:
        self.call = call
        try:
            self.server.start(call)
        except StoppedError as error:
            raise self.httpx.ConnectError(str(error), request=self.request) from None

    def disconnect(self) -> None:
        if self.call is not None and not self._is_over:
            self._is_over = True
            with suppress(StoppedError):
                self.server.disconnect(self.call)

    def accept(self, piece: Piece | None, problem: str) -> Piece:
        """Count a piece as read; RemoteProtocolError with the text `problem` if the connection was cut."""
        if piece is None:
            self._is_over = True
            raise self.httpx.RemoteProtocolError(problem, request=self.request)
        self._is_over = piece.is_last
        self._read += 1
        if self._read % CREDIT == 0 and self.call is not None:
            with suppress(StoppedError):
                self.server.credit(self.call)
        return piece

    def time_out(self) -> Exception:
        """Disconnect, and return the error to raise."""
        self.disconnect()
        error: Exception = self.httpx.ReadTimeout("timed out", request=self.request)
        return error


class _SyncExchange(_Exchange):
    def __init__(self, httpx: Any, server: InProcessServer, request: Any) -> None:
        super().__init__(httpx, server, request)
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self.start(InProcessCall(scope_of(request), request.read(), self._pieces.put))

    def next(self, problem: str) -> Piece:
        try:
            return self.accept(self._pieces.get(timeout=self.timeout), problem)
        except Empty:
            raise self.time_out() from None
        except BaseException:
            self.disconnect()
            raise


class _AsyncExchange(_Exchange):
    def __init__(self, httpx: Any, server: InProcessServer, request: Any, body: bytes) -> None:
        super().__init__(httpx, server, request)
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.start(InProcessCall(scope_of(request), body, self._deliver))

    async def next(self, problem: str) -> Piece:
        try:
            async with asyncio.timeout(self.timeout):
                piece = await self._pieces.get()
        except TimeoutError:
            raise self.time_out() from None
        except BaseException:
            self.disconnect()
            raise
        return self.accept(piece, problem)

    def _deliver(self, piece: Piece | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
        except RuntimeError:  # the client's loop is closed, and the client with it
            self.disconnect()


def _response(exchange: _Exchange, first: Piece, stream: type, base: type) -> Any:
    assert first.head is not None
    status, headers = first.head
    if first.is_last:
        body = exchange.httpx.ByteStream(first.body)
    else:
        body = _subclass("InProcessStream", stream, base)(exchange, first)
    return exchange.httpx.Response(status, headers=headers, stream=body, request=exchange.request)


class _Stream:
    """The body of a response in several pieces; closing it early disconnects."""

    def __init__(self, exchange: _SyncExchange, first: Piece) -> None:
        self._exchange = exchange
        self._first = first

    def __iter__(self) -> Iterator[bytes]:
        piece = self._first
        yield piece.body
        while not piece.is_last:
            piece = self._exchange.next(INCOMPLETE_BODY)
            yield piece.body

    def close(self) -> None:
        self._exchange.disconnect()


class _AsyncStream:
    """As `_Stream`, for an async client."""

    def __init__(self, exchange: _AsyncExchange, first: Piece) -> None:
        self._exchange = exchange
        self._first = first

    async def __aiter__(self) -> AsyncIterator[bytes]:
        piece = self._first
        yield piece.body
        while not piece.is_last:
            piece = await self._exchange.next(INCOMPLETE_BODY)
            yield piece.body

    async def aclose(self) -> None:
        self._exchange.disconnect()


def scope_of(request: Any) -> Scope:
    """Return an httpx request's ASGI scope, as uvicorn makes it."""
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


_subclasses: dict[tuple[type, type], Any] = {}


def _subclass(name: str, implementation: type, base: type) -> Any:
    """Return the implementation as a subclass of httpx's class, the same for each call."""
    if (implementation, base) not in _subclasses:
        _subclasses[implementation, base] = type(name, (implementation, base), {})
    return _subclasses[implementation, base]
