"""The gate before every server of this package: requests of foreign browser pages are rejected (DNS rebinding, CORS).

A request's Host has to be loopback or an allowed name, which stops DNS rebinding. Its Origin, if it has one, has to be
loopback, the server's own or an allowed one; such pages get CORS headers. A write from another site needs an allowed
Origin. SDKs send no Origin and a loopback Host, and are not affected.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistants_emulator.config import ANY, is_loopback
from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.web.responses import JSON_TYPE, json_bytes, send_whole

PREFLIGHT_SECONDS = b"600"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_NAME = r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
_HOST = re.compile(_NAME)
_ORIGIN = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://{_NAME}")


class Forbidden(ApiError):
    status = 403


@dataclass(frozen=True, slots=True)
class Caller:
    """The headers of a request that tell where it comes from; each is empty if the request has none."""

    host: str
    origin: str
    site: str
    """`Sec-Fetch-Site`: `cross-site`, `same-site`, `same-origin` or `none`, of a browser only."""

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """Several headers of one name are joined by a comma, which no host or origin has."""
        host = origin = site = b""
        for name, value in headers:
            if name == b"host":
                host = value if not host else host + b", " + value
            elif name == b"origin":
                origin = value if not origin else origin + b", " + value
            elif name == b"sec-fetch-site":
                site = value
        return cls(host.decode("latin-1"), origin.decode("latin-1"), site.decode("latin-1").lower())


class TrustedHosts:
    """ASGI middleware. `hosts` are names beside loopback, `*` for all; `origins` are origins, `*` for all."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(name.lower() for name in hosts)
        self._origins = Origins(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = Caller.of(scope["headers"])
        try:
            self._admit(caller, scope["method"])
        except Forbidden as error:
            headers = [(b"content-type", JSON_TYPE), (b"x-content-type-options", b"nosniff")]
            headers.append((b"cross-origin-resource-policy", b"same-origin"))
            await send_whole(send, error.status, headers, json_bytes(error.body()))
            return
        if not caller.origin:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await send_whole(send, 204, [*_cors(caller.origin), *_preflight(scope["headers"])], b"")
        else:
            await self._app(scope, receive, _with_cors(send, caller.origin))

    def _admit(self, caller: Caller, method: str) -> None:
        host, origin = caller.host, caller.origin
        if host and not self._is_allowed_host(_host_name(host)):
            raise Forbidden(f"The host '{host}' is not this emulator's. Start it with --allow-host to serve it there.")
        is_allowed = bool(origin) and (self._is_own(caller) or self._origins.allow(origin))
        if origin and not is_allowed and not is_loopback(_origin_name(origin) or ""):
            raise Forbidden(f"Pages of '{origin}' may not use this emulator. Start it with --allow-origin to let them.")
        if caller.site == "cross-site" and not is_allowed and method not in SAFE_METHODS:
            page = f"pages of '{origin}'" if origin else "a page of another site"
            raise Forbidden(f"Cross-site calls by {page} may not write. Start it with --allow-origin to let them.")

    def _is_allowed_host(self, name: str | None) -> bool:
        return name is not None and (ANY in self._hosts or self._is_known(name))

    def _is_known(self, name: str) -> bool:
        return name in self._hosts or is_loopback(name)

    def _is_own(self, caller: Caller) -> bool:
        """The page is of this server. With any host allowed, a page that rebinds its name looks so: it is not."""
        name = _host_name(caller.host)
        return caller.origin.lower() in _own_origins(caller.host) and name is not None and self._is_known(name)


class Origins:
    """The origins that --allow-origin opens: `https://HOST[:PORT]`, or `*` for all. EmulatorError for anything else."""

    def __init__(self, origins: Collection[str]) -> None:
        for origin in origins:
            if origin != ANY and not _ORIGIN.fullmatch(origin):
                raise EmulatorError(f"--allow-origin is like http://localhost:3000, or '*' for all, not {origin!r}")
        self._origins = frozenset(origin.lower() for origin in origins)

    def allow(self, origin: str) -> bool:
        return ANY in self._origins or origin.lower() in self._origins

    def may_borrow(self, scope: Scope) -> bool:
        """True for a program on this machine, and for a page of an allowed origin: both may use the server's key."""
        client = scope.get("client")
        if client is None or not is_loopback(client[0]):
            return False
        caller = Caller.of(scope["headers"])
        if caller.origin:
            return self.allow(caller.origin)
        return caller.site in ("", "none")


@lru_cache(maxsize=256)
def _host_name(host: str) -> str | None:
    """The name in a Host header, in lower case; None for what is no `NAME[:PORT]`. Cached: clients repeat it."""
    match = _HOST.fullmatch(host)
    return match["name"].strip("[]").lower() if match else None


@lru_cache(maxsize=256)
def _origin_name(origin: str) -> str | None:
    match = _ORIGIN.fullmatch(origin)
    return match["name"].strip("[]").lower() if match else None


@lru_cache(maxsize=256)
def _own_origins(host: str) -> tuple[str, str]:
    return f"http://{host.lower()}", f"https://{host.lower()}"


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    expose = (b"access-control-expose-headers", b"x-request-id, openai-processing-ms, openai-poll-after-ms")
    return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin"), expose]


def _preflight(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    wanted_headers = dict(headers).get(b"access-control-request-headers", b"authorization, content-type, openai-beta")
    return [
        (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
        (b"access-control-allow-headers", wanted_headers),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
    ]


def _with_cors(send: Send, origin: str) -> Send:
    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_cors(origin)]}
        await send(message)

    return send_with_cors
