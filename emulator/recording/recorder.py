"""A proxy that writes down what passes.

with Recorder("https://gateway.example/v1", "weather.json") as recorder:
    client = recorder.client(api_key=os.environ["OPENAI_API_KEY"])
    ...
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from starlette.types import Receive, Scope, Send

from emulator.config import DEFAULT_HOST
from emulator.errors import EmulatorError, NotFound
from emulator.recording.call import BASES, Call, GoneError
from emulator.recording.cassette import Cassette
from emulator.recording.exchange import Exchange
from emulator.recording.journal import journal_of
from emulator.recording.keeper import Keeper
from emulator.recording.matchers import DEFAULT, Matcher
from emulator.recording.passage import Passage
from emulator.recording.player import find, play
from emulator.recording.replay import Replay
from emulator.recording.scrub import Scrubber
from emulator.recording.served import Served
from emulator.recording.tape import Tape
from emulator.recording.upstream import Upstream
from emulator.requests import RequestLog

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
        self._tape: Tape | None = None
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
        self._tape = Tape(self._path, self._scrubber, anew=self._mode == "all")

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
        call = Call(scope, receive, send, self._bases)
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

    async def _pass(self, call: Call) -> None:
        assert self._tape is not None
        if self._began is None:
            self._began = call.started
        at = call.started - self._began
        if self._replay is None:
            await Passage(call, self._upstream, self._tape, at).run()
            return
        with tempfile.SpooledTemporaryFile(SPOOLED) as spool:
            try:
                async for chunk in call.pieces(Keeper(None, self._scrubber)):
                    spool.write(chunk)
            except GoneError:
                return
            found = find(self._replay, call, self._scrubber)
            if isinstance(found, Exchange):
                await play(call, found, self._replay, "none")
                return
            call.rewind(spool)
            await Passage(call, self._upstream, self._tape, at).run()
