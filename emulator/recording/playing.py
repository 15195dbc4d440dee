"""Recorded answers as bytes on a connection, failures included."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from emulator.recording.call import Call
from emulator.recording.exchange import Event, Exchange, Failure, Response
from emulator.recording.passage import refusal_of
from emulator.recording.sse import frame
from emulator.recording.stored import Stored
from emulator.web.answers import send_chunks, send_whole
from emulator.web.shown import POLL_AFTER_MS, UNFINISHED

Timing = Literal["none", "recorded"]
TYPES = {"json": "application/json", "text": "text/plain; charset=utf-8", "events": "text/event-stream; charset=utf-8"}
LATER = 1.0  # seconds that a client which gave up is given beyond what it took when it was recorded


class Playing:
    """One exchange for one call; `response` is the recorded one in the words of this client."""

    def __init__(self, call: Call, exchange: Exchange, response: Response | None, timing: Timing) -> None:
        self._call = call
        self._failure = exchange.failure
        self._response = response
        self._slow = timing == "recorded"

    async def run(self) -> None:
        """Until it is sent or the client goes."""
        playing = asyncio.ensure_future(self._play())
        gone = asyncio.ensure_future(self._call.gone())
        try:
            await asyncio.wait((playing, gone), return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                playing.result()
                if self._failure is not None and refusal_of(self._failure) is None:
                    gone.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await gone
                    await self._call.drop()
        finally:
            playing.cancel()
            gone.cancel()

    async def _play(self) -> None:
        response, failure = self._response, self._failure
        if response is None:
            if failure is not None:
                await self._fail(failure)
            return
        if self._slow:
            await asyncio.sleep(response.seconds - self._call.seconds)
        body = response.body
        headers = self._headers(response)
        if body is not None and body.kind == "events":
            await self._stream(response.status, headers, body.value)
        elif body is not None and body.kind == "file":
            await self._file(response.status, headers, body.value)
        else:
            content = b"" if body is None else body.value.encode() if body.kind == "text" else rendered(body.value)
            if failure is None:
                await send_whole(self._call.send, response.status, headers, content)
            else:
                await self._begin(response.status, headers)
                await self._piece(content)

    async def _stream(self, status: int, headers: list[tuple[bytes, bytes]], events: Iterable[Event]) -> None:
        await self._begin(status, headers)
        for event in events:
            if self._slow:
                await asyncio.sleep(event.at - self._call.seconds)
            await self._piece(frame(event))
        if self._failure is None:
            await self._call.send({"type": "http.response.body", "body": b""})

    async def _file(self, status: int, headers: list[tuple[bytes, bytes]], stored: Stored) -> None:
        if self._failure is None:
            length = (b"content-length", str(stored.kept_size()).encode())
            await send_chunks(self._call.send, status, [*headers, length], stored.chunks())
            return
        await self._begin(status, headers)
        for chunk in stored.chunks():
            await self._piece(chunk)

    async def _fail(self, failure: Failure) -> None:
        """A client that gave up gets the time to do so again."""
        if (refusal := refusal_of(failure)) is not None:
            await self._call.refuse(refusal)
        elif failure.kind == "gave_up":
            await asyncio.sleep(failure.seconds + LATER)

    def _headers(self, response: Response) -> list[tuple[bytes, bytes]]:
        """Those that were recorded; polls go on at once unless the recorded timing is asked for."""
        headers = dict(response.headers)
        body = response.body
        if body is not None and body.kind in TYPES:
            headers.setdefault("content-type", TYPES[body.kind])
        if not self._slow:
            headers.pop("openai-poll-after-ms", None)
            for name in ("retry-after", "retry-after-ms"):
                if headers.pop(name, None) is not None:
                    headers["retry-after-ms"] = "1"  # the SDK ignores 0
            if body is not None and body.kind == "json" and is_unfinished(body.value):
                headers["openai-poll-after-ms"] = POLL_AFTER_MS.decode()
            elif response.status == 429 or response.status >= 500:
                headers.setdefault("retry-after-ms", "1")
        return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]

    async def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await self._call.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _piece(self, piece: bytes) -> None:
        await self._call.send({"type": "http.response.body", "body": piece, "more_body": True})


def is_unfinished(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("status") in UNFINISHED


def rendered(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
