"""uvicorn on a running loop, started and stopped without its ticks: a stop takes less than a millisecond."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any

import httptools
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from assistants_emulator.errors import EmulatorError

KEEP_ALIVE = 75  # seconds that an idle connection is open; longer than clients use theirs
MOST_HEAD_BYTES = 64 * 1024
NOT_HTTP = "Invalid HTTP request received."
_IN_BODY = -(1 << 62)  # head bytes while a body is read, which has limits of its own
log = logging.getLogger("assistants_emulator")
DATE_REFRESH = 1.0  # seconds between two renewals of the Date header


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes a free one. EmulatorError if it cannot be bound.

    Without IPPROTO_TCP asyncio does not set TCP_NODELAY, which costs 44 ms a request.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:  # OverflowError: no such port
        listener.close()
        raise EmulatorError(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}") from error
    listener.setblocking(False)
    return listener


class Http1Protocol(HttpToolsProtocol):
    """uvicorn's, with two differences.

    A request's head is bounded: the parser would keep whatever is sent before the empty line. An offer to upgrade to
    another protocol is ignored (RFC 9110, section 7.8): the parser takes the body for bytes of that protocol.
    """

    _head_bytes = 0
    _head: bytes | None = None  # of a request with an offer, without the offer

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response(NOT_HTTP)
            return
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.close()

    def _parse(self, data: bytes) -> None:
        """Feed the parser. At an offer it stops before the body; a new one reads on from the head without the offer."""
        unread = memoryview(data)
        while unread:
            try:
                self.parser.feed_data(unread)
                return
            except httptools.HttpParserUpgrade as stop:
                unread = unread[stop.args[0] :]
            if self._head is None:  # CONNECT: uvicorn has answered it
                return
            head, self._head = self._head, None
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
            self.parser.feed_data(head)

    def _offers_upgrade(self) -> bool:
        return self.parser.should_upgrade() and any(name == b"upgrade" for name, _ in self.headers)

    def on_headers_complete(self) -> None:
        if self._offers_upgrade():
            version = self.parser.get_http_version().encode()
            lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
            lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
            self._head = b"\r\n".join([*lines, b"", b""])
            return
        self._head_bytes = _IN_BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._head is not None:
            return
        self._head_bytes = 0
        super().on_message_complete()


def logs_exceptions(app: ASGIApp) -> ASGIApp:
    """The application, its exceptions in the emulator's log: uvicorn's own log, which is silent here, has more."""

    async def logging_app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            log.exception("%s %s broke off", scope["method"], scope["path"])
            raise

    return logging_app


class HttpServer:
    """Serves an ASGI application on a bound socket; used on the loop that serves."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            logs_exceptions(app),
            http=Http1Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            timeout_keep_alive=KEEP_ALIVE,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._server.lifespan.state["drop_connection"] = self._drop
        self._listener = listener
        self._dates: asyncio.Task[None] | None = None

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._server.server_state.connections)

    async def start(self) -> None:
        await self._server.on_tick(0)
        await self._server.startup(sockets=[self._listener])
        self._dates = asyncio.get_running_loop().create_task(self._keep_date())

    async def stop(self) -> None:
        """Close listeners and connections; responses under way are cut off."""
        if self._dates is not None:
            self._dates.cancel()
        for server in self._server.servers:
            server.close()
        self._listener.close()
        state = self._server.server_state
        for connection in list(state.connections):
            transport: Any = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        tasks = list(state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)
        if self._dates is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._dates

    def _drop(self, scope: Scope) -> None:
        """Close the connection of this request, as a failing network does."""
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == scope["client"]:
                transport: Any = getattr(connection, "transport", None)
                transport.abort()

    async def _keep_date(self) -> None:
        while True:
            await asyncio.sleep(DATE_REFRESH)
            await self._server.on_tick(0)
