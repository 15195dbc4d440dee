"""An ASGI application on a socket, served by an event loop in a thread of its own.

`ThreadedServer` serves from its making to its `stop`; `Served` is the base of recorder and player, started and stopped
by a `with` block.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST, DEFAULT_PROJECT, key_of_project
from assistants_emulator.errors import StoppedError
from assistants_emulator.server.http import HttpServer, bind
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.server.sdk_clients import make_async_client, make_client

Self = TypeVar("Self", bound="Served")
T = TypeVar("T")


class ThreadedServer:
    """Serves `app` on a bound socket, at once unless `listens` is false; `loop` is the loop that it does so on."""

    def __init__(self, app: ASGIApp, listener: socket.socket, *, listens: bool = True) -> None:
        host, port = listener.getsockname()[:2]
        self.base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        self.loop = LoopThread()
        self._http = self.loop.call(lambda: HttpServer(app, listener))
        if listens:
            self.listen()

    def listen(self) -> None:
        """Accept calls, from the first of which on `app` must be ready."""
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


class Served:
    """A server that runs inside a `with` block, or from `start` to `stop`; `base_url` is "" before the start."""

    api_key = key_of_project(DEFAULT_PROJECT)  # not checked

    def __init__(self, host: str = DEFAULT_HOST, port: int = 0) -> None:
        self.base_url = ""
        self._address = (host, port)
        self._server: ThreadedServer | None = None

    def __enter__(self: Self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self: Self) -> Self:
        """EmulatorError if the cassette or the address cannot be had."""
        if self._server is not None:
            return self
        listener = bind(*self._address)
        try:
            self._open()
        except BaseException:
            listener.close()
            raise
        self._server = ThreadedServer(self._app(), listener)
        self.base_url = self._server.base_url
        return self

    def stop(self) -> None:
        if self._server is None:
            return
        server, self._server = self._server, None
        try:
            server.loop.wait(self._finish())
        finally:
            server.stop()
            self._close()

    def client(self, **options: Any) -> Any:
        """Return an `openai.OpenAI` that calls this server; `options` are its constructor's."""
        return make_client(self.base_url, self.api_key, options)

    def async_client(self, **options: Any) -> Any:
        """Return an `openai.AsyncOpenAI`, as `client` does."""
        return make_async_client(self.base_url, self.api_key, options)

    def _do(self, function: Callable[[], T]) -> T:
        """Return `function()`, called on the loop while the server runs, and directly when it does not."""
        if self._server is None:
            return function()
        try:
            return self._server.loop.call(function)
        except StoppedError:
            return function()

    def _app(self) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:  # uvicorn does not take a bound method
            await self._serve(scope, receive, send)

        return app

    def _open(self) -> None:
        """Prepare for calls, before the server starts; an exception keeps it from starting."""
        raise NotImplementedError

    def _close(self) -> None:
        """Release what `_open` took, after the last call."""

    async def _finish(self) -> None:
        """End calls under way, on the loop, before their connections are closed."""

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError
