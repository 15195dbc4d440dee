"""SDK calls: over the socket against the floor, in process against the socket."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.floor import canned_app, recorded, served
from tests.benchmarks.measure import Row, compared, in_turn
from tests.benchmarks.programs import DELTAS, Program

from assistants_emulator import Emulator, Text
from assistants_emulator.server.sdk_clients import make_client

TARGETS = {"create_and_poll": 1.4, f"streamed run, {DELTAS} deltas": 1.3, f"streamed response, {DELTAS} deltas": 1.3}
CALL_TARGET = 1.25


def sdk_calls(calls: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, Emulator(data_dir=folder, transport="inprocess") as emulator:
        emulator.respond(Text("word " * DELTAS, chunks=["word "] * DELTAS))
        on_socket = make_client(emulator.base_url, emulator.api_key, {})
        answers = recorded(make_client(emulator.base_url, emulator.api_key, {}), _everything)
        with served(canned_app(answers)) as floor_url:
            clients = on_socket, make_client(floor_url, "key", {}), emulator.client()
            programs = [Program(client) for client in clients]
            for name in programs[0].calls():
                ours, floor, inside = in_turn([program.calls()[name] for program in programs], calls)
                yield from compared("SDK call", name, ours, floor, "floor", TARGETS.get(name, CALL_TARGET))
                yield from compared("SDK call in process", name, inside, ours, "socket", None)


def _everything(client: Any) -> None:
    for call in Program(client).calls().values():
        call()
