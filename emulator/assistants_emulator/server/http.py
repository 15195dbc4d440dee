"""An ASGI application on a bound socket and a running loop, started and stopped without uvicorn's ticks: a stop takes
less than a millisecond."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from assistants_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from assistants_emulator.server.connections import Connections

BACKLOG = 2048  # connections that wait to be accepted, as many as uvicorn's default


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


class HttpServer:
    """Serves an ASGI application on a bound socket; used on the loop that serves.

    uvicorn is imported for the first connection: it takes as long as everything else that a test without one needs.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._app = app
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._connections: Connections | None = None

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return 0 if self._connections is None else len(self._connections)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, sock=self._listener, backlog=BACKLOG)

    async def stop(self) -> None:
        """Close listeners and connections; responses under way are cut off."""
        if self._server is not None:
            self._server.close()
        self._listener.close()
        if self._connections is not None:
            await self._connections.close()

    def _connect(self) -> asyncio.Protocol:
        if self._connections is None:
            from assistants_emulator.server.connections import Connections

            self._connections = Connections(self._app)
        return self._connections.new()
