"""`python -m tests.benchmarks.proxy [CALLS]`: the cost of a call through a recorder, by the client that it asks with.

The upstream answers canned bytes. Each round makes the same call directly and through a recorder with each client, in
turn; the figures are medians, the ratio is that of the milliseconds which a recorder adds to the direct call.
"""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send
from tests.benchmarks.floor import served
from tests.benchmarks.measure import Cost, Function, in_turn

from assistants_emulator.recording import Recorder
from assistants_emulator.recording.upstream import HttpxClient

ROUNDS = 7
WARM_UP = 50  # calls
BODY = json.dumps({"role": "user", "content": "Hello"})
ANSWER = json.dumps({"id": "msg_1", "object": "thread.message", "content": "Hello! " * 60}).encode()
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]


async def canned(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


def caller(base_url: str) -> Function:
    """A call on a connection that stays open."""
    url = urlsplit(base_url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"}

    def call() -> None:
        connection.request("POST", f"{url.path}/threads/thread_1/messages", BODY, headers)
        if connection.getresponse().read() != ANSWER:
            raise RuntimeError(f"{base_url} did not pass on the answer")

    return call


def main(calls: int) -> None:
    with tempfile.TemporaryDirectory() as folder, served(canned) as url:
        plain, general = (Recorder(url, Path(folder) / f"{name}.json") for name in ("plain", "httpx2"))
        general._upstream._client = HttpxClient(url.removesuffix("/v1"), trust_env=False)
        with plain, general:
            functions = [caller(address) for address in (url, plain.base_url, general.base_url)]
            for function in functions:
                for _ in range(WARM_UP):
                    function()
            rounds = [in_turn(functions, calls) for _ in range(ROUNDS)]
    for measure in ("wall", "processor"):
        _print(rounds, measure)


def _print(rounds: list[list[Cost]], measure: str) -> None:
    direct, plain, general = (
        statistics.median(getattr(costs[column], measure) for costs in rounds) for column in range(3)
    )
    added = plain - direct, general - direct
    print(
        f"{measure:9} direct {direct:.3f} ms; recorder adds {added[0]:.3f} ms (plain), {added[1]:.3f} ms (httpx2): "
        f"{added[1] / added[0]:.2f} x"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
