"""Requests to the server that is recorded.

Two clients do the same: `PlainClient` speaks HTTP/1.1 on connections of its own, for `http://` without a proxy;
`HttpxClient` has TLS and the environment's proxies. Neither follows redirects, and only connecting has a time limit:
the rest is up to the recorded program.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httptools
import httpx2

from assistants_emulator.config import is_loopback
from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording.exchange import FailureKind, Pairs, forwarded_headers
from assistants_emulator.store.blobs import encode_base64

CONNECT_SECONDS = 30.0
TIMEOUT = {"connect": CONNECT_SECONDS, "read": None, "write": None, "pool": None}
READ_BYTES = 64 * 1024
CERTIFICATE_ERROR = "CERTIFICATE_VERIFY_FAILED"  # OpenSSL's name for it

Chunks = AsyncIterator[bytes]


class UpstreamError(Exception):
    """No response, or only a part of one; `kind` as a cassette has it."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class UpstreamResponse:
    """`chunks` are the body as it comes, encoded as upstream encoded it, and may raise UpstreamError; `close` comes
    last."""

    status: int
    headers: Pairs
    chunks: Chunks
    close: Callable[[], Awaitable[None]]


class Upstream:
    """`base_url` with its `/v1`; `key` takes the place of the client's where it is lent, in the header that the client
    used."""

    def __init__(self, base_url: str, key: str | None = None) -> None:
        try:
            url = httpx2.URL(base_url.rstrip("/"))
        except httpx2.InvalidURL as error:
            raise EmulatorError(f"upstream {without_credentials(base_url)!r}: {error}") from None
        if url.scheme not in ("http", "https") or not url.host or url.query:
            raise EmulatorError(
                f"upstream {without_credentials(base_url)!r} is not a base URL; one is like https://HOST/v1"
            )
        self.path = url.raw_path.decode().rstrip("/")
        self.shown = without_credentials(base_url)
        self.credentials = [part for part in (url.username, url.password) if part]
        self._host = url.netloc
        self._key = key
        self._client: PlainClient | HttpxClient
        if url.scheme == "http" and (is_loopback(url.host) or not _is_proxied(url.host)):
            self._client = PlainClient(url.host, url.port or 80)
        else:
            # a gateway on this machine is reached without a proxy
            self._client = HttpxClient(f"{url.scheme}://{url.netloc.decode()}", trust_env=not is_loopback(url.host))

    async def request(
        self, method: str, path: str, headers: Pairs, content: Chunks | None, *, lends_key: bool
    ) -> UpstreamResponse:
        """The response, its body still to be read. `path` is below the base URL, with its query; UpstreamError."""
        headers = forwarded_headers(headers, answer=False)
        headers = [
            (b"host", self._host),
            *(self._authorised(headers) if lends_key else headers),
            (b"accept-encoding", b"identity"),
        ]
        return await self._client.request(method, self.path + path, headers, content)

    async def close(self) -> None:
        await self._client.close()

    def _authorised(self, headers: Pairs) -> Pairs:
        if self._key is None and self.credentials and not any(name == b"authorization" for name, _ in headers):
            pair = ":".join(self.credentials).encode()
            return [*headers, (b"authorization", b"Basic " + encode_base64(pair).encode())]
        if self._key is None:
            return headers
        key = self._key.encode()
        without_key = [(name, value) for name, value in headers if name not in (b"authorization", b"api-key")]
        if len(without_key) < len(headers) and not any(name == b"authorization" for name, _ in headers):
            return [*without_key, (b"api-key", key)]
        return [*without_key, (b"authorization", b"Bearer " + key)]


def without_credentials(url: str) -> str:
    """The URL for people: without user, password and query."""
    return re.sub(r"(?<=//)[^/?#]*@", "", url).partition("?")[0]


def _is_proxied(host: str) -> bool:
    proxies = getproxies()
    return bool(proxies.get("http") or proxies.get("all")) and not proxy_bypass(host)


class HttpxClient:
    """Requests through one `httpx2.AsyncClient`. Its certificates are the environment's even without `trust_env`."""

    def __init__(self, root: str, *, trust_env: bool) -> None:
        self._root = root
        self._trust_env = trust_env
        self._client: httpx2.AsyncClient | None = None  # it belongs to the loop that first uses it

    async def request(self, method: str, target: str, headers: Pairs, content: Chunks | None) -> UpstreamResponse:
        if self._client is None:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            authorities = httpx2.create_ssl_context(trust_env=True)
            self._client = httpx2.AsyncClient(verify=authorities, trust_env=self._trust_env, limits=limits)
        extensions = {"timeout": TIMEOUT}
        request = httpx2.Request(method, self._root + target, headers=headers, content=content, extensions=extensions)
        try:
            response = await self._client.send(request, stream=True)
        except httpx2.TransportError as error:
            raise _upstream_error(error) from None
        headers = [(name.lower(), value) for name, value in response.headers.raw]
        return UpstreamResponse(response.status_code, headers, _raw_chunks(response), response.aclose)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


