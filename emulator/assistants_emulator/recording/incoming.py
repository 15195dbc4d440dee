"""One request as it arrives, below whichever base URL the client was given."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import IO

from starlette.types import Message, Receive, Scope, Send

from assistants_emulator.errors import ApiError
from assistants_emulator.recording.capture import FileStore, capture_for
from assistants_emulator.recording.exchange import Body, Failure, Pairs, Request, kept
from assistants_emulator.web.responses import disconnect, json_bytes, send_whole

BASES = ("/v1", "/openai/v1", "/openai")
SPOOL_CHUNK = 64 * 1024


class GoneError(Exception):
    """The client closed the connection."""


class IncomingRequest:
    def __init__(self, scope: Scope, receive: Receive, send: Send, bases: tuple[str, ...] = BASES) -> None:
        self.method: str = scope["method"]
        self.headers: Pairs = [(name.lower(), value) for name, value in scope["headers"]]
        self.status = 0  # of the answer, once it has begun
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
        self._body: Body | None = None

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    @property
    def has_body(self) -> bool:
        named = dict(self.headers)
        return b"transfer-encoding" in named or named.get(b"content-length", b"0") != b"0"

    @property
    def shown_path(self) -> str:
        return str(self._scope["path"]) + (f"?{self.query}" if self.query else "")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def pieces(self, keeper: FileStore) -> AsyncIterator[bytes]:
        """The body as it comes, taken down on its way; GoneError if the client goes before its end."""
        taken = capture_for(kept(self.headers, answer=False) | self._form_type(), self.path or "", keeper, answer=False)
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            self.bytes += len(chunk)
            taken.feed(chunk, 0.0)
            if not more:
                self._body = taken.finish(0.0)
            if chunk:
                yield chunk

    def rewind(self, spool: IO[bytes]) -> None:
        """Read what was spooled once more."""
        receive, ended = self._receive, False
        spool.seek(0)
        self.bytes = 0

        async def again() -> Message:
            nonlocal ended
            if ended:
                return await receive()
            chunk = spool.read(SPOOL_CHUNK)
            ended = not chunk
            return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

        self._receive = again

    async def read(self, keeper: FileStore) -> None:
        async for _ in self.pieces(keeper):
            pass

    def request(self) -> Request:
        """As a cassette has it, once the body was read."""
        return Request(self.method, self.path or "", kept(self.headers, answer=False), self._body)

    async def gone(self) -> None:
        """Return when the client closes the connection."""
        await disconnect(self._receive)

    async def drop(self) -> None:
        """Close the connection, as a network does that fails."""
        self._scope["state"]["drop_connection"](self._scope)
        await self.gone()  # or the server would complain of an answer that was never finished

    async def refuse(self, error: ApiError) -> None:
        """`x-should-retry` keeps the SDK from asking again what will not change."""
        headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
        await send_whole(self.send, error.status, headers, json_bytes(error.body()))

    def _form_type(self) -> dict[str, str]:
        """With the boundary, and the encoding, which are not written down."""
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        return {name: named[name] for name in ("content-type", "content-encoding") if name in named}


def _below(path: str, bases: tuple[str, ...]) -> str | None:
    """None for what is below none of them."""
    return next((path[len(base) :] for base in bases if path.startswith(f"{base}/")), None)


class BadGateway(ApiError):
    status = 502
    type = "server_error"


class GatewayTimeout(ApiError):
    status = 504
    type = "server_error"


FAULTS = {"connect": BadGateway, "timeout": GatewayTimeout}


def refusal_of(failure: Failure) -> ApiError | None:
    """None where the connection is closed without a word."""
    if failure.kind not in FAULTS:
        return None
    what = "could not be reached" if failure.kind == "connect" else "did not answer in time"
    return FAULTS[failure.kind](f"The server that is recorded {what}: {failure.message}")
