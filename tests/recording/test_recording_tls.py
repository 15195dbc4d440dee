"""A gateway on https, whose certificate an authority of the gateway's own has signed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import openai
import pytest
import trustme
from recording_helpers import answering, reply

from assistants_emulator.recording import Cassette, Recorder


def thread(request: BaseHTTPRequestHandler) -> None:
    reply(request, b'{"id": "thread_1", "object": "thread"}')


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def gateway(authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(thread, context) as url:
        yield url


def test_the_environment_names_the_authority(
    gateway: str, authority: trustme.CA, tmp_path: Path, cassette: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with Recorder(gateway, cassette) as recorder, recorder.client() as client:
        assert client.beta.threads.create().id == "thread_1"
    assert [str(exchange.request) for exchange in Cassette.load(cassette).exchanges] == ["POST /threads"]


def test_without_it_the_refusal_says_what_to_set(gateway: str, cassette: Path) -> None:
    with (
        Recorder(gateway, cassette) as recorder,
        recorder.client(max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match=r"certificate verify failed.*SSL_CERT_FILE names the file"),
    ):
        client.beta.threads.create()
