"""The base of a recorder and a player: an application behind the gate, started and stopped by a `with` block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST, DEFAULT_PROJECT, key_of_project
from assistants_emulator.errors import StoppedError
from assistants_emulator.server.http import bind
from assistants_emulator.server.sdk_clients import make_async_client, make_client
from assistants_emulator.server.threaded import ThreadedServer
from assistants_emulator.web.trusted_hosts import Origins, TrustedHosts

Self = TypeVar("Self", bound="Served")
T = TypeVar("T")


class Served:
    """A server that runs inside a `with` block, or from `start` to `stop`; `base_url` is "" before the start.

    `allow_hosts` and `allow_origins` are as the emulator's: names and pages beside those of this machine.
    """

    api_key = key_of_project(DEFAULT_PROJECT)  # not checked

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = 0,
        allow_hosts: Iterable[str] = (),
        allow_origins: Iterable[str] = (),
    ) -> None:
        self.base_url = ""
        self._allow_hosts, self._allow_origins = tuple(allow_hosts), tuple(allow_origins)
        self._origins = Origins(self._allow_origins)
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
        self._server = ThreadedServer(self._app(listener.getsockname()[0]), listener)
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

    def _app(self, host: str) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:  # uvicorn does not take a bound method
            await self._serve(scope, receive, send)

        return TrustedHosts(app, (*self._allow_hosts, host), self._allow_origins)

    def _open(self) -> None:
        """Prepare for calls, before the server starts; an exception keeps it from starting."""
        raise NotImplementedError

    def _close(self) -> None:
        """Release what `_open` took, after the last call."""

    async def _finish(self) -> None:
        """End calls under way, on the loop, before their connections are closed."""

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError
