"""Bounds of the protocol: sizes of heads, trailers and forms, times of requests, numbers of connections."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.server import connections

AUTH = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}
POST = b"POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer any\r\nOpenAI-Beta: assistants=v2\r\n"
FORM = {**AUTH, "Content-Type": "multipart/form-data; boundary=B"}
FILE = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--B--\r\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def emulator(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator that looks for late connections every tenth of a second."""
    monkeypatch.setattr(connections, "REFRESH_SECONDS", 0.1)
    with Emulator(data) as running:
        yield running


def connected(emulator: Emulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx2.URL(emulator.base_url).port or 80), timeout=20)


def received(raw: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    pieces = []
    try:
        while piece := raw.recv(65536):
            pieces.append(piece)
    except ConnectionError:
        pass
    return b"".join(pieces)


def upload(emulator: Emulator, content: bytes, headers: dict[str, str]) -> httpx2.Response:
    return httpx2.post(f"{emulator.base_url}/files", content=content, headers=headers)


def send_much(raw: socket.socket, piece: bytes, times: int = 200) -> None:
    try:
        for _ in range(times):
            raw.sendall(piece)
    except ConnectionError:
        pass


def test_trailers_are_no_headers(emulator: Emulator) -> None:
    with connected(emulator) as raw:
        raw.sendall(b"POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        raw.sendall(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer any\r\n\r\n")
        assert b" 401 " in received(raw).splitlines()[0]


@pytest.mark.parametrize("piece", [b"X-Filler: " + b"x" * 1000 + b"\r\n", b"x" * 1000])
def test_too_large_trailers_close_the_connection(emulator: Emulator, piece: bytes) -> None:
    with connected(emulator) as raw:
        raw.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        send_much(raw, piece)
        assert b" 200 " not in received(raw)


def test_a_head_that_arrives_at_once_has_the_same_bound(emulator: Emulator) -> None:
    with connected(emulator) as raw:
        send_much(raw, POST + b"X-Filler: " + b"x" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}", 1)
        assert b" 200 " not in received(raw)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/thr", POST, POST + b"Content-Length: 10\r\n\r\n{"])
def test_a_request_that_does_not_go_on_is_closed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.0)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.0)
    with connected(emulator) as raw:
        raw.sendall(sent)
        assert received(raw) == b""


def trickles(raw: socket.socket) -> bool:
    """Send a byte every fifth of a second; return whether the server lets that go on for forty seconds."""
    raw.settimeout(0.2)
    for _ in range(200):
        try:
            raw.send(b" ")
            if raw.recv(1) == b"":
                return False
        except TimeoutError:
            continue
        except ConnectionError:
            return False
    return True


def test_a_body_that_trickles_is_closed(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.5)
    with connected(emulator) as raw:
        raw.sendall(POST + b"Content-Length: 100000\r\n\r\n")
        assert not trickles(raw)


def test_a_connection_that_waits_for_its_next_request_stays_open(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with httpx2.Client(headers=AUTH) as client:
        assert client.post(f"{emulator.base_url}/threads", json={}).status_code == 200
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.0)
        with connected(emulator) as raw:
            assert received(raw) == b""  # by then the server has looked at all connections
        (pool_connection,) = client._transport._pool.connections  # type: ignore[attr-defined]
        assert client.post(f"{emulator.base_url}/threads", json={}).status_code == 200
        assert client._transport._pool.connections == [pool_connection]  # type: ignore[attr-defined]


@pytest.mark.skipif(os.name != "posix", reason="descriptors have no limit here")
def test_idle_connections_are_dropped_when_descriptors_run_out() -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))

    command = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=limit) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        assert process.stdout is not None
        (port,) = re.findall(r"http://127\.0\.0\.1:(\d+)/v1", process.stdout.readline())
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", int(port)), timeout=20))
        assert httpx2.post(f"http://127.0.0.1:{port}/v1/threads", headers=AUTH, json={}).status_code == 200


def test_a_form_without_a_boundary_has_the_bound_of_a_body(emulator: Emulator) -> None:
    headers = {**AUTH, "Content-Type": "multipart/form-data"}
    assert upload(emulator, b"x" * 9_000_000, headers).status_code == 413
    assert upload(emulator, FILE, headers).status_code == 400


@pytest.mark.parametrize(
    "form",
    [
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 1001 + FILE,
        b'--B\r\nContent-Disposition: form-data; name="' + b"n" * 70_000 + b'"\r\n\r\n\r\n' + FILE,
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n' + b"X: x\r\n" * 20_000 + b"\r\n\r\n" + FILE,
    ],
)
def test_parts_fields_and_headers_of_a_form_are_bounded(emulator: Emulator, form: bytes) -> None:
    answer = upload(emulator, form, FORM)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("We could not parse the multipart form")


def test_the_names_of_fields_count_as_fields(emulator: Emulator) -> None:
    form = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n\r\n'
    names = b"".join(form % (b"%d" % number + b"n" * 1000) for number in range(100))
    assert upload(emulator, names + FILE, FORM).status_code == 413


def test_a_long_boundary_is_refused(emulator: Emulator) -> None:
    headers = {**AUTH, "Content-Type": f"multipart/form-data; boundary={'B' * 5000}"}
    assert upload(emulator, FILE, headers).status_code == 400


@pytest.mark.parametrize(
    "name",
    [
        b"filename*=unicode_escape''%5cud800",
        b"filename*0*=utf-7''%2b2AA-",
        b"filename*=raw_unicode_escape''%5cud800",
        b"filename*=utf-8''a; filename*0=b",
        b"filename*" + b"9" * 5000 + b"=a",
        b"filename*=utf-16le''%00%d8",
        b"filename*=rot13''a",
        b'filename="\xed\xa0\x80"',
        b'filename="a\x00b"',
        b'filename="' + b"x" * 60_000 + b'"',
    ],
)
def test_a_file_of_any_name_can_be_uploaded_shown_and_deleted(data: Path, emulator: Emulator, name: bytes) -> None:
    purpose = b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    form = purpose + FILE.replace(b'filename="a"', name)
    answer = upload(emulator, form, FORM)
    assert answer.status_code == 200, answer.text
    url = f"{emulator.base_url}/files/{answer.json()['id']}"
    assert httpx2.get(url, headers=AUTH).json()["filename"]
    assert httpx2.get(f"{emulator.inspector_url}state", headers=AUTH).json()["files"][0]["content_base64"] == "eA=="
    assert httpx2.delete(url, headers=AUTH).json()["deleted"]
    assert list((data / "default" / "files").iterdir()) == []
