"""uvicorn on a running loop, started and stopped without its ticks: a stop takes less than a millisecond."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from assistants_emulator.errors import EmulatorError

KEEP_ALIVE = 75  # seconds that an idle connection is open; longer than clients use theirs
MOST_HEAD_BYTES = 64 * 1024
_IN_BODY = -(1 << 62)  # head bytes while a body is read, which has limits of its own
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


class BoundedProtocol(HttpToolsProtocol):
    """Limits the head of a request to MOST_HEAD_BYTES, which uvicorn's parser does not."""

    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_bytes = _IN_BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()


class HttpServer:
    """Serves an ASGI application on a bound socket; used on the loop that serves."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
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
        """Number of open connections."""
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
