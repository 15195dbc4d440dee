"""A server that answers with what was recorded, and nothing else.

with Player("weather.json") as player:
    client = player.client()
    ...
assert not player.unmatched
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST
from assistants_emulator.errors import ApiError
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.recording.capture import FileStore
from assistants_emulator.recording.cassette import Cassette
from assistants_emulator.recording.exchange import Event, Exchange, Failure, Pairs, Response, Stored
from assistants_emulator.recording.incoming import GoneError, IncomingRequest, error_of
from assistants_emulator.recording.matchers import DEFAULT, Matcher
from assistants_emulator.recording.replay import NoMatch, Replay
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.recording.served import Served
from assistants_emulator.recording.sse import frame
from assistants_emulator.web.responses import POLL_AFTER_MS, UNFINISHED, send_chunks, send_until_gone, send_whole

Timing = Literal["none", "recorded"]
TYPES = {"json": "application/json", "text": "text/plain; charset=utf-8", "events": "text/event-stream; charset=utf-8"}
GIVE_UP_SECONDS = 1.0  # that a client which gave up is given beyond the time it took when it was recorded


class NotRecorded(ApiError):
    """501: the answer to a request that the cassette does not have."""

    status = 501
    type = "not_recorded"


class Player(Served):
    """`cassette` is a path or a Cassette; `timing` "recorded" takes the time that it took; `matchers` decide which
    requests are the same, and `scrub` is what it was recorded with. CassetteError if it cannot be read."""

    def __init__(
        self,
        cassette: str | Path | Cassette,
        *,
        matchers: Sequence[Matcher] = DEFAULT,
        timing: Timing = "none",
        scrub: Iterable[str | re.Pattern[str]] = (),
        host: str = DEFAULT_HOST,
        port: int = 0,
        allow_hosts: Iterable[str] = (),
        allow_origins: Iterable[str] = (),
    ) -> None:
        super().__init__(host, port, allow_hosts, allow_origins)
        self._cassette = cassette
        self._matchers = matchers
        self._timing = timing
        self._files = FileStore(None, Scrubber(scrub))
        self._requests = RequestLog()
        self._unmatched: list[NoMatch] = []
        self._replay = Replay(())

    @property
    def unmatched(self) -> list[NoMatch]:
        """The requests that are not in the cassette. The list itself: a test that expects one takes it out."""
        return self._unmatched

    @property
    def requests(self) -> RequestLog:
        return self._do(self._requests.copy)

    def leftovers(self) -> list[Exchange]:
        """The exchanges that were never asked for."""
        return self._do(self._replay.leftovers)

    def report(self) -> list[str]:
        """A line for each request that was not recorded, then one for each exchange that was never asked for."""
        leftovers = [f"never asked for: {exchange.request}" for exchange in self.leftovers()]
        return [*(str(unmatched) for unmatched in self._unmatched), *leftovers]

    def _open(self) -> None:
        cassette = self._cassette if isinstance(self._cassette, Cassette) else Cassette.load(self._cassette)
        for exchange in cassette.exchanges:
            if exchange.response is not None and exchange.response.body is not None:
                for file in exchange.response.body.files():
                    file.stored_size()  # an error for one that is missing
        self._replay = Replay(cassette.exchanges, self._matchers)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = IncomingRequest(scope, receive, send)
        try:
            await call.read(self._files)
        except GoneError:
            return
        match = find(self._replay, call, self._files.scrubber)
        try:
            if isinstance(match, NoMatch):
                self._unmatched.append(match)
                await call.send_error(NotRecorded(str(match), code="not_recorded"))
            else:
                await play(call, match, self._replay, self._timing)
        finally:
            self._requests.add(call.method, call.full_path, b"", call.status)


def find(replay: Replay, call: IncomingRequest, scrubber: Scrubber) -> Exchange | NoMatch:
    """The exchange for this call, whose body was read; it is compared in the form in which it would be recorded."""
    scrubber.learn(call.headers, call.query)
    count = scrubber.count
    request = call.as_recorded()
    request.path, request.body = scrubber.path(request.path), scrubber.body(request.body)
    scrubber.count = count  # only what is recorded counts
    request.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers}  # for matchers
    return replay.find(request)


async def play(call: IncomingRequest, exchange: Exchange, replay: Replay, timing: Timing) -> None:
    recorded = exchange.response
    response = None
    if recorded is not None:
        body = replay.ids.with_client_ids(recorded.body)
        response = Response(recorded.status, recorded.headers, body, recorded.seconds)
    await ResponseWriter(call, exchange.failure, response, timing).run()


class ResponseWriter:
    """Answers one call with a recorded response, a recorded failure, or a response that broke off with the failure."""

    def __init__(
        self, call: IncomingRequest, failure: Failure | None, response: Response | None, timing: Timing
    ) -> None:
        self._call = call
        self._failure = failure
        self._response = response
        self._in_real_time = timing == "recorded"

    async def run(self) -> None:
        """Return when the answer is sent or the client is gone."""
        is_sent = await send_until_gone(self._answer(), self._call.gone())
        if is_sent and self._failure is not None and error_of(self._failure) is None:
            await self._call.drop()

    async def _answer(self) -> None:
        response, failure = self._response, self._failure
        if response is not None:
            if self._in_real_time:
                await asyncio.sleep(response.seconds - self._call.seconds)
            await self._send_response(response)
        elif failure is not None:
            await self._send_failure(failure)

    async def _send_response(self, response: Response) -> None:
        body, headers = response.body, self._headers(response)
        if body is not None and body.kind == "events":
            await self._send_events(response.status, headers, body.value)
        elif body is not None and body.kind == "file":
            await self._send_file(response.status, headers, body.value)
        else:
            content = b"" if body is None else body.value.encode() if body.kind == "text" else rendered(body.value)
            if self._failure is None:
                await send_whole(self._call.send, response.status, headers, content)
            else:
                await self._begin(response.status, headers)
                await self._send_chunk(content)

    async def _send_events(self, status: int, headers: Pairs, events: Iterable[Event]) -> None:
        await self._begin(status, headers)
        for event in events:
            if self._in_real_time:
                await asyncio.sleep(event.at - self._call.seconds)
            await self._send_chunk(frame(event))
        if self._failure is None:
            await self._call.send({"type": "http.response.body", "body": b""})

    async def _send_file(self, status: int, headers: Pairs, stored: Stored) -> None:
        if self._failure is None:
            length = (b"content-length", str(stored.stored_size()).encode())
            await send_chunks(self._call.send, status, [*headers, length], stored.chunks())
            return
        await self._begin(status, headers)
        for chunk in stored.chunks():
            await self._send_chunk(chunk)

    async def _send_failure(self, failure: Failure) -> None:
        """A client that gave up gets the time to do so again."""
        if (error := error_of(failure)) is not None:
            await self._call.send_error(error)
        elif failure.kind == "gave_up":
            await asyncio.sleep(failure.seconds + GIVE_UP_SECONDS)

    async def _begin(self, status: int, headers: Pairs) -> None:
        await self._call.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_chunk(self, chunk: bytes) -> None:
        await self._call.send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _headers(self, response: Response) -> Pairs:
        """The recorded ones; clients poll and retry at once unless the recorded timing is asked for."""
        headers = dict(response.headers)
        body = response.body
        if body is not None and body.kind in TYPES:
            headers.setdefault("content-type", TYPES[body.kind])
        if not self._in_real_time:
            headers.pop("openai-poll-after-ms", None)
            for name in ("retry-after", "retry-after-ms"):
                if headers.pop(name, None) is not None:
                    headers["retry-after-ms"] = "1"  # the SDK ignores 0
            if body is not None and body.kind == "json" and is_unfinished(body.value):
                headers["openai-poll-after-ms"] = POLL_AFTER_MS.decode()
            elif response.status == 429 or response.status >= 500:
                headers.setdefault("retry-after-ms", "1")
        return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def is_unfinished(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("status") in UNFINISHED


def rendered(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