async def _raw_chunks(response: httpx2.Response) -> Chunks:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx2.TransportError as error:
        raise _upstream_error(error) from None


def _upstream_error(error: httpx2.TransportError) -> UpstreamError:
    kind: FailureKind = "dropped"
    if isinstance(error, httpx2.TimeoutException):
        kind = "timeout"
    elif isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        kind = "connect"
    message = str(error) or type(error).__name__
    if CERTIFICATE_ERROR in message:
        message += "; SSL_CERT_FILE names the file with the certificate of its authority"
    return UpstreamError(kind, message)


class PlainClient:
    """A pool of connections to one address; a body whose length the headers do not give is sent in chunks.

    It is here for its speed: with `HttpxClient` a recorder adds 2.6 times as much to a call (1.0 instead of 0.38 ms,
    httpx2 2.16; 0.88 ms with that client's transport alone). `python -m tests.benchmarks.proxy` measures it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._idle: deque[_Connection] = deque()

    async def request(self, method: str, target: str, headers: Pairs, content: Chunks | None) -> UpstreamResponse:
        connection = await self._connection()
        try:
            await connection.send(method, target, headers, content)
            await connection.receive_head()
        except BaseException:
            connection.close()
            raise

        async def close() -> None:
            if connection.is_reusable:
                self._idle.append(connection)
            else:
                connection.close()

        return UpstreamResponse(connection.status, connection.headers, connection.chunks(), close)

    async def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
            connection.close()
        host, port = self._address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return _Connection(*await asyncio.open_connection(host, port))
        except TimeoutError:
            raise UpstreamError("timeout", f"no connection within {CONNECT_SECONDS:g} seconds") from None
        except OSError as error:
            raise UpstreamError("connect", str(error)) from None


class _Connection:
    """One request and one response at a time; the parser calls the `on_` methods."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0
        self.headers: Pairs = []
        self._method = ""
        self._parser = httptools.HttpResponseParser(self)
        self._body: deque[bytes] = deque()
        self._has_head = self._is_complete = self._request_sent = self._keep_alive = False

    @property
    def is_open(self) -> bool:
        return not self._reader.at_eof() and not self._writer.is_closing()

    @property
    def is_reusable(self) -> bool:
        return self._is_complete and self._request_sent and self._keep_alive and self.is_open

    def close(self) -> None:
        self._writer.close()

    async def send(self, method: str, target: str, headers: Pairs, content: Chunks | None) -> None:
        self._begin(method)
        chunked = content is not None and not any(name == b"content-length" for name, _ in headers)
        lines = [f"{method} {target} HTTP/1.1\r\n".encode("latin-1")]
        lines += [b"%b: %b\r\n" % pair for pair in headers]
        lines.append(b"transfer-encoding: chunked\r\n\r\n" if chunked else b"\r\n")
        self._writer.write(b"".join(lines))
        try:
            if content is not None:
                await self._send_content(content, chunked)
            await self._writer.drain()
            self._request_sent = True
        except ConnectionError:
            pass  # upstream may have answered before it had read all

    async def _send_content(self, content: Chunks, chunked: bool) -> None:
        async for chunk in content:
            self._writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            await self._writer.drain()
        if chunked:
            self._writer.write(b"0\r\n\r\n")

    async def receive_head(self) -> None:
        while not self._has_head:
            await self._read()

    async def chunks(self) -> Chunks:
        while True:
            while self._body:
                yield self._body.popleft()
            if self._is_complete:
                return
            await self._read()

    def on_status(self, status: bytes) -> None:
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._keep_alive = self._parser.should_keep_alive()
        self._has_head = self.status >= 200
        if self._has_head and self._method == "HEAD":  # its length is that of a body which does not come
            self._is_complete, self._keep_alive = True, False

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._is_complete = self._has_head

    def _begin(self, method: str) -> None:
        self.status, self.headers, self._method = 0, [], method
        self._parser = httptools.HttpResponseParser(self)
        self._body = deque()
        self._has_head = self._is_complete = self._request_sent = self._keep_alive = False

    async def _read(self) -> None:
        try:
            data = await self._reader.read(READ_BYTES)
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
        """A response without a length ends with its connection; every other one was cut off."""
        has_length = any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        if not self._has_head or has_length:
            raise UpstreamError("dropped", "the connection was closed before the answer was complete")
        self._is_complete, self._keep_alive = True, False
