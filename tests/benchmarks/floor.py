"""The floor: a bare Starlette application that answers canned JSON, under the emulator's own server settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.loop import LoopThread
from emulator.server import HttpServer, bind


def canned_app(answers: dict[str, bytes]) -> Starlette:
    """`answers` are bodies by `METHOD /path`, ids in paths as `{id}`."""

    async def answer(request: Request) -> Response:
        await request.body()
        name = f"{request.method} {re.sub(r'(asst|thread|run|msg)_[A-Za-z0-9]+', '{id}', request.url.path)}"
        headers = {"openai-poll-after-ms": "10"}
        return Response(answers[name], media_type="application/json", headers=headers)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The base URL of the application, served as the emulator is."""
    listener = bind("127.0.0.1", 0)
    loop = LoopThread()
    server = loop.call(lambda: HttpServer(app, listener))
    loop.wait(server.start())
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        loop.wait(server.stop())
        loop.close()
