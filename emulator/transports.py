"""HTTP transports for the SDK's own HTTP client that go through the second door instead of a socket.

SDKs up to 2.x are made with httpx, later ones with httpx2: the classes here are either's, made when they are needed. A
request's body is read before its call begins. What goes wrong is what httpx raises when it happens to a socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from emulator.door import TAKEN, Call, Door, Piece, Scope
from emulator.errors import StoppedError

CLIENT = ("127.0.0.1", 0)
NO_ANSWER = "Server disconnected without sending a response."
BROKEN_ANSWER = "peer closed connection without sending complete message body"


def sync_transport(httpx: Any, door: Door) -> Any:
    """An `httpx.BaseTransport`; `httpx` is that module, or httpx2."""
    return _made("InProcessTransport", _Transport, httpx.BaseTransport)(httpx, door)


def async_transport(httpx: Any, door: Door) -> Any:
    """An `httpx.AsyncBaseTransport`, for clients on an asyncio loop."""
    return _made("AsyncInProcessTransport", _AsyncTransport, httpx.AsyncBaseTransport)(httpx, door)


class _Exchange:
    """A call as its client sees it: the pieces of the answer in the order they came."""

    def __init__(self, httpx: Any, door: Door, request: Any) -> None:
        self.httpx = httpx
        self.door = door
        self.request = request
        self.seconds: float | None = request.extensions.get("timeout", {}).get("read")
        self.call: Call | None = None
        self._read = 0
        self._is_over = False

    def begin(self, call: Call) -> None:
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
    def __init__(self, httpx: Any, door: Door, request: Any) -> None:
        super().__init__(httpx, door, request)
        self._pieces: SimpleQueue[Piece | None] = SimpleQueue()
        self.begin(Call(scope_of(request), request.read(), self._pieces.put))

    def next(self, problem: str) -> Piece:
        try:
            return self.checked(self._pieces.get(timeout=self.seconds), problem)
        except Empty:
            raise self.late() from None
        except BaseException:
            self.leave()
            raise


class _AsyncExchange(_Exchange):
    def __init__(self, httpx: Any, door: Door, request: Any, body: bytes) -> None:
        super().__init__(httpx, door, request)
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.begin(Call(scope_of(request), body, self._tell))

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
    def __init__(self, httpx: Any, door: Door) -> None:
        self._httpx = httpx
        self._door = door

    def handle_request(self, request: Any) -> Any:
        exchange = _SyncExchange(self._httpx, self._door, request)
        first = exchange.next(NO_ANSWER)
        return _response(exchange, first, _Stream, self._httpx.SyncByteStream)


class _AsyncTransport:
    def __init__(self, httpx: Any, door: Door) -> None:
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
