"""A ported application's recorded session: replayed call by call, and as a script of the model's replies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.porting.applications import PORTS

from assistants_emulator import Emulator, FunctionCall
from assistants_emulator.convert.script import script_of
from assistants_emulator.recording import Cassette, Player, Recorder

WEATHER = {"Oslo": "15 C", "Rome": "28 C"}


def get_weather(city: str) -> str:
    return WEATHER[city]


def weather(turn: Any) -> Any:
    (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
    yield f"It is {found}."


def drive(port: str, client: openai.OpenAI) -> None:
    """Two questions with a function, and one that is streamed."""
    desk = PORTS[port](client, {"get_weather": get_weather}, [])
    for city in WEATHER:
        desk.ask(f"weather in {city}")
    assert desk.ask_streamed("Hello") == "Hello there."


@pytest.fixture(params=PORTS)
def port(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cassette(port: str, tmp_path: Path) -> Path:
    path = tmp_path / "session.json"
    with Emulator(clock="manual") as emulator:
        emulator.respond(weather, when=r"weather in (?P<city>\w+)")
        emulator.respond("Hello there.")
        with Recorder(emulator.base_url, path) as recorder, recorder.client() as client:
            drive(port, client)
    return path


@pytest.fixture
def scripted(cassette: Path) -> Iterator[Emulator]:
    script = script_of(Cassette.load(cassette).exchanges)
    assert script.warnings == []
    with Emulator(script=script.script, clock="manual") as emulator:
        yield emulator


def test_a_session_is_replayed_call_by_call(port: str, cassette: Path) -> None:
    with Player(cassette) as player:
        with player.client() as client:
            drive(port, client)
        assert player.report() == []


def test_the_replies_of_a_session_are_a_script(port: str, scripted: Emulator) -> None:
    with scripted.client() as client:
        drive(port, client)
    assert [text.count("assistant: It is") for text in scripted.transcripts().values()] == [2]


def test_another_port_gets_the_same_replies(port: str, scripted: Emulator) -> None:
    (other,) = sorted(set(PORTS) - {port})[:1]
    with scripted.client() as client:
        drive(other, client)
    assert scripted.unmatched == []
