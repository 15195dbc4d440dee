"""Calls through the recorder, and the exchanges that it writes."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from recording_helpers import answering, reply

from assistants_emulator import Emulator
from assistants_emulator.recording import Cassette, Exchange, Player, Recorder

HELLO: Any = {"messages": [{"role": "user", "content": "Hello"}]}
THREAD = b'{"id": "thread_1", "object": "thread"}'


def only(cassette: Path) -> Exchange:
    (exchange,) = Cassette.load(cassette).exchanges
    return exchange


def test_the_first_event_arrives_before_the_last_is_sent(cassette: Path) -> None:
    first_arrived = threading.Event()

    def stream(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: a\ndata: {}\n\n")
        assert first_arrived.wait(20)
        request.wfile.write(b"event: done\ndata: [DONE]\n\n")
        request.close_connection = True

    with (
        answering(stream) as url,
        Recorder(url, cassette) as recorder,
        httpx2.stream("POST", f"{recorder.base_url}/threads/runs") as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "event: a"
        first_arrived.set()
        assert list(lines)[-2] == "data: [DONE]"


def test_a_stream_is_recorded_as_events_with_times(upstream: Emulator, cassette: Path) -> None:
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o")
        stream = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=HELLO, stream=True)
        names = [event.event for event in stream]
    response = Cassette.load(cassette).exchanges[1].response
    assert response is not None
    assert response.body is not None
    assert [event.event for event in response.body.value] == [*names, "done"]
    times = [event.at for event in response.body.value]
    assert times == sorted(times)
    assert times[0] > 0


def test_an_upstream_that_cannot_be_reached_is_a_502(cassette: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with (
            Recorder(url, cassette) as recorder,
            recorder.client(max_retries=0) as client,
            pytest.raises(openai.InternalServerError, match="could not be reached"),
        ):
            client.beta.threads.create()
    assert (failure := only(cassette).failure) is not None
    assert failure.kind == "connect"


def test_an_upstream_that_hangs_up_is_a_connection_error_then_and_in_the_replay(
    upstream: Emulator, cassette: Path
) -> None:
    upstream.faults.add("POST /threads", drop_after=0)
    with (
        Recorder(upstream.base_url, cassette) as recorder,
        recorder.client(max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.beta.threads.create()
    assert (failure := only(cassette).failure) is not None
    assert failure.kind == "dropped"
    with Player(cassette) as player, player.client(max_retries=0) as client, pytest.raises(openai.APIConnectionError):
        client.beta.threads.create()


def test_a_stream_that_breaks_off_is_replayed_as_far_as_it_came(upstream: Emulator, cassette: Path) -> None:
    def events(client: openai.OpenAI) -> list[str]:
        seen: list[str] = []
        assistant = client.beta.assistants.create(model="gpt-4o")
        stream = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=HELLO, stream=True)
        with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
            seen.extend(event.event for event in stream)
        return seen

    upstream.faults.add("POST /threads/runs", drop_after=3)
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        recorded = events(client)
    with Player(cassette) as player, player.client() as client:
        assert events(client) == recorded
    assert len(recorded) == 3


def test_a_client_that_gives_up_gives_up_again(cassette: Path) -> None:
    def give_up(client: openai.OpenAI) -> None:
        with pytest.raises(openai.APITimeoutError):
            client.beta.threads.create()

    over = threading.Event()

    def say_nothing(request: BaseHTTPRequestHandler) -> None:
        over.wait(20)
        request.close_connection = True

    with answering(say_nothing) as url:
        with Recorder(url, cassette) as recorder, recorder.client(max_retries=0, timeout=0.2) as client:
            give_up(client)
        over.set()
    assert (failure := only(cassette).failure) is not None
    assert failure.kind == "gave_up"
    with Player(cassette) as player, player.client(max_retries=0, timeout=0.2) as client:
        give_up(client)


def test_an_injected_error_is_retried_by_the_sdk_and_both_answers_are_recorded(
    upstream: Emulator, cassette: Path
) -> None:
    upstream.faults.add("POST /threads", status=429, times=1)
    with Recorder(upstream.base_url, cassette) as recorder, recorder.client() as client:
        thread = client.beta.threads.create()
    answers = [exchange.response for exchange in Cassette.load(cassette).exchanges]
    assert [answer.status for answer in answers if answer is not None] == [429, 200]
    with Player(cassette) as player, player.client() as client:
        assert client.beta.threads.create() == thread


def test_a_compressed_answer_passes_as_it_is_and_is_recorded_plain(cassette: Path) -> None:
    packed = gzip.compress(THREAD)
    with (
        answering(lambda request: reply(request, packed, content_encoding="gzip")) as url,
        Recorder(url, cassette) as recorder,
    ):
        answer = httpx2.get(f"{recorder.base_url}/threads/thread_1")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.content == THREAD
    response = only(cassette).response
    assert response is not None
    assert response.body is not None
    assert response.body.value == json.loads(THREAD)
    assert "content-encoding" not in response.headers


def test_headers_of_one_connection_stay_there(cassette: Path) -> None:
    seen: list[dict[str, str]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        reply(request, THREAD, keep_alive="timeout=5", x_custom="kept")

    with answering(answer) as url, Recorder(url, cassette) as recorder:
        sent = {"Connection": "keep-alive, x-mine", "X-Mine": "1", "X-Other": "2", "TE": "trailers"}
        told = httpx2.get(f"{recorder.base_url}/threads/thread_1", headers=sent).headers
    assert ("x-mine" in seen[0], "te" in seen[0], seen[0]["x-other"]) == (False, False, "2")
    assert seen[0]["host"] == url.split("/")[2]
    assert ("keep-alive" in told, told["x-custom"]) == (False, "kept")


def test_path_and_query_reach_upstream_as_they_were_written(cassette: Path) -> None:
    seen: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.path)
        reply(request, THREAD)

    with answering(answer) as url, Recorder(f"{url}/deep", cassette) as recorder:
        httpx2.get(f"{recorder.base_url}/threads/a%2Fb?include%5B%5D=x%5B%2A%5D&api-version=1")
        httpx2.get(recorder.base_url.replace("/v1", "/openai/threads"))
    assert seen == ["/v1/deep/threads/a%2Fb?include%5B%5D=x%5B%2A%5D&api-version=1", "/v1/deep/threads"]
    assert Cassette.load(cassette).exchanges[0].request.path == "/threads/a%2Fb?include%5B%5D=x%5B%2A%5D&api-version=1"


@pytest.mark.parametrize("header", ["authorization", "api-key"])
def test_a_key_for_upstream_takes_the_place_of_the_clients(cassette: Path, header: str) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.extend((request.headers.get("authorization"), request.headers.get("api-key")))
        reply(request, THREAD)

    with answering(answer) as url, Recorder(url, cassette, upstream_key="upstream-key") as recorder:
        httpx2.get(f"{recorder.base_url}/threads/thread_1", headers={header: "clients-key"})
    assert seen == (["Bearer upstream-key", None] if header == "authorization" else [None, "upstream-key"])


def test_an_upload_without_a_length_arrives_whole(cassette: Path) -> None:
    seen: list[bytes] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        while size := int(request.rfile.readline(), 16):
            seen.append(request.rfile.read(size))
            request.rfile.readline()
        request.rfile.readline()
        reply(request, THREAD)

    with answering(answer) as url, Recorder(url, cassette) as recorder:
        httpx2.post(f"{recorder.base_url}/threads", content=iter([b'{"metadata"', b": {}}"]))
    assert b"".join(seen) == b'{"metadata": {}}'
    body = only(cassette).request.body
    assert body is not None
    assert body.value == {"metadata": {}}


def test_a_path_outside_the_base_url_is_refused(upstream: Emulator, cassette: Path) -> None:
    with Recorder(upstream.base_url, cassette) as recorder:
        answer = httpx2.get(recorder.base_url.replace("/v1", "/elsewhere"))
    assert answer.status_code == 404
    assert Cassette.load(cassette).exchanges == []
