"""Plain HTTP/1.1 to upstream, over loopback mostly: a tenth of what a general client costs for each call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import httptools

from emulator.recording.answer import Answer, UpstreamError
from emulator.recording.headers import Pairs

PIECE = 64 * 1024


class Direct:
    """Keeps connections open between calls; `ask` takes headers that say what is needed of length and encoding."""

    def __init__(self, host: str, port: int, connect_seconds: float) -> None:
        self._address = (host, port)
        self._connect_seconds = connect_seconds
        self._idle: deque[_Connection] = deque()

    async def ask(self, method: str, target: str, headers: Pairs, content: AsyncIterator[bytes] | None) -> Answer:
        """The head of the answer, its body still to be read. UpstreamError says what failed."""
        connection = await self._connection()
        try:
            connected = await connection.ask(method, target, headers, content)
        except BaseException:
            connection.close()
            raise

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in connected.pieces():
                yield piece

        async def close() -> None:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.close()

        return Answer(connected.status, connected.headers, pieces(), close)

    async def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        host, port = self._address
        try:
            async with asyncio.timeout(self._connect_seconds):
                return _Connection(*await asyncio.open_connection(host, port))
        except TimeoutError:
            raise UpstreamError("timeout", f"no connection within {self._connect_seconds:g} seconds") from None
        except OSError as error:
            raise UpstreamError("connect", str(error)) from None


class _Connection:
    """One request and one answer at a time; the parser calls the `on_` methods."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0
        self.headers: Pairs = []
        self._method = ""
        self._parser = httptools.HttpResponseParser(self)
        self._body: deque[bytes] = deque()
        self._headed = self._complete = self._sent = self._keep_alive = False

    @property
    def usable(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    @property
    def reusable(self) -> bool:
        return self._complete and self._sent and self._keep_alive and self.usable

    def close(self) -> None:
        self._writer.close()

    async def ask(self, method: str, target: str, headers: Pairs, content: AsyncIterator[bytes] | None) -> _Connection:
        self._begin(method)
        chunked = content is not None and not any(name == b"content-length" for name, _ in headers)
        lines = [f"{method} {target} HTTP/1.1\r\n".encode("latin-1")]
        lines += [b"%b: %b\r\n" % pair for pair in headers]
        lines.append(b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n")
        self._writer.write(b"".join(lines))
        try:
            if content is not None:
                async for piece in content:
                    self._writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                    await self._writer.drain()
                if chunked:
                    self._writer.write(b"0\r\n\r\n")
            await self._writer.drain()
            self._sent = True
        except ConnectionError:
            pass  # it may have answered before it had read all
        while not self._headed:
            await self._read()
        return self

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            while self._body:
                yield self._body.popleft()
            if self._complete:
                return
            await self._read()

    def on_status(self, status: bytes) -> None:
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._keep_alive = self._parser.should_keep_alive()
        self._headed = self.status >= 200
        if self._headed and self._method == "HEAD":  # its length is that of a body which does not come
            self._complete, self._keep_alive = True, False

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._complete = self._headed

    def _begin(self, method: str) -> None:
        self.status, self.headers, self._method = 0, [], method
        self._parser = httptools.HttpResponseParser(self)
        self._body = deque()
        self._headed = self._complete = self._sent = self._keep_alive = False

    async def _read(self) -> None:
        try:
            data = await self._reader.read(PIECE)
        except OSError as error:
            raise UpstreamError("dropped", str(error)) from None
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise UpstreamError("dropped", f"it does not speak HTTP: {error}") from None

    def _end(self) -> None:
        """An answer without a length ends with its connection; every other one was cut off."""
        told = {b"content-length", b"transfer-encoding"} & {name for name, _ in self.headers}
        if not self._headed or told:
            raise UpstreamError("dropped", "the connection was closed before the answer was complete")
        self._complete, self._keep_alive = True, False
