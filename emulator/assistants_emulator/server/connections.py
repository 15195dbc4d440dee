"""uvicorn's HTTP/1.1 protocol for the connections of a server, without uvicorn's own server loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import httptools
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE = 75  # seconds that an idle connection is open; longer than clients use theirs
MOST_HEAD_BYTES = 64 * 1024
NOT_HTTP = "Invalid HTTP request received."
_IN_BODY = -(1 << 62)  # head bytes while a body is read, which has limits of its own
log = logging.getLogger("assistants_emulator")
DATE_REFRESH = 1.0  # seconds between two renewals of the Date header


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


class Connections:
    """The connections to an ASGI application; made and used on the loop that serves."""

    def __init__(self, app: ASGIApp) -> None:
        self._config = uvicorn.Config(
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
        self._config.load()
        self._server = uvicorn.Server(self._config)
        self._dates = asyncio.get_running_loop().create_task(self._keep_date())

    def __len__(self) -> int:
        return len(self._server.server_state.connections)

    def new(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        state = {"drop_connection": self._drop}
        return Http1Protocol(config=self._config, server_state=self._server.server_state, app_state=state)

    async def close(self) -> None:
        """Close all; responses under way are cut off."""
        self._dates.cancel()
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
            await self._server.on_tick(0)
            await asyncio.sleep(DATE_REFRESH)
