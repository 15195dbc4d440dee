"""An ASGI application on a socket, served by an event loop in a thread of its own."""

from __future__ import annotations

import socket

from starlette.types import ASGIApp

from assistants_emulator.server.http import HttpServer
from assistants_emulator.server.loop import LoopThread


class ThreadedServer:
    """Serves `app` on a bound socket from the start on; `loop` is the loop that it does so on."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        self.loop = LoopThread()
        self._http = self.loop.call(lambda: HttpServer(app, listener))
        self.loop.wait(self._http.start())

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return self._http.connections

    async def disconnect(self) -> None:
        """Close the listener and all connections, on the loop; responses under way are cut off."""
        await self._http.stop()

    def stop(self) -> None:
        """Disconnect, and end the loop and its thread."""
        try:
            self.loop.wait(self.disconnect())
        finally:
            self.loop.close()
