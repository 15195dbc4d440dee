"""Raw requests a second, the server in a process of its own, by a client that only counts: loopback, a fixed number of
requests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.measure import Row

CONNECTIONS = (1, 8, 64)
ROUNDS = 3
ROOT = Path(__file__).parents[2]
BODY = b'{"role": "user", "content": "Hello"}'


def throughput(requests: int) -> Iterator[Row]:
    with _server("floor") as floor, _server("emulator") as emulator:
        for connections in CONNECTIONS:
            rates: dict[str, list[float]] = {floor: [], emulator: []}
            for _ in range(ROUNDS):
                for address in rates:
                    rates[address].append(asyncio.run(_rate(address, connections, requests)))
            best, floors = max(rates[emulator]), max(rates[floor])
            name = f"messages.create, {connections} connection{'s' if connections > 1 else ''}"
            yield Row("Raw throughput", name, best, "a second", "floor", best / floors, 0.5, at_least=True)


async def _rate(address: str, connections: int, requests: int) -> float:
    each = max(1, requests // connections)
    began = time.perf_counter()
    await asyncio.gather(*(_client(address, each) for _ in range(connections)))
    return each * connections / (time.perf_counter() - began)


async def _client(address: str, requests: int) -> None:
    url = urlsplit(address)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer key\r\nOpenAI-Beta: assistants=v2\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    request = head.encode() + BODY
    try:
        for _ in range(requests):
            writer.write(request)
            answered = await reader.readuntil(b"\r\n\r\n")
            if not answered.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{address} answered {answered!r}")
            length = answered.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
    finally:
        writer.close()


@contextmanager
def _server(which: str) -> Iterator[str]:
    """The address to post messages to; the process ends when its input does."""
    command = [sys.executable, "-m", "tests.benchmarks.serving", which]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate("")
