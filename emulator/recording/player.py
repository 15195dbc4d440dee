"""A server that answers with what was recorded, and nothing else.

with Player("weather.json") as player:
    client = player.client()
    ...
assert not player.unmatched
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.types import Receive, Scope, Send

from emulator.config import DEFAULT_HOST
from emulator.errors import ApiError
from emulator.recording.call import Call, GoneError
from emulator.recording.cassette import Cassette
from emulator.recording.exchange import Exchange, Response
from emulator.recording.keeper import Keeper
from emulator.recording.matchers import DEFAULT, Matcher
from emulator.recording.playing import Playing, Timing
from emulator.recording.replay import NoMatch, Replay
from emulator.recording.scrub import Scrubber
from emulator.recording.served import Served
from emulator.requests import RequestLog


class NotRecorded(ApiError):
    """501: the answer to what the cassette does not have."""

    status = 501
    type = "not_recorded"


class Player(Served):
    """`cassette` is a path or a Cassette; `timing` "recorded" takes the time that it took; `matchers` decide what
    counts as the same request, and `scrub` is what it was recorded with. CassetteError if it cannot be read."""

    def __init__(
        self,
        cassette: str | Path | Cassette,
        *,
        matchers: Sequence[Matcher] = DEFAULT,
        timing: Timing = "none",
        scrub: Iterable[str | re.Pattern[str]] = (),
        host: str = DEFAULT_HOST,
        port: int = 0,
    ) -> None:
        super().__init__(host, port)
        self._cassette = cassette
        self._matchers = matchers
        self._timing = timing
        self._keeper = Keeper(None, Scrubber(scrub))
        self._requests = RequestLog()
        self._unmatched: list[NoMatch] = []
        self._replay = Replay(())

    @property
    def unmatched(self) -> list[NoMatch]:
        """What was asked for and is not in the cassette. The list itself: a test that expects one takes it out."""
        return self._unmatched

    @property
    def requests(self) -> RequestLog:
        return self._do(self._requests.copy)

    def leftovers(self) -> list[Exchange]:
        """What was recorded and never asked for."""
        return self._do(self._replay.leftovers)

    def report(self) -> list[str]:
        """What was asked for and not recorded, and what was recorded and not asked for, a line each."""
        left = [f"never asked for: {exchange.request}" for exchange in self.leftovers()]
        return [*(str(unmatched) for unmatched in self._unmatched), *left]

    def _open(self) -> None:
        cassette = self._cassette if isinstance(self._cassette, Cassette) else Cassette.load(self._cassette)
        for exchange in cassette.exchanges:
            if exchange.response is not None and exchange.response.body is not None:
                for file in exchange.response.body.files():
                    file.kept_size()
        self._replay = Replay(cassette.exchanges, self._matchers)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive, send)
        try:
            await call.read(self._keeper)
        except GoneError:
            return
        found = find(self._replay, call, self._keeper.scrubber)
        try:
            if isinstance(found, NoMatch):
                self._unmatched.append(found)
                await call.refuse(NotRecorded(str(found), code="not_recorded"))
            else:
                await play(call, found, self._replay, self._timing)
        finally:
            self._requests.add(call.method, call.shown_path, b"", call.status)


def find(replay: Replay, call: Call, scrubber: Scrubber) -> Exchange | NoMatch:
    """Compared as it would have been written down."""
    scrubber.learn(call.headers, call.query)
    request = call.request()
    request.path, request.body = scrubber.path(request.path), scrubber.body(request.body)
    request.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers}  # for matchers
    return replay.find(request)


async def play(call: Call, exchange: Exchange, replay: Replay, timing: Timing) -> None:
    recorded = exchange.response
    response = None
    if recorded is not None:
        response = Response(recorded.status, recorded.headers, replay.ids.told(recorded.body), recorded.seconds)
    await Playing(call, exchange, response, timing).run()
