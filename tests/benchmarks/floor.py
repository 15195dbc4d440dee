"""The floor: a bare Starlette application that answers canned bytes, under the emulator's own server settings.

It sends the headers of the answer too: the API has some twenty, and the SDK reads them in a tenth of a millisecond.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from assistants_emulator.server.http import bind
from assistants_emulator.server.threaded import ThreadedServer

SERVERS_OWN = ("content-length", "date", "transfer-encoding")
ID = re.compile(r"(asst|thread|run|msg)_[A-Za-z0-9]+")


def name_of(method: str, path: str, body: bytes) -> str:
    """The key of a canned answer: `METHOD /path` with `{id}` for ids, and True for a stream."""
    streams = " streamed" if b'"stream"' in body and json.loads(body).get("stream") else ""
    return f"{method} {ID.sub('{id}', path)}{streams}"


class Canned(NamedTuple):
    """An answer's bytes and its headers, without those that the server adds."""

    content: bytes
    headers: dict[str, str]


def canned_app(answers: dict[str, Canned]) -> Starlette:
    async def answer(request: Request) -> Response:
        body = await request.body()
        content, headers = answers[name_of(request.method, request.url.path, body)]
        if content.startswith(b"event: "):
            return StreamingResponse(_whole(content), headers=headers)
        return Response(content, headers=headers)

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "DELETE"])])


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def recorded(client: Any, use: Any) -> dict[str, Canned]:
    """The emulator's answers while `use(client)` runs, for the floor to return."""
    answers: dict[str, Canned] = {}

    def keep(response: Any) -> None:
        request = response.request
        headers = {name: value for name, value in response.headers.items() if name not in SERVERS_OWN}
        answers[name_of(request.method, request.url.path, request.read())] = Canned(response.read(), headers)

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
