"""The server that is recorded. Redirects are the client's business, and so are time limits but for connecting."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator

import httpx2

from emulator.errors import EmulatorError
from emulator.recording.headers import Pairs, passed_on

CONNECT_SECONDS = 30.0
TIMEOUT = {"connect": CONNECT_SECONDS, "read": None, "write": None, "pool": None}


class Upstream:
    """`base_url` with its `/v1`; `key` takes the place of the client's, in whichever header that came."""

    def __init__(self, base_url: str, key: str | None = None) -> None:
        try:
            self._base = httpx2.URL(base_url.rstrip("/"))
        except httpx2.InvalidURL as error:
            raise EmulatorError(f"upstream {base_url!r}: {error}") from None
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise EmulatorError(f"upstream {base_url!r} is not an address; it is like https://HOST/v1")
        self.path = self._base.path.rstrip("/")
        self._root = f"{base_url.rstrip('/')}"
        self._key = key
        self._client: httpx2.AsyncClient | None = None

    async def ask(
        self, method: str, path: str, headers: Pairs, content: AsyncIterator[bytes] | None
    ) -> httpx2.Response:
        """`path` as it was sent, with its query. The answer's body is still to be read; whoever reads it closes it."""
        if self._client is None:
            trusted = not _is_loopback(self._base.host)  # a proxy of the environment's is for other machines
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=100)
            self._client = httpx2.AsyncClient(trust_env=trusted, verify=self._base.scheme == "https", limits=limits)
        request = httpx2.Request(
            method,
            self._root + path,
            headers=[*self._authorised(passed_on(headers, answer=False)), (b"accept-encoding", b"identity")],
            content=content,
            extensions={"timeout": TIMEOUT},
        )
        return await self._client.send(request, stream=True)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _authorised(self, headers: Pairs) -> Pairs:
        if self._key is None:
            return headers
        key = self._key.encode()
        others = [(name, value) for name, value in headers if name not in (b"authorization", b"api-key")]
        if len(others) < len(headers) and not any(name == b"authorization" for name, _ in headers):
            return [*others, (b"api-key", key)]
        return [*others, (b"authorization", b"Bearer " + key)]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
