"""The base of a recorder and a player: an application behind the gate, on a socket, on a loop in its own thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST
from assistants_emulator.errors import StoppedError
from assistants_emulator.server.http import HttpServer, bind
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.server.sdk_clients import make_async_client, make_client
from assistants_emulator.web.trusted_hosts import Origins, TrustedHosts

Self = TypeVar("Self", bound="Served")
T = TypeVar("T")


class Served:
    """Used in a `with` block, or by `start` and `stop`; `base_url` is known from then on.

    `allow_hosts` and `allow_origins` are as the emulator's: names and pages beside those of this machine.
    """

    api_key = "sk-emulator-default"  # any key does where nobody asks for one

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
        self._running: tuple[LoopThread, HttpServer] | None = None

    def __enter__(self: Self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self: Self) -> Self:
        """EmulatorError if the cassette or the address cannot be had."""
        if self._running is not None:
            return self
        listener = bind(*self._address)
        try:
            self._open()
        except BaseException:
            listener.close()
            raise
        host, port = listener.getsockname()[:2]
        loop = LoopThread()
        server = loop.call(lambda: HttpServer(self._app(host), listener))
        loop.wait(server.start())
        self._running = loop, server
        self.base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        return self

    def stop(self) -> None:
        if self._running is None:
            return
        (loop, server), self._running = self._running, None
        try:
            loop.wait(self._finish())
            loop.wait(server.stop())
        finally:
            loop.close()
            self._close()

    def client(self, **options: Any) -> Any:
        """An `openai.OpenAI` that is configured for this; `options` are its own."""
        return make_client(self.base_url, self.api_key, options)

    def async_client(self, **options: Any) -> Any:
        """An `openai.AsyncOpenAI` likewise."""
        return make_async_client(self.base_url, self.api_key, options)

    def _do(self, function: Callable[[], T]) -> T:
        """On the loop while there is one; what it says is final afterwards."""
        if self._running is None:
            return function()
        try:
            return self._running[0].call(function)
        except StoppedError:
            return function()

    def _app(self, host: str) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:  # uvicorn does not know a method for one
            await self._serve(scope, receive, send)

        return TrustedHosts(app, (*self._allow_hosts, host), self._allow_origins)

    def _open(self) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        """After the last call."""

    async def _finish(self) -> None:
        """Before connections are closed."""

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError
