"""Large files pass through the recorder into the cassette's folder without being held in memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx2
import pytest
from recording_helpers import answering, reply

from assistants_emulator.recording import Cassette

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
