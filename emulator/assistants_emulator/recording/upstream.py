"""The server that is recorded. Redirects are the client's business, and so are time limits but for connecting."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httptools
import httpx2

from assistants_emulator.config import is_loopback
from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording.exchange import FailureKind, Pairs, passed_on


class UpstreamError(Exception):
    """`kind` as a cassette has it."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Answer:
    """`pieces` are the body as it comes, encoded as it was sent, and may raise UpstreamError; `close` comes last."""

    status: int
    headers: Pairs
    pieces: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]


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


CONNECT_SECONDS = 30.0
CERTIFICATE_FAULT = "CERTIFICATE_VERIFY_FAILED"  # how OpenSSL calls it
TIMEOUT = {"connect": CONNECT_SECONDS, "read": None, "write": None, "pool": None}


class Upstream:
    """`base_url` with its `/v1`; `key` takes the place of the client's, in whichever header that came."""

    def __init__(self, base_url: str, key: str | None = None) -> None:
        try:
            url = httpx2.URL(base_url.rstrip("/"))
        except httpx2.InvalidURL as error:
            raise EmulatorError(f"upstream {base_url!r}: {error}") from None
        if url.scheme not in ("http", "https") or not url.host or url.query:
            raise EmulatorError(f"upstream {base_url!r} is not a base URL; one is like https://HOST/v1")
        self.path = url.raw_path.decode().rstrip("/")
        self._host = url.netloc
        self._key = key
        self._client: Direct | General
        if url.scheme == "http" and (is_loopback(url.host) or not _proxied(url.host)):
            self._client = Direct(url.host, url.port or 80, CONNECT_SECONDS)
        else:
            self._client = General(f"{url.scheme}://{url.netloc.decode()}", not is_loopback(url.host))

    async def ask(self, method: str, path: str, headers: Pairs, content: AsyncIterator[bytes] | None) -> Answer:
        """`path` as it was sent, with its query. UpstreamError where no answer begins."""
        sent = [(b"host", self._host), *self._authorised(passed_on(headers, answer=False))]
        return await self._client.ask(method, self.path + path, [*sent, (b"accept-encoding", b"identity")], content)

    async def close(self) -> None:
        await self._client.close()

    def _authorised(self, headers: Pairs) -> Pairs:
        if self._key is None:
            return headers
        key = self._key.encode()
        others = [(name, value) for name, value in headers if name not in (b"authorization", b"api-key")]
        if len(others) < len(headers) and not any(name == b"authorization" for name, _ in headers):
            return [*others, (b"api-key", key)]
        return [*others, (b"authorization", b"Bearer " + key)]


class General:
    """TLS and the environment's proxies."""

    def __init__(self, root: str, trust_env: bool) -> None:
        self._root = root
        self._trust_env = trust_env
        self._client: httpx2.AsyncClient | None = None  # it belongs to the loop that first uses it

    async def ask(self, method: str, target: str, headers: Pairs, content: AsyncIterator[bytes] | None) -> Answer:
        if self._client is None:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            # a gateway on this machine is asked without a proxy, and is known by the environment's authorities too
            known = httpx2.create_ssl_context(trust_env=True)
            self._client = httpx2.AsyncClient(verify=known, trust_env=self._trust_env, limits=limits)
        extensions = {"timeout": TIMEOUT}
        request = httpx2.Request(method, self._root + target, headers=headers, content=content, extensions=extensions)
        try:
            answer = await self._client.send(request, stream=True)
        except httpx2.TransportError as error:
            raise _told(error) from None

        async def pieces() -> AsyncIterator[bytes]:
            try:
                async for piece in answer.aiter_raw():
                    yield piece
            except httpx2.TransportError as error:
                raise _told(error) from None

        return Answer(answer.status_code, [(n.lower(), v) for n, v in answer.headers.raw], pieces(), answer.aclose)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def _told(error: httpx2.TransportError) -> UpstreamError:
    kind: FailureKind = "dropped"
    if isinstance(error, httpx2.TimeoutException):
        kind = "timeout"
    elif isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        kind = "connect"
    told = str(error) or type(error).__name__
    if CERTIFICATE_FAULT in told:
        told += "; SSL_CERT_FILE names the file with the certificate of its authority"
    return UpstreamError(kind, told)


def _proxied(host: str) -> bool:
    proxies = getproxies()
    return bool(proxies.get("http") or proxies.get("all")) and not proxy_bypass(host)
