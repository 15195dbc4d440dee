"""Requests that arrive while a server starts or stops."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from assistants_emulator import Emulator
from assistants_emulator.server import http
from assistants_emulator.server.http import HttpServer

REQUEST = (
    b"POST /v1/threads HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer any\r\nOpenAI-Beta: assistants=v2\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


def test_a_request_at_the_moment_of_listening_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bytes] = []
    start: Callable[..., object] = HttpServer.start

    async def start_and_be_called(server: HttpServer) -> None:
        await start(server)  # type: ignore[misc]
        loop = http.asyncio.get_running_loop()
        answers.append(await loop.run_in_executor(None, call, server._listener.getsockname()))

    monkeypatch.setattr(HttpServer, "start", start_and_be_called)
    with Emulator():
        assert answers[0].startswith(b"HTTP/1.1 200 OK")


def call(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address) as connection:
        connection.sendall(REQUEST)
        return connection.makefile("rb").read()
