"""Clients that are slow, half closed, many, or do not speak HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from assistants_emulator import Emulator, Pause

AUTH = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(scope="module")
def address(emulator: Emulator) -> tuple[str, int]:
    return "127.0.0.1", int(emulator.base_url.removesuffix("/v1").rsplit(":", 1)[1])


def still_answers(emulator: Emulator) -> bool:
    return httpx2.post(f"{emulator.base_url}/threads", headers=AUTH, json={}).status_code == 200


def test_a_thousand_idle_connections_leave_room_for_another(emulator: Emulator, address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(socket.create_connection(address))
        assert still_answers(emulator)


def test_a_client_that_sends_half_a_head_delays_no_other(emulator: Emulator, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as slow:
        slow.sendall(b"POST /v1/threads HTTP/1.1\r\nHost: local")
        assert still_answers(emulator)


def test_a_client_that_leaves_in_the_middle_of_its_body_changes_nothing(
    emulator: Emulator, address: tuple[str, int]
) -> None:
    before = len(emulator.state()["assistants"])
    head = b"POST /v1/assistants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer any\r\n"
    with socket.create_connection(address) as gone:
        gone.sendall(head + b'OpenAI-Beta: assistants=v2\r\nContent-Length: 100\r\n\r\n{"model": "gp')
    assert still_answers(emulator)
    assert len(emulator.state()["assistants"]) == before


@pytest.mark.parametrize(
    "sent", [b"\x00\xff\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0"]
)
def test_bytes_that_are_no_http_are_answered_or_dropped(
    emulator: Emulator, address: tuple[str, int], sent: bytes
) -> None:
    with socket.create_connection(address, timeout=10) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        received = raw.recv(100)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")
    assert still_answers(emulator)


@pytest.mark.parametrize(
    "path",
    [
        "/v1//threads",
        "/v1/threads/%00",
        "/v1/threads/" + "x" * 5000,
        "/v1/threads/..%2f..",
        "/v1/threads/\u00e9",
        "/v1/{}",
    ],
)
def test_odd_paths_are_refused_in_the_envelope(emulator: Emulator, path: str) -> None:
    answer = httpx2.get(emulator.base_url.removesuffix("/v1") + path, headers=AUTH)
    assert answer.status_code in (400, 404, 405)
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer \u00e9"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Digest x"},
        {"OpenAI-Beta": "\u00e9"},
        {"OpenAI-Beta": "=,=,="},
        {"Content-Type": "multipart/form-data"},
    ],
)
def test_odd_headers_are_no_server_fault(emulator: Emulator, headers: dict[str, str]) -> None:
    encoded = {name: value.encode("latin-1") for name, value in {**AUTH, **headers}.items()}
    answer = httpx2.post(f"{emulator.base_url}/threads", headers=encoded, content=b"{}")
    assert answer.status_code in (200, 400, 401)


def test_a_stream_whose_client_is_gone_leaves_nothing_listening(emulator: Emulator) -> None:
    emulator.respond([Pause()])
    client = emulator.client()
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = {"messages": [{"role": "user", "content": "Hello"}]}
    with client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread, stream=True) as stream:
        run = next(event.data for event in stream if event.event == "thread.run.created")
    client.beta.threads.runs.cancel(run_id=run.id, thread_id=run.thread_id)
    assert client.beta.threads.runs.retrieve(run_id=run.id, thread_id=run.thread_id).status == "cancelled"


def test_a_clock_that_goes_backwards_breaks_nothing() -> None:
    with Emulator(clock="manual") as emulator:
        client = emulator.client()
        first = client.beta.assistants.create(model="gpt-4o", name="first")
        emulator.clock.set(1)
        second = client.beta.assistants.create(model="gpt-4o", name="second")
        assert second.created_at < first.created_at
        assert [assistant.name for assistant in client.beta.assistants.list()] == ["second", "first"]


def test_hundreds_of_projects_do_not_get_in_one_anothers_way() -> None:
    with Emulator() as emulator, httpx2.Client(base_url=emulator.base_url) as wire:
        for number in range(500):
            headers = {"Authorization": f"Bearer sk-emulator-p{number}", "OpenAI-Beta": "assistants=v2"}
            assert wire.post("/assistants", headers=headers, json={"model": str(number)}).status_code == 200
        listed = wire.get("/assistants", headers={**AUTH, "Authorization": "Bearer sk-emulator-p7"}).json()
        assert [assistant["model"] for assistant in listed["data"]] == ["7"]
