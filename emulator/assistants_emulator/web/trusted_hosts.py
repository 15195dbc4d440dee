"""Trusted hosts: requests from foreign browser origins are rejected (DNS rebinding, CORS).

A request's Host has to be loopback or an allowed name, which stops DNS rebinding, and so has its Origin, if it has one.
Pages of these origins get CORS headers. SDKs send no Origin and a loopback Host, and are not affected.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistants_emulator.config import is_loopback
from assistants_emulator.errors import ApiError
from assistants_emulator.web.responses import JSON_TYPE, json_bytes, send_whole

ANY_HOST = "*"
PREFLIGHT_SECONDS = b"600"


class Forbidden(ApiError):
    status = 403


class TrustedHosts:
    """ASGI middleware; `allowed` are host names beside loopback, `*` for all."""

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host, origin = _host_and_origin(scope["headers"])
        try:
            self._admit(host, origin)
        except Forbidden as error:
            await send_whole(send, error.status, [(b"content-type", JSON_TYPE)], json_bytes(error.body()))
            return
        if not origin:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await send_whole(send, 204, [*_cors(origin), *_preflight(scope["headers"])], b"")
        else:
            await self._app(scope, receive, _with_cors(send, origin))

    def _admit(self, host: str, origin: str) -> None:
        if host and not self._is_allowed(_name_in(f"//{host}")):
            raise Forbidden(f"The host '{host}' is not this emulator's. Start it with --allow-host to serve it there.")
        if origin and not self._is_allowed(_name_in(origin)):
            raise Forbidden(f"Pages of '{origin}' may not use this emulator. Start it with --allow-host to let them.")

    def _is_allowed(self, name: str | None) -> bool:
        if ANY_HOST in self._allowed:
            return True
        return name is not None and (name.lower() in self._allowed or is_loopback(name))


@lru_cache(maxsize=256)
def _name_in(url: str) -> str | None:
    """The host name in a URL, None if it has none or is invalid. Cached: clients send the same hosts each time."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _host_and_origin(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    host = origin = b""
    for name, value in headers:
        if name == b"host":
            host = value
        elif name == b"origin":
            origin = value
    return host.decode("latin-1"), origin.decode("latin-1")


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
