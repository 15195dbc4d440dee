"""One call on its way through the recorder: to upstream and back, piece by piece, and written down when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from emulator.errors import ApiError
from emulator.recording.answer import Answer, UpstreamError
from emulator.recording.call import Call, GoneError
from emulator.recording.exchange import Exchange, Failure, Response
from emulator.recording.headers import kept, passed_on
from emulator.recording.taking import Taking, taking
from emulator.recording.tape import Tape
from emulator.recording.upstream import Upstream


class BadGateway(ApiError):
    status = 502
    type = "server_error"


class GatewayTimeout(ApiError):
    status = 504
    type = "server_error"


FAULTS = {"connect": BadGateway, "timeout": GatewayTimeout}


class Passage:
    """`at` is in seconds since the recording began."""

    def __init__(self, call: Call, upstream: Upstream, tape: Tape, at: float) -> None:
        self._call = call
        self._upstream = upstream
        self._tape = tape
        self._at = at
        self._sent = asyncio.Event()  # the whole request went out
        self._response: Response | None = None
        self._taken: Taking | None = None
        self._written = False

    async def run(self) -> None:
        """Whatever happens, one exchange is written down."""
        self._tape.keeper.scrubber.learn(self._call.headers, self._call.query)
        passing = asyncio.ensure_future(self._pass())
        watching = asyncio.ensure_future(self._watch())
        try:
            await asyncio.wait((passing, watching), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
        finally:
            watching.cancel()
            if not passing.done():
                passing.cancel()
                await asyncio.wait((passing,))
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
        self._taken = taken = taking(headers, call.path or "", self._tape.keeper, answer=True)
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


def refusal_of(failure: Failure) -> ApiError | None:
    """None where the connection is closed without a word."""
    if failure.kind not in FAULTS:
        return None
    what = "could not be reached" if failure.kind == "connect" else "did not answer in time"
    return FAULTS[failure.kind](f"The server that is recorded {what}: {failure.message}")
