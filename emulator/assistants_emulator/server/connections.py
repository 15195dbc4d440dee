"""uvicorn's HTTP/1.1 protocol for the connections of a server, within bounds, without uvicorn's own server loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Literal

import httptools
import orjson
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from assistants_emulator.errors import ServerFault

KEEP_ALIVE = 75  # seconds that an idle connection is open; longer than clients use theirs
MOST_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 30.0
BODY_SECONDS = 60.0
LEAST_BYTES_PER_SECOND = 1024
NOT_HTTP = "Invalid HTTP request received."
FAULT = orjson.dumps(ServerFault("This request could not be answered; the emulator's log has the traceback.").body())
FAULT_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(FAULT)).encode()),
    (b"x-content-type-options", b"nosniff"),
]
log = logging.getLogger("assistants_emulator")
REFRESH_SECONDS = 1.0  # between two renewals of the Date header


class Http1Protocol(HttpToolsProtocol):
    """uvicorn's, with bounds of size and time, and without upgrades.

    The parser would keep whatever is sent before the empty line, or as trailer. A request's head has HEAD_SECONDS, its
    body must go on within BODY_SECONDS and be no slower than LEAST_BYTES_PER_SECOND; `Connections` looks for those that
    do not. An offer to upgrade to another protocol is ignored (RFC 9110, section 7.8): the parser takes the body for
    bytes of that protocol.
    """

    most_connections = 1 << 30
    _unread_bytes = 0  # received since the last head, piece of a body or end of a request
    _body_bytes = 0
    _phase: Literal["head", "body", "idle"] = "head"
    _began = 0.0  # when the phase began
    _received = 0.0  # when the last data came
    _head: bytes | None = None  # of a request with an offer, without the offer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._began = self._received = self.loop.time()
        if len(self.connections) > self.most_connections:
            drop_idle([each for each in self.connections if isinstance(each, Http1Protocol) and each is not self])

    def data_received(self, data: bytes) -> None:
        self._unread_bytes += len(data)
        self._received = self.loop.time()
        if self._phase == "idle":
            self._phase, self._began = "head", self._received
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response(NOT_HTTP)
            return
        if self._unread_bytes > MOST_HEAD_BYTES:
            self.transport.close()

    @property
    def idle_since(self) -> float | None:
        """The time at which the client last sent something; None while a request is being received or answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return None if is_answering or self._phase == "body" else self._received

    def close_if_late(self, now: float) -> None:
        """Close the connection of a client that takes too long to send its request; `now` is the loop's time."""
        if self._phase == "body" and self.flow.read_paused:  # the application takes its time, not the client
            self._began, self._received, self._body_bytes = now, now, 0
        seconds = now - self._began
        if self._phase == "head" and seconds > HEAD_SECONDS:
            self.transport.close()
        elif self._phase == "body":
            is_slow = seconds > BODY_SECONDS + self._body_bytes / LEAST_BYTES_PER_SECOND
            if is_slow or now - self._received > BODY_SECONDS:
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
            with contextlib.suppress(AttributeError):  # httptools before 0.6.3, whose parser is always lenient
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
        if self._unread_bytes > MOST_HEAD_BYTES and _size_of(self.headers) > MOST_HEAD_BYTES:
            self.transport.close()
        self._unread_bytes = self._body_bytes = 0
        self._phase, self._began = "body", self._received
        super().on_headers_complete()
        if not self.parser.should_keep_alive():  # older uvicorns see `Connection: close` alone, not `close, TE`
            self.cycle.keep_alive = False
        self.headers = []  # trailers are added to it, and forgotten

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._head is not None:
            return
        self._unread_bytes, self._phase = 0, "idle"
        super().on_message_complete()


def _size_of(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + len(b": \r\n") for name, value in headers)


def drop_idle(connections: list[Http1Protocol]) -> None:
    """Close a tenth of the connections, those that were idle longest; fewer if the others are at work."""
    idle = [(since, connection) for connection in connections if (since := connection.idle_since) is not None]
    idle.sort(key=lambda entry: entry[0])
    for _, connection in idle[: max(1, len(connections) // 10)]:
        connection.transport.abort()


def most_connections() -> int:
    """Three quarters of the descriptors that this process may have: the others are for files."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return Http1Protocol.most_connections
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Http1Protocol.most_connections if limit == resource.RLIM_INFINITY else max(1, limit * 3 // 4)


def answers_exceptions(app: ASGIApp) -> ASGIApp:
    """The application, its exceptions in the emulator's log and in the API's envelope, if no answer has begun.

    uvicorn's own log, which is disabled here, has more entries, and its own answer is plain text.
    """

    async def answering_app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:
            log.exception("%s %s broke off", scope["method"], scope["path"])
            try:
                await send({"type": "http.response.start", "status": ServerFault.status, "headers": FAULT_HEADERS})
            except RuntimeError:  # an answer has begun: the connection is closed
                raise error from None
            await send({"type": "http.response.body", "body": FAULT})

    return answering_app


class Connections:
    """The connections to an ASGI application; made and used on the loop that serves."""

    def __init__(self, app: ASGIApp) -> None:
        self._config = uvicorn.Config(
            answers_exceptions(app),
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
        Http1Protocol.most_connections = most_connections()
        self._server = uvicorn.Server(self._config)
        self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house())

    def __len__(self) -> int:
        return len(self._server.server_state.connections)

    def new(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        state = {"drop_connection": self._drop}
        return Http1Protocol(config=self._config, server_state=self._server.server_state, app_state=state)

    async def close(self) -> None:
        """Close all; responses under way are cut off."""
        self._housekeeping.cancel()
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
            await self._housekeeping

    def _drop(self, scope: Scope) -> None:
        """Close the connection of this request, as a failing network does."""
        for connection in list(self._server.server_state.connections):
            if getattr(connection, "client", None) == scope["client"]:
                transport: Any = getattr(connection, "transport", None)
                transport.abort()

    async def _keep_house(self) -> None:
        """Renew the Date header and close late connections; after a stall what has arrived is received first."""
        loop = asyncio.get_running_loop()
        while True:
            await self._server.on_tick(0)
            before = loop.time()
            await asyncio.sleep(REFRESH_SECONDS)
            if (now := loop.time()) - before < 2 * REFRESH_SECONDS:
                for connection in list(self._server.server_state.connections):
                    if isinstance(connection, Http1Protocol):
                        connection.close_if_late(now)
