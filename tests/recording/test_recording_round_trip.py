"""A session recorded through the proxy, and the same client code with the cassette only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from recording_helpers import session, teach

from assistants_emulator import Emulator
from assistants_emulator.recording import Cassette, Player, Recorder


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recorded") / "session.json"


@pytest.fixture(scope="module")
def recorded(path: Path) -> dict[str, Any]:
    with Emulator(clock="manual") as emulator:
        teach(emulator)
        with Recorder(emulator.base_url, path) as recorder, recorder.client() as client:
            return session(client)


@pytest.fixture(scope="module")
def player(recorded: dict[str, Any], path: Path) -> Iterator[Player]:
    with Player(path) as player:
        yield player


@pytest.fixture(scope="module")
def replayed(player: Player) -> dict[str, Any]:
    with player.client() as client:
        return session(client)


TOPICS = ["files", "a function call", "code interpreter", "a stream", "an error", "an error of files", "a deletion"]


@pytest.mark.parametrize("topic", TOPICS)
def test_the_replay_is_what_was_recorded(topic: str, recorded: dict[str, Any], replayed: dict[str, Any]) -> None:
    assert replayed[topic] == recorded[topic]


def test_there_is_no_other_topic(recorded: dict[str, Any]) -> None:
    assert list(recorded) == TOPICS


def test_nothing_is_left_over_and_nothing_was_missing(replayed: dict[str, Any], player: Player) -> None:
    assert player.report() == []


def test_a_cassette_that_is_loaded_and_saved_is_the_same_byte_for_byte(
    recorded: dict[str, Any], path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / path.name
    Cassette.load(path).save(copy)
    assert copy.read_bytes() == path.read_bytes()
    beside = [{file.name: file.read_bytes() for file in folder.glob("*-files/*")} for folder in (path.parent, tmp_path)]
    assert beside[0] == beside[1] != {}


def test_a_small_upload_is_in_the_cassette_and_a_large_one_in_its_folder(recorded: dict[str, Any], path: Path) -> None:
    uploads = [e.request.body for e in Cassette.load(path).exchanges if str(e.request) == "POST /files"]
    kept = [
        [(part.name, part.filename, part.file and part.file.path is None) for part in b.value] for b in uploads if b
    ]
    assert kept[0] == [("purpose", None, None), ("file", "notes.txt", True)]
    assert kept[1] == [("purpose", None, None), ("file", "picture.png", False)]


def raise_lookup_error(*args: object, **options: object) -> bytes:
    raise LookupError("nothing to send")


def test_an_exception_while_a_player_sends_a_stream_is_logged(
    recorded: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("assistants_emulator.recording.player.frame", raise_lookup_error)
    with Player(path) as player, player.client(max_retries=0) as client, pytest.raises(httpx2.RemoteProtocolError):
        session(client)
    assert "/runs broke off" in caplog.text
    assert "LookupError: nothing to send" in caplog.text


def test_an_exception_while_a_recorder_passes_on_an_answer_is_logged(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("assistants_emulator.recording.recorder.forwarded_headers", raise_lookup_error)
    with Emulator() as emulator, Recorder(emulator.base_url, tmp_path / "broken.json") as recorder:
        assert httpx2.get(f"{recorder.base_url}/models").status_code == 500
    assert "GET /v1/models broke off" in caplog.text
    assert "LookupError: nothing to send" in caplog.text
