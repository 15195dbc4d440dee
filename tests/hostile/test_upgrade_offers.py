"""Requests that offer another protocol are answered as if they did not (RFC 9110, section 7.8): all of them, whole."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from assistants_emulator import Emulator
from assistants_emulator.recording import Player, Recorder

OFFER = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
GO_ON, CLOSE = "Connection: Upgrade, HTTP2-Settings\r\n", "Connection: close, Upgrade, HTTP2-Settings\r\n"
AUTH = "Authorization: Bearer any\r\nOpenAI-Beta: assistants=v2\r\n"
THREAD = b'{"metadata": {"city": "Oslo"}}'


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual") as running:
        yield running


def head(path: str, length: int, headers: str) -> bytes:
    request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{OFFER}Content-Length: {length}\r\n"
    return request.encode()


def exchange(base_url: str, path: str, body: bytes, *, packets: int, headers: str = AUTH) -> tuple[int, bytes]:
    """Status and body of the answer. With two packets the body follows once the server has asked for it."""
    address = urlsplit(base_url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        start = head(path, len(body), headers + CLOSE)
        if packets == 1:
            connection.sendall(start + b"\r\n" + body)
        else:
            connection.sendall(start + b"Expect: 100-continue\r\n\r\n")
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1") == 1
    answer = HTTPResponse(SimpleNamespace(makefile=lambda mode: BytesIO(received)))  # type: ignore[arg-type]
    answer.begin()
    return answer.status, answer.read()


@pytest.mark.parametrize("packets", [1, 2])
class TestTheBodyIsRead:
    def test_by_the_api(self, emulator: Emulator, packets: int) -> None:
        status, content = exchange(emulator.base_url, "/v1/threads", THREAD, packets=packets)
        assert (status, metadata_of(content)) == (200, {"city": "Oslo"})

    def test_by_the_api_as_an_upload(self, emulator: Emulator, packets: int) -> None:
        headers = f"{AUTH}Content-Type: multipart/form-data; boundary=B\r\n"
        field = b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        file = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc\r\n--B--\r\n'
        status, _ = exchange(emulator.base_url, "/v1/files", field + file, packets=packets, headers=headers)
        assert (status, [file.filename for file in emulator.client().files.list()]) == (200, ["a.txt"])

    def test_by_the_control_api(self, emulator: Emulator, packets: int) -> None:
        before = emulator.clock.now()
        status, content = exchange(emulator.base_url, "/_emulator/clock", b'{"advance": 5}', packets=packets)
        assert (status, json.loads(content)["now"]) == (200, before + 5)

    def test_by_the_inspector(self, emulator: Emulator, packets: int) -> None:
        path, headers = "/_emulator/projects/default/controls/advance", "Sec-Fetch-Site: same-origin\r\n"
        before = emulator.clock.now()
        status, _ = exchange(emulator.base_url, path, b"seconds=5", packets=packets, headers=headers)
        assert (status, emulator.clock.now()) == (303, before + 5)

    def test_by_a_recorder_and_a_player(self, emulator: Emulator, packets: int, tmp_path: Path) -> None:
        cassette = tmp_path / "offers.json"
        with Recorder(emulator.base_url, cassette) as recorder:
            recorded = exchange(recorder.base_url, "/v1/threads", THREAD, packets=packets)
        with Player(cassette) as player:
            replayed = exchange(player.base_url, "/v1/threads", THREAD, packets=packets)
            assert player.report() == []
        for status, content in (recorded, replayed):
            assert (status, metadata_of(content)) == (200, {"city": "Oslo"})


def test_several_offers_in_one_packet_are_answered_in_order(emulator: Emulator) -> None:
    request = head("/v1/threads", len(THREAD), AUTH + GO_ON) + b"\r\n" + THREAD
    address = urlsplit(emulator.base_url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(request * 50)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 50:
            chunk = connection.recv(65536)
            assert chunk
            received += chunk
    assert received.count(b'"city": "Oslo"') == 50
    assert len(emulator.state()["threads"]) == 50


def test_an_offer_without_a_body_is_answered(emulator: Emulator) -> None:
    status, content = exchange(emulator.base_url, "/v1/threads", b"", packets=1)
    assert (status, metadata_of(content)) == (200, {})


def test_a_websocket_is_answered_as_any_request(emulator: Emulator) -> None:
    headers = f"{AUTH}Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"
    status, content = exchange(emulator.base_url, "/v1/threads", THREAD, packets=1, headers=headers)
    assert (status, metadata_of(content)) == (200, {"city": "Oslo"})


def metadata_of(content: bytes) -> Any:
    return json.loads(content)["metadata"]
