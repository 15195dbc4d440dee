"""A proxy that records what passes through it.

with Recorder("https://gateway.example/v1", "weather.json") as recorder:
    client = recorder.client(api_key=os.environ["OPENAI_API_KEY"])
    ...
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from starlette.types import Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST
from assistants_emulator.errors import ApiError, EmulatorError, NotFound
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.recording.capture import INFLATED, Capture, FileStore, capture_for
from assistants_emulator.recording.cassette import Cassette, CassetteWriter, journal_of
from assistants_emulator.recording.exchange import Exchange, Failure, Response, forwarded_headers, recorded_headers
from assistants_emulator.recording.incoming import BASES, GoneError, IncomingRequest, error_of
from assistants_emulator.recording.matchers import DEFAULT, Matcher
from assistants_emulator.recording.player import find, play
from assistants_emulator.recording.replay import Replay
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.recording.served import Served
from assistants_emulator.recording.upstream import Upstream, UpstreamError, UpstreamResponse
from assistants_emulator.web.responses import send_until_gone

Mode = Literal["all", "new_episodes"]
MOST_SPOOLED = 1024 * 1024  # bytes of a request that are held in memory while its match is looked for
STOP_SECONDS = 2.0  # that calls under way are given when the recorder stops


class Recorder(Served):
    """`upstream` is a base URL with its `/v1`, `cassette` a file; `upstream_key` takes the place of the client's
    for programs of this machine and allowed pages; the key of any other client passes as it is.

    Mode `all` replaces the cassette; `new_episodes` replays what it has, and records the rest. `scrub` adds names and
    patterns to what is scrubbed; `progress` is called with the number of calls and bytes so far.
    """

    def __init__(
        self,
        upstream: str,
        cassette: str | Path,
        *,
        mode: Mode = "all",
        upstream_key: str | None = None,
        scrub: Iterable[str | re.Pattern[str]] = (),
        matchers: Sequence[Matcher] = DEFAULT,
        progress: Callable[[int, int], None] | None = None,
        host: str = DEFAULT_HOST,
        port: int = 0,
        allow_hosts: Iterable[str] = (),
        allow_origins: Iterable[str] = (),
    ) -> None:
        super().__init__(host, port, allow_hosts, allow_origins)
        if mode not in ("all", "new_episodes"):
            raise EmulatorError(f"a recorder's mode is all or new_episodes, not {mode!r}")
        self._upstream = Upstream(upstream, upstream_key)
        self._bases = tuple(dict.fromkeys((*BASES, self._upstream.path))) if self._upstream.path else BASES
        self._path = Path(cassette)
        self._mode = mode
        self._scrubber = Scrubber(scrub)
        self._scrubber.add(*filter(None, (upstream_key, *self._upstream.credentials)))
        self._matchers = matchers
        self._progress = progress
        self._requests = RequestLog()
        self._bytes = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._replay: Replay | None = None
        self._writer: CassetteWriter | None = None
        self._began: float | None = None  # when the first call came

    @property
    def requests(self) -> RequestLog:
        return self._do(self._requests.copy)

    @property
    def recorded(self) -> int:
        """The number of exchanges so far."""
        return 0 if self._writer is None else self._writer.recorded

    @property
    def scrubbed(self) -> int:
        """The number of secrets that were replaced in them so far."""
        return self._scrubber.count

    @property
    def upstream(self) -> str:
        """The base URL without its credentials."""
        return self._upstream.shown

    def _open(self) -> None:
        if self._mode == "new_episodes" and (self._path.exists() or journal_of(self._path).exists()):
            self._replay = Replay(Cassette.load(self._path).exchanges, self._matchers)
        self._writer = CassetteWriter(self._path, self._scrubber, replace=self._mode == "all")

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    async def _finish(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=STOP_SECONDS)
        for task in self._under_way:
            task.cancel()
        await self._upstream.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = IncomingRequest(scope, receive, send, self._bases)
        if call.path is None:
            await call.send_error(NotFound(f"This recorder passes on what is below /v1; {scope['path']} is not."))
            return
        if call.has_dot_segments:
            await call.send_error(ApiError(f"A path with the segments . or .. is not passed on: {scope['path']}"))
            return
        call.may_borrow_key = self._origins.may_borrow(scope)
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            await self._replay_or_pass_on(call)
        finally:
            self._under_way.discard(task)
            self._bytes += call.bytes
            self._requests.add(call.method, call.full_path, b"", call.status)
            if self._progress is not None:
                self._progress(self._requests.total, self._bytes)

    async def _replay_or_pass_on(self, call: IncomingRequest) -> None:
        if self._began is None:
            self._began = call.started
        at = call.started - self._began
        if self._replay is None:
            await self._pass_on(call, at)
            return
        with tempfile.SpooledTemporaryFile(MOST_SPOOLED) as spool:
            try:
                async for chunk in call.chunks(FileStore(None, self._scrubber)):
                    spool.write(chunk)
            except GoneError:
                return
            match = find(self._replay, call, self._scrubber)
            if isinstance(match, Exchange):
                await play(call, match, self._replay, "none")
                return
            call.rewind(spool)
            await self._pass_on(call, at)

    async def _pass_on(self, call: IncomingRequest, at: float) -> None:
        assert self._writer is not None
        await ProxyCall(call, self._upstream, self._writer, at).run()


class ProxyCall:
    """One call to upstream and back, chunk by chunk, and one exchange in the cassette when it ends.

    `at` is in seconds since the recording began.
    """

    def __init__(self, call: IncomingRequest, upstream: Upstream, writer: CassetteWriter, at: float) -> None:
        self._call = call
        self._upstream = upstream
        self._writer = writer
        self._at = at
        self._request_sent = asyncio.Event()
        self._response: Response | None = None
        self._capture: Capture | None = None
        self._written = False

    async def run(self) -> None:
        """Write one exchange, whatever happens."""
        self._writer.files.scrubber.learn(self._call.headers, self._call.query)
        try:
            await send_until_gone(self._pass_on(), self._client_gone())
        finally:
            self._write(Failure("gave_up", "the client did not wait for the answer", self._call.seconds))

    async def _client_gone(self) -> None:
        await self._request_sent.wait()  # until then the body's reader receives the client's messages
        await self._call.gone()

    async def _request_body(self) -> AsyncIterator[bytes]:
        async for chunk in self._call.chunks(self._writer.files):
            yield chunk
        self._request_sent.set()

    async def _pass_on(self) -> None:
        call = self._call
        if not call.has_body:
            async for _ in self._request_body():
                pass
        content = self._request_body() if call.has_body else None
        try:
            response = await self._upstream.request(
                call.method, call.path or "", call.headers, content, lends_key=call.may_borrow_key
            )
        except GoneError:
            return
        except UpstreamError as error:
            await self._send_failure(Failure(error.kind, str(error), call.seconds))
        else:
            try:
                await self._send_response(response)
            finally:
                await response.close()

    async def _send_response(self, response: UpstreamResponse) -> None:
        call, files = self._call, self._writer.files
        files.scrubber.learn(response.headers)
        headers = recorded_headers(response.headers, answer=True)
        self._response = Response(response.status, headers, None, call.seconds)
        self._capture = capture_for(headers, call.path or "", files, answer=True)
        if headers.get("content-encoding", "").lower() in INFLATED:
            del headers["content-encoding"]  # the capture undoes it
        forwarded = forwarded_headers(response.headers, answer=True)
        await call.send({"type": "http.response.start", "status": response.status, "headers": forwarded})
        is_stream = headers.get("content-type", "").startswith("text/event-stream")
        try:
            await self._send_chunks(response, self._capture, is_stream)
        except UpstreamError as error:
            self._write(Failure("dropped", str(error), call.seconds))
            await call.drop()

    async def _send_chunks(self, response: UpstreamResponse, capture: Capture, is_stream: bool) -> None:
        """A stream's chunks go out at once; else the last one waits until the exchange is written."""
        call = self._call
        waiting = b""
        async for chunk in response.chunks:
            call.bytes += len(chunk)
            capture.feed(chunk, call.seconds)
            if capture.done:
                self._write(None)
            if waiting or is_stream:
                out, waiting = (chunk, b"") if is_stream else (waiting, chunk)
                await call.send({"type": "http.response.body", "body": out, "more_body": True})
            else:
                waiting = chunk
        self._write(None)
        await call.send({"type": "http.response.body", "body": waiting})

    async def _send_failure(self, failure: Failure) -> None:
        """Answer as a gateway does, or close the connection if upstream closed its own."""
        self._write(failure)
        if (error := error_of(failure)) is None:
            await self._call.drop()
        else:
            await self._call.send_error(error)

    def _write(self, failure: Failure | None) -> None:
        if self._written:
            return
        self._written = True
        if self._response is not None and self._capture is not None:
            self._response.body = self._capture.finish(self._call.seconds)
        self._writer.add(Exchange(self._call.as_recorded(), self._response, failure, self._at))
