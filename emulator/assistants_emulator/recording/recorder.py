"""A proxy that writes down what passes.

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
from assistants_emulator.errors import EmulatorError, NotFound
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.recording.capture import Capture, FileStore, capture_for
from assistants_emulator.recording.cassette import Cassette, CassetteWriter, journal_of
from assistants_emulator.recording.exchange import Exchange, Failure, Response, kept, passed_on
from assistants_emulator.recording.incoming import BASES, GoneError, IncomingRequest, refusal_of
from assistants_emulator.recording.matchers import DEFAULT, Matcher
from assistants_emulator.recording.player import find, play
from assistants_emulator.recording.replay import Replay
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.recording.upstream import Answer, Upstream, UpstreamError
from assistants_emulator.server.threaded import Served
from assistants_emulator.web.responses import send_until_gone


class ProxyCall:
    """`at` is in seconds since the recording began."""

    def __init__(self, call: IncomingRequest, upstream: Upstream, tape: CassetteWriter, at: float) -> None:
        self._call = call
        self._upstream = upstream
        self._tape = tape
        self._at = at
        self._sent = asyncio.Event()  # the whole request went out
        self._response: Response | None = None
        self._taken: Capture | None = None
        self._written = False

    async def run(self) -> None:
        """Whatever happens, one exchange is written down."""
        self._tape.keeper.scrubber.learn(self._call.headers, self._call.query)
        try:
            await send_until_gone(self._pass(), self._watch())
        finally:
            self._write(Failure("gave_up", "the client did not wait for the answer", self._call.seconds))

    async def _watch(self) -> None:
        await self._sent.wait()
        await self._call.gone()

    async def _body(self) -> AsyncIterator[bytes]:
        async for chunk in self._call.pieces(self._tape.keeper):
            yield chunk
        self._sent.set()

    async def _pass(self) -> None:
        call = self._call
        if not call.has_body:
            async for _ in self._body():
                pass
        content = self._body() if call.has_body else None
        try:
            answer = await self._upstream.ask(call.method, call.path or "", call.headers, content)
        except GoneError:
            return
        except UpstreamError as error:
            await self._fail(Failure(error.kind, str(error), call.seconds))
        else:
            try:
                await self._answer(answer)
            finally:
                await answer.close()

    async def _answer(self, answer: Answer) -> None:
        call, raw = self._call, answer.headers
        scrubber = self._tape.keeper.scrubber
        scrubber.learn(raw)
        headers = kept(raw, answer=True)
        self._response = Response(answer.status, headers, None, call.seconds)
        self._taken = taken = capture_for(headers, call.path or "", self._tape.keeper, answer=True)
        if "content-encoding" in headers and headers["content-encoding"].lower() in ("gzip", "deflate"):
            del headers["content-encoding"]  # it is taken down plain
        sent = passed_on(raw, answer=True)
        await call.send({"type": "http.response.start", "status": answer.status, "headers": sent})
        streams = headers.get("content-type", "").startswith("text/event-stream")
        held = b""  # the last piece goes out when all is written down; a stream's go at once
        try:
            async for chunk in answer.pieces:
                call.bytes += len(chunk)
                taken.feed(chunk, call.seconds)
                if taken.done:
                    self._write(None)
                if held or streams:
                    out, held = (chunk, b"") if streams else (held, chunk)
                    await call.send({"type": "http.response.body", "body": out, "more_body": True})
                else:
                    held = chunk
        except UpstreamError as error:
            self._write(Failure("dropped", str(error), call.seconds))
            await call.drop()
            return
        self._write(None)
        await call.send({"type": "http.response.body", "body": held})

    async def _fail(self, failure: Failure) -> None:
        """Upstream said nothing: what a gateway says, or as it did, if it closed the connection."""
        self._write(failure)
        if (refusal := refusal_of(failure)) is None:
            await self._call.drop()
        else:
            await self._call.refuse(refusal)

    def _write(self, failure: Failure | None) -> None:
        if self._written:
            return
        self._written = True
        if self._response is not None and self._taken is not None:
            self._response.body = self._taken.finish(self._call.seconds)
        self._tape.add(Exchange(self._call.request(), self._response, failure, self._at))


Mode = Literal["all", "new_episodes"]
SPOOLED = 1024 * 1024
MOST_WAIT = 2.0  # seconds that calls under way are given when the recorder stops


class Recorder(Served):
    """`upstream` is a base URL with its `/v1`, `cassette` a file; `upstream_key` takes the place of the client's.

    Mode `all` records everything anew; `new_episodes` replays what the cassette has, and records the rest. `scrub`
    adds names and patterns to what is scrubbed; `progress` is called with the number of calls and bytes so far.
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
    ) -> None:
        super().__init__(host, port)
        if mode not in ("all", "new_episodes"):
            raise EmulatorError(f"a recorder's mode is all or new_episodes, not {mode!r}")
        self._upstream = Upstream(upstream, upstream_key)
        self._bases = tuple(dict.fromkeys((*BASES, self._upstream.path))) if self._upstream.path else BASES
        self._path = Path(cassette)
        self._mode = mode
        self._scrubber = Scrubber(scrub)
        if upstream_key is not None:
            self._scrubber.add(upstream_key)
        self._matchers = matchers
        self._progress = progress
        self._requests = RequestLog()
        self._bytes = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._replay: Replay | None = None
        self._tape: CassetteWriter | None = None
        self._began: float | None = None  # when the first call came

    @property
    def requests(self) -> RequestLog:
        return self._do(self._requests.copy)

    @property
    def recorded(self) -> int:
        """How many exchanges were recorded so far."""
        return 0 if self._tape is None else self._tape.recorded

    def _open(self) -> None:
        if self._mode == "new_episodes" and (self._path.exists() or journal_of(self._path).exists()):
            self._replay = Replay(Cassette.load(self._path).exchanges, self._matchers)
        self._tape = CassetteWriter(self._path, self._scrubber, anew=self._mode == "all")

    def _close(self) -> None:
        if self._tape is not None:
            self._tape.close()

    async def _finish(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=MOST_WAIT)
        for task in self._under_way:
            task.cancel()
        await self._upstream.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = IncomingRequest(scope, receive, send, self._bases)
        if call.path is None:
            await call.refuse(NotFound(f"This recorder passes on what is below /v1; {scope['path']} is not."))
            return
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            await self._pass(call)
        finally:
            self._under_way.discard(task)
            self._bytes += call.bytes
            self._requests.add(call.method, call.shown_path, b"", call.status)
            if self._progress is not None:
                self._progress(self._requests.total, self._bytes)

    async def _pass(self, call: IncomingRequest) -> None:
        assert self._tape is not None
        if self._began is None:
            self._began = call.started
        at = call.started - self._began
        if self._replay is None:
            await ProxyCall(call, self._upstream, self._tape, at).run()
            return
        with tempfile.SpooledTemporaryFile(SPOOLED) as spool:
            try:
                async for chunk in call.pieces(FileStore(None, self._scrubber)):
                    spool.write(chunk)
            except GoneError:
                return
            found = find(self._replay, call, self._scrubber)
            if isinstance(found, Exchange):
                await play(call, found, self._replay, "none")
                return
            call.rewind(spool)
            await ProxyCall(call, self._upstream, self._tape, at).run()
