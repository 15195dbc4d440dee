"""A request as it arrives at a recorder or a player, below any of the base URLs that clients are given.

Also the errors that stand for an upstream without a response.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import IO
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope, Send

from assistants_emulator.errors import ApiError
from assistants_emulator.recording.capture import FileStore, capture_for
from assistants_emulator.recording.exchange import Body, Failure, Pairs, Request, recorded_headers
from assistants_emulator.web.responses import disconnect, json_bytes, send_whole

BASES = ("/v1", "/openai/v1", "/openai")
SPOOL_CHUNK = 64 * 1024
MOST_DECODED = 4  # times that a path is decoded; one that is encoded more often is refused
_SEPARATOR = re.compile(r"[/\\]")


class GoneError(Exception):
    """The client closed the connection."""


class IncomingRequest:
    """`path` is below the base URL, with its query; None for one that is below none of `bases`. `status` is that of the
    response, 0 before it has begun; `bytes` counts those of both bodies."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, bases: tuple[str, ...] = BASES) -> None:
        self.method: str = scope["method"]
        self.headers: Pairs = [(name.lower(), value) for name, value in scope["headers"]]
        self.status = 0
        self.started = time.perf_counter()
        self.bytes = 0
        self._scope = scope
        self._receive = receive
        self._send = send
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        self.path = _below(raw.decode("latin-1"), bases)
        self.query: str = scope["query_string"].decode("latin-1")
        if self.path is not None and self.query:
            self.path += f"?{self.query}"
        self.may_borrow_key = False
        self._body: Body | None = None

    @property
    def seconds(self) -> float:
        """Since it came."""
        return time.perf_counter() - self.started

    @property
    def has_dot_segments(self) -> bool:
        """True if a server could take the path for one outside the base URL, also one that decodes it repeatedly."""
        path = (self.path or "").partition("?")[0]
        for _ in range(MOST_DECODED):
            path = unquote(path)
        segments = _SEPARATOR.split(path)
        return unquote(path) != path or any(segment.partition(";")[0].strip() in (".", "..") for segment in segments)

    @property
    def has_body(self) -> bool:
        headers = dict(self.headers)
        return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"

    @property
    def full_path(self) -> str:
        """The path with its base and its query."""
        return str(self._scope["path"]) + (f"?{self.query}" if self.query else "")

    async def chunks(self, files: FileStore) -> AsyncIterator[bytes]:
        """The body as it comes, captured on its way; GoneError if the client goes before its end."""
        headers = recorded_headers(self.headers, answer=False) | self._form_headers()
        capture = capture_for(headers, self.path or "", files, answer=False)
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            self.bytes += len(chunk)
            capture.feed(chunk, 0.0)
            if not more:
                self._body = capture.finish(0.0)
            if chunk:
                yield chunk

    async def read(self, files: FileStore) -> None:
        async for _ in self.chunks(files):
            pass

    def rewind(self, spool: IO[bytes]) -> None:
        """Let `chunks` read the body once more, from the file."""
        receive, ended = self._receive, False
        spool.seek(0)
        self.bytes = 0

        async def receive_again() -> Message:
            nonlocal ended
            if ended:
                return await receive()
            chunk = spool.read(SPOOL_CHUNK)
            ended = not chunk
            return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

        self._receive = receive_again

    def as_recorded(self) -> Request:
        """The request as a cassette has it, once its body was read; not scrubbed."""
        return Request(self.method, self.path or "", recorded_headers(self.headers, answer=False), self._body)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def send_error(self, error: ApiError) -> None:
        """`x-should-retry` keeps the SDK from asking again for what will not change."""
        headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
        await send_whole(self.send, error.status, headers, json_bytes(error.body()))

    async def gone(self) -> None:
        """Return when the client closes the connection."""
        await disconnect(self._receive)

    async def drop(self) -> None:
        """Close the connection, as a network does that fails."""
        self._scope["state"]["drop_connection"](self._scope)
        await self.gone()  # or the server would complain of an answer that was never finished

    def _form_headers(self) -> dict[str, str]:
        """The type with the boundary, and the encoding: a capture needs them, a cassette has neither."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        return {name: headers[name] for name in ("content-type", "content-encoding") if name in headers}


def _below(path: str, bases: tuple[str, ...]) -> str | None:
    return next((path[len(base) :] for base in bases if path.startswith(f"{base}/")), None)


class BadGateway(ApiError):
    status = 502
    type = "server_error"


class GatewayTimeout(ApiError):
    status = 504
    type = "server_error"


def error_of(failure: Failure) -> ApiError | None:
    """A gateway's error for an upstream without a response; None if the connection is closed instead."""
    match failure.kind:
        case "connect":
            return BadGateway(f"The server that is recorded could not be reached: {failure.message}")
        case "timeout":
            return GatewayTimeout(f"The server that is recorded did not answer in time: {failure.message}")
        case "dropped" | "gave_up":
            return None
