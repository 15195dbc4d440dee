"""The floor: a bare Starlette application that answers canned bytes, under the emulator's own server settings."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from assistants_emulator.server.http import bind
from assistants_emulator.server.threaded import ThreadedServer

ID = re.compile(r"(asst|thread|run|msg)_[A-Za-z0-9]+")


def name_of(method: str, path: str, body: bytes) -> str:
    """The key of a canned answer: `METHOD /path` with `{id}` for ids, and True for a stream."""
    streams = " streamed" if b'"stream"' in body and json.loads(body).get("stream") else ""
    return f"{method} {ID.sub('{id}', path)}{streams}"


def canned_app(answers: dict[str, bytes]) -> Starlette:
    async def answer(request: Request) -> Response:
        body = await request.body()
        content = answers[name_of(request.method, request.url.path, body)]
        if content.startswith(b"event: "):
            return StreamingResponse(_whole(content), media_type="text/event-stream")
        return Response(content, media_type="application/json", headers={"openai-poll-after-ms": "10"})

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def recorded(client: Any, use: Any) -> dict[str, bytes]:
    """The emulator's answers while `use(client)` runs, for the floor to return."""
    answers: dict[str, bytes] = {}

    def keep(response: Any) -> None:
        request = response.request
        answers[name_of(request.method, request.url.path, request.read())] = response.read()

    hooks = client._client.event_hooks
    client._client.event_hooks = {**hooks, "response": [keep]}
    use(client)
    return answers


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The base URL of the application, served as the emulator is."""
    server = ThreadedServer(app, bind("127.0.0.1", 0))
    try:
        yield server.base_url
    finally:
        server.stop()
