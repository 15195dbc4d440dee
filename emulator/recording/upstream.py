"""The server that is recorded. Redirects are the client's business, and so are time limits but for connecting."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator
from urllib.request import getproxies, proxy_bypass

import httpx2

from emulator.errors import EmulatorError
from emulator.recording.answer import Answer, UpstreamError
from emulator.recording.direct import Direct
from emulator.recording.exchange import FailureKind
from emulator.recording.headers import Pairs, passed_on

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
        if url.scheme == "http" and (_is_loopback(url.host) or not _proxied(url.host)):
            self._client = Direct(url.host, url.port or 80, CONNECT_SECONDS)
        else:
            self._client = General(f"{url.scheme}://{url.netloc.decode()}", not _is_loopback(url.host))

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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxied(host: str) -> bool:
    proxies = getproxies()
    return bool(proxies.get("http") or proxies.get("all")) and not proxy_bypass(host)
