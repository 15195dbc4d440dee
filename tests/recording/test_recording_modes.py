"""Recording all again or only new calls; replaying with the recorded timing; reports."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import openai
import pytest
from recording_helpers import answering, reply

from assistants_emulator import Emulator
from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording import Body, Cassette, Event, Exchange, Player, Recorder, Request, Response
from assistants_emulator.recording.cassette import CassetteError


def paths(cassette: Path) -> list[str]:
    return [str(exchange.request) for exchange in Cassette.load(cassette).exchanges]


def test_recording_all_replaces_the_cassette_and_its_files(upstream: Emulator, cassette: Path) -> None:
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        client.files.create(file=("a.txt", b"x" * 5000), purpose="assistants")
    assert len(list(cassette.parent.glob("*-files/*"))) == 1
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        client.beta.threads.create()
    assert paths(cassette) == ["POST /threads"]
    assert [file.name for file in cassette.parent.iterdir()] == [cassette.name]


def test_recording_nothing_leaves_what_there_was(upstream: Emulator, cassette: Path) -> None:
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        client.beta.threads.create()
    before = cassette.read_bytes()
    with Recorder(upstream.base_url, cassette):
        pass
    assert cassette.read_bytes() == before


def test_new_episodes_replays_what_is_there_and_records_the_rest(upstream: Emulator, cassette: Path) -> None:
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        client.beta.threads.create()
    asked = len(upstream.requests)
    with Recorder(upstream.base_url, cassette, mode="new_episodes") as recorder, recorder.client() as client:
        client.beta.threads.create()
        assert len(upstream.requests) == asked
        client.files.create(file=("a.txt", b"x" * 5000), purpose="assistants")
    assert [request.path for request in upstream.requests[asked:]] == ["/v1/files"]
    assert paths(cassette) == ["POST /threads", "POST /files"]
    assert Cassette.load(cassette).exchanges[1].files()[0].read() == b"x" * 5000


def test_a_recorder_knows_two_modes(cassette: Path) -> None:
    with pytest.raises(EmulatorError, match="all or new_episodes"):
        Recorder("http://127.0.0.1/v1", cassette, mode="once")  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://host/v1", "http://", "http://host/v1?key=1"])
def test_an_upstream_that_is_no_base_url_is_refused(cassette: Path, url: str) -> None:
    with pytest.raises(EmulatorError, match="upstream"):
        Recorder(url, cassette)


def test_a_replay_takes_the_recorded_time_if_asked_to(cassette: Path) -> None:
    events = Body.events([Event("a", {}, 0.1), Event("b", {}, 0.3)])
    Cassette([Exchange(Request("GET", "/threads"), Response(200, {}, events, 0.1))]).save(cassette)
    with Player(cassette, timing="recorded") as player:
        answer = httpx2.get(f"{player.base_url}/threads")
        assert answer.elapsed.total_seconds() >= 0.3
        assert answer.text == "event: a\ndata: {}\n\nevent: b\ndata: {}\n\n"


def test_polls_are_asked_for_again_at_once(cassette: Path) -> None:
    body = Body.json({"status": "queued"})
    recorded = Exchange(Request("GET", "/threads/t/runs/r"), Response(200, {"openai-poll-after-ms": "5000"}, body))
    Cassette([recorded]).save(cassette)
    with Player(cassette) as player:
        assert httpx2.get(f"{player.base_url}/threads/t/runs/r").headers["openai-poll-after-ms"] == "10"
    with Player(cassette, timing="recorded") as player:
        assert httpx2.get(f"{player.base_url}/threads/t/runs/r").headers["openai-poll-after-ms"] == "5000"


def test_an_unrecorded_call_is_a_501_that_says_what_differs_and_is_not_retried(cassette: Path) -> None:
    Cassette([Exchange(Request("POST", "/threads", {}, Body.json({"a": 1})), Response(200))]).save(cassette)
    with Player(cassette) as player, player.client() as client:
        with pytest.raises(openai.InternalServerError, match=r"body\.metadata is .* recorded was missing") as caught:
            client.beta.threads.create(metadata={"b": "2"})
        assert (caught.value.status_code, caught.value.type) == (501, "not_recorded")
        assert len(player.requests) == len(player.unmatched) == 1
        assert player.report()[1] == "never asked for: POST /threads"


def test_a_client_of_azure_is_answered_below_its_own_base(cassette: Path) -> None:
    seen: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.path)
        reply(request, b'{"id": "thread_1", "object": "thread", "created_at": 1, "metadata": {}}')

    def create(base_url: str) -> str:
        endpoint = base_url.removesuffix("/v1")
        with openai.AzureOpenAI(azure_endpoint=endpoint, api_key="azure-secret", api_version="2025-01-01") as client:
            return client.beta.threads.create().id

    with answering(answer) as url, Recorder(url.replace("/v1", "/openai"), cassette) as recorder:
        assert create(recorder.base_url) == "thread_1"
    assert seen == ["/openai/threads?api-version=2025-01-01"]
    with Player(cassette) as player:
        assert create(player.base_url) == "thread_1"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is not a cassette"),
        ("[]", 'it has no `"format"'),
        ('{"format": "assistants-cassette", "version": 2, "exchanges": []}', "version 2; this reads version 1"),
        ('{"format": "assistants-cassette", "version": 1, "exchanges": [{"request": {}}]}', "no 'method'"),
        ('{"format": "assistants-cassette", "version": 1, "exchanges": [3]}', "that is no exchange"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_in_one_line(cassette: Path, content: str, told: str) -> None:
    cassette.write_text(content)
    with pytest.raises(CassetteError) as caught:
        Cassette.load(cassette)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_bytes_are_reported_when_the_player_starts(upstream: Emulator, cassette: Path) -> None:
    content = b"\xff" * 5000
    with (
        answering(lambda request: reply(request, content, content_type="image/png")) as url,
        Recorder(url, cassette) as recorder,
    ):
        httpx2.get(f"{recorder.base_url}/files/file-1/content")
    next(cassette.parent.glob("*-files/*")).unlink()
    with pytest.raises(EmulatorError, match="No such file"):
        Player(cassette).start()


def test_a_name_outside_of_the_folder_is_no_digest(cassette: Path) -> None:
    file = {"sha256": "../../etc/passwd", "size": 1}
    request = {"method": "GET", "path": "/files/file-1/content"}
    shown = {"request": request, "response": {"status": 200, "file": file}}
    cassette.write_text(json.dumps({"format": "assistants-cassette", "version": 1, "exchanges": [shown]}))
    with pytest.raises(CassetteError, match="sha256 is"):
        Cassette.load(cassette)
