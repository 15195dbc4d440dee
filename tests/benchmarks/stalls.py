"""The longest gaps of a server's loop while another client does what is large.

The server is a process of its own. Another process asks for its health every ten milliseconds and notes the longest
time from one wish for an answer to the answer.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from tests.benchmarks.measure import Row

from assistants_emulator import Emulator
from assistants_emulator.server.loop import ShortCollections

PROBE_SECONDS = 0.01
TARGET_MS = 100.0
MEGABYTE = 1024 * 1024
SECTION = "longest gap of the loop"
AUTH = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}
WORDS = [f"word{number}" for number in range(5000)]


def stalls(less: int) -> Iterator[Row]:
    """A row for each operation, on objects of a `less`-th of their sizes."""
    with tempfile.TemporaryDirectory() as folder, child("serve", folder) as server:
        address = server("")
        with child("probe", address) as probe, client(address) as wire:
            probe("")
            for name, operation in operations(wire, server, less):
                probe("")
                began = time.perf_counter()
                operation()
                took = time.perf_counter() - began
                yield Row(SECTION, f"{name} ({took:.1f} s)", float(probe("")), "ms", target=TARGET_MS)


def operations(
    wire: httpx2.Client, server: Callable[[str], str], less: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each with its name; what it needs is made before it is yielded."""
    yield "nothing", lambda: time.sleep(1)
    put_state(wire, long_thread(100_000 // less))
    yield "delete 100,000 messages", lambda: wire.delete("/v1/threads/thread_1").raise_for_status()
    state = long_thread(38_000 // less)
    yield "put 38,000 messages", lambda: put_state(wire, state)
    yield "get 38,000 messages", lambda: wire.get("/_emulator/state").raise_for_status()
    responses = chain(10_000 // less)
    yield "put 10,000 responses", lambda: put_state(wire, responses)
    yield "get 10,000 responses", lambda: wire.get("/_emulator/state").raise_for_status()
    text = document(18 * MEGABYTE // less)
    file = upload(wire, "a.txt", text)
    store = wire.post("/v1/vector_stores", json={"file_ids": [file]}).json()["id"]
    search = {"query": "word17"}
    yield "index 18 MB", lambda: wire.post(f"/v1/vector_stores/{store}/search", json=search).raise_for_status()
    yield "delete a file of 18 MB", lambda: wire.delete(f"/v1/files/{file}").raise_for_status()
    yield "upload 300 MB", lambda: upload(wire, "b.txt", bytes(300 * MEGABYTE // less))
    yield "get a file of 300 MB", lambda: wire.get("/_emulator/state").raise_for_status()
    wire.post("/_emulator/reset").raise_for_status()
    server(f"fill {250 * MEGABYTE // less}")
    yield "checkpoint 250 MB", lambda: server("checkpoint")
    yield "reset 250 MB", lambda: wire.post("/_emulator/reset").raise_for_status()


def long_thread(messages: int) -> bytes:
    content = {"thread_id": "thread_1", "content": "Hello. " * 20}
    rows = [{"id": f"msg_{number}", **content} for number in range(messages)]
    return json.dumps({"threads": [{"id": "thread_1"}], "messages": rows}).encode()


def chain(responses: int) -> bytes:
    """Responses in a chain, with two items each."""
    items, rows = [], []
    for number in range(responses):
        belongs = {"response_id": f"resp_{number}", "content": "Hello. " * 20}
        items.append({"id": f"msg_{number}", **belongs})
        items.append({"id": f"out_{number}", **belongs, "role": "assistant", "is_output": True})
        before = {"previous_response_id": f"resp_{number - 1}"} if number else {}
        rows.append({"id": f"resp_{number}", "input_items": [f"msg_{number}"], **before})
    return json.dumps({"items": items, "responses": rows}).encode()


def put_state(wire: httpx2.Client, state: bytes) -> None:
    wire.put("/_emulator/state", content=state).raise_for_status()


def document(size: int) -> bytes:
    words, position, text = len(WORDS), 0, []
    while size > 0:
        position = (position * 31 + 7) % (words * 97)
        text.append(WORDS[position % words])
        size -= len(text[-1]) + 1
    return " ".join(text).encode()


def upload(wire: httpx2.Client, name: str, content: bytes) -> str:
    answer = wire.post("/v1/files", data={"purpose": "assistants"}, files={"file": (name, content)})
    id: str = answer.raise_for_status().json()["id"]
    return id


@contextmanager
def client(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://{address}", headers=AUTH, timeout=600, trust_env=False) as wire:
        yield wire


@contextmanager
def child(role: str, argument: str) -> Iterator[Callable[[str], str]]:
    """A process of this module; the function sends it a line and returns the one that it answers."""
    command = [sys.executable, "-m", "tests.benchmarks.stalls", role, argument]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(line: str) -> str:
            process.stdin.write(line + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            return process.stdout.readline().strip()  # type: ignore[union-attr]

        yield ask
        process.stdin.close()


def serve(folder: str) -> None:
    """Answer "" with the address, and carry out `fill BYTES` and `checkpoint`."""
    with Emulator(data_dir=folder) as emulator:
        ShortCollections(emulator._server.loop).start()  # as the command `serve` does
        emulator.client().beta.threads.create()  # imports the SDK
        for line in sys.stdin:
            match line.split():
                case ["fill", size]:
                    fill(emulator, int(size))
                case ["checkpoint"]:
                    checkpoint(emulator)
            print(emulator.base_url.removeprefix("http://").removesuffix("/v1"), flush=True)


def fill(emulator: Emulator, size: int) -> None:
    """Put as many threads as take this many bytes on disk."""
    rows = [{"id": f"thread_{number}", "metadata": {"text": "x" * 480}} for number in range(size // 600)]
    emulator.load_state({"threads": rows})


def checkpoint(emulator: Emulator) -> None:
    storage: Any = emulator._server.open_project("default").context.store._storage
    emulator._server.loop.call(storage.checkpoint_in_background)
    while storage.is_writing:
        time.sleep(PROBE_SECONDS)


def probe(address: str) -> None:
    """Answer each line with the longest gap since the last one, in milliseconds."""
    import threading

    longest, is_over = 0.0, False
    host, port = address.split(":")

    def ask() -> None:
        nonlocal longest
        with socket.create_connection((host, int(port))) as connection:
            while not is_over:
                began = time.perf_counter()
                connection.sendall(f"GET /_emulator/health HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
                answer = b""
                while not answer.endswith(b"}"):  # the whole answer: a rest would be taken for the next one
                    answer += connection.recv(4096)
                longest = max(longest, time.perf_counter() - began)
                time.sleep(PROBE_SECONDS)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in sys.stdin:
        print(longest * 1000, flush=True)
        longest = 0.0
    is_over = True
    thread.join()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    {"serve": serve, "probe": probe}[sys.argv[1]](sys.argv[2])
