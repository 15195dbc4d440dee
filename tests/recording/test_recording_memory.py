"""Large files pass through the recorder into the cassette's folder without being held in memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest
from recording_helpers import answering, reply

from assistants_emulator.recording import Cassette, Player, Recorder, capture

SIZE, PIECE = 100_000_000, b"0123456789abcdef" * 6250
MOST_GROWTH = 40_000  # kB

RECORD = """
import re, sys
from pathlib import Path
from assistants_emulator.recording import Recorder
def peak():  # getrusage's would be that of the process which started this one
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], flush=True)
with Recorder(sys.argv[1], sys.argv[2]) as recorder:
    print(recorder.base_url, flush=True)
    for line in sys.stdin:
        peak()
peak()
"""


def pieces() -> Iterator[bytes]:
    yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    for _ in range(SIZE // len(PIECE)):
        yield PIECE
    yield b"\r\n--b--\r\n"


def answer(request: BaseHTTPRequestHandler) -> None:
    if request.path.endswith("/content"):
        request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE)
        for _ in range(SIZE // len(PIECE)):
            request.wfile.write(PIECE)
        return
    left = int(request.headers.get("content-length", 0))
    while left:
        left -= len(request.rfile.read(min(left, 1_000_000)))
    del request.headers["content-length"]
    reply(request, b"{}")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a process its peak of memory")
def test_a_hundred_megabytes_pass_both_ways_with_flat_memory(cassette: Path) -> None:
    digest = hashlib.sha256()
    with answering(answer) as url:
        command = [sys.executable, "-c", RECORD, url, str(cassette)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        assert process.stdout is not None
        with httpx2.Client(base_url=process.stdout.readline().strip(), timeout=120) as client:
            client.get("/files/file-0")
            process.stdin.write("\n")
            process.stdin.flush()
            before = int(process.stdout.readline())
            size = SIZE + sum(map(len, pieces())) - len(PIECE) * (SIZE // len(PIECE))
            headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(size)}
            client.post("/files", content=pieces(), headers=headers)
            with client.stream("GET", "/files/file-1/content") as download:
                for chunk in download.iter_bytes():
                    digest.update(chunk)
        out, _ = process.communicate()
    assert int(out) - before < MOST_GROWTH
    uploaded, downloaded = (exchange.files()[0] for exchange in Cassette.load(cassette).exchanges[1:])
    assert (uploaded.size, uploaded.sha256) == (SIZE, digest.hexdigest())
    assert (downloaded.size, downloaded.sha256) == (SIZE, digest.hexdigest())


LONG = "long " * 200


def long_stream(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    for _ in range(100):
        request.wfile.write(f'data: {{"a": "{LONG}"}}\n\n'.encode())
    request.wfile.write(b"data: [DONE]\n\n")
    request.close_connection = True


def test_a_long_text_passes_and_is_left_out_of_the_cassette(
    cassette: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of both directions digest and size are recorded, so that the call is found again."""
    monkeypatch.setattr(capture, "MOST_TEXT_BYTES", 500)
    body = json.dumps({"password": LONG}).encode()
    with answering(lambda request: reply(request, body)) as url, Recorder(url, cassette) as recorder:
        answer = httpx2.post(f"{recorder.base_url}/threads?key=secret-of-the-query", content=body)
    assert answer.content == body
    assert [record.message for record in caplog.records if "left out" in record.message] == [
        "/threads: a body has more than 0 MB and is left out of the cassette"
    ] * 2
    (exchange,) = Cassette.load(cassette).exchanges
    assert exchange.response is not None
    for part in (exchange.request.body, exchange.response.body):
        assert part is not None
        assert (part.kind, part.value.size, part.value.sha256) == ("file", len(body), hashlib.sha256(body).hexdigest())
    assert "long long" not in cassette.read_text()
    with Player(cassette) as player:
        assert httpx2.post(f"{player.base_url}/threads?key=secret-of-the-query", content=body).status_code == 200


def test_long_fields_of_a_form_pass_and_are_left_out(
    cassette: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture, "MOST_TEXT_BYTES", 500)
    fields = {"short": "a", "long": LONG, "after": "b"}
    with answering(lambda request: reply(request, b"{}")) as url, Recorder(url, cassette) as recorder:
        assert httpx2.post(f"{recorder.base_url}/files", data=fields, files={"file": b"x"}).status_code == 200
    (exchange,) = Cassette.load(cassette).exchanges
    assert exchange.request.body is not None
    short, long, after, file = exchange.request.body.value
    assert (short.value, after.value, long.value) == ("a", "b", None)
    assert (long.file.size, file.file.size) == (len(LONG), 1)
    assert "the field 'long' with those before it has more than" in caplog.text


def test_a_long_stream_passes_and_its_rest_is_left_out(
    cassette: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture, "MOST_TEXT_BYTES", 20_000)
    with answering(long_stream) as url, Recorder(url, cassette) as recorder:
        assert httpx2.get(f"{recorder.base_url}/threads").text.count("data: ") == 101
    (exchange,) = Cassette.load(cassette).exchanges
    assert exchange.response is not None
    assert exchange.response.body is not None
    assert len(exchange.response.body.value) < 20
    assert "the rest of a stream that has more than" in caplog.text
