"""`python -m tests.benchmarks.scale MESSAGES`: one big thread, in a process of its own whose memory is measured.

Prints rows as JSON, for `run.py`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Function, Row, compared, in_turn, seconds

from assistants_emulator import Emulator
from assistants_emulator.resources import messages
from assistants_emulator.retrieval import Chunk, Index

FEW = 100
GROWTH = 1.2
ROOT = Path(__file__).parents[2]
SYLLABLES = ("har", "led", "vio", "gin", "mon", "cop", "lan", "orc", "gra", "whi")
WORDS = [first + second + third for first in SYLLABLES for second in SYLLABLES for third in SYLLABLES]


def scale(count: int, chunks: int) -> Iterator[Row]:
    command = [sys.executable, "-m", "tests.benchmarks.scale", str(count), str(chunks)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    yield from (Row(**row) for row in json.loads(ran.stdout))


def measure(count: int, chunks: int) -> Iterator[Row]:
    yield Row("Memory", "an empty emulator", resident(), "MB")
    with tempfile.TemporaryDirectory() as folder:
        with Emulator(data_dir=folder) as emulator:
            client = emulator.client()
            small, large = (Thread(client) for _ in range(2))
            fill(emulator, small.id, FEW)
            before = resident()
            written = seconds(lambda: fill(emulator, large.id, count))
            name = f"{count:,} messages"
            yield Row("Memory", name, resident(), "MB", target=300.0)
            yield Row("Memory", f"each of {name}", (resident() - before) * 1024 / count, "kB")
            yield Row("Disk", "one commit, journal line and all", written / count * 1e6, "us")
            store = emulator._server.loop.call(lambda: emulator.open_project("default").context.store)
            yield Row("Disk", f"checkpoint of {name}", emulator._do(lambda _: seconds(store.checkpoint)), "s")
            yield from _growth(small, large, name)
        reopening = Emulator(data_dir=folder)
        began = time.perf_counter()
        with reopening:
            reopening.client().beta.threads.messages.list(large.id, limit=1)
            took = time.perf_counter() - began
            yield Row("Disk", f"start and first answer with {name}", took, "s", target=2.0)
    yield from _retrieval(chunks)


class Thread:
    """The calls whose cost must not depend on how long the thread is."""

    def __init__(self, client: Any) -> None:
        self.beta = client.beta
        self.id = self.beta.threads.create().id
        self.assistant_id = self.beta.assistants.create(model="gpt-4o").id

    def calls(self) -> dict[str, Function]:
        threads = self.beta.threads
        run = {"thread_id": self.id, "assistant_id": self.assistant_id}
        return {
            "messages.create": lambda: threads.messages.create(self.id, role="user", content="Hello"),
            "messages.list(20)": lambda: threads.messages.list(self.id),
            "runs.create and retrieve": lambda: threads.runs.create_and_poll(**run),
        }


def fill(emulator: Emulator, thread_id: str, count: int) -> None:
    """Messages as the API makes them, without a request for each."""
    body = {"role": "user", "content": "A question of a usual length, as people ask it."}

    def post() -> None:
        context = emulator.open_project("default").context
        for _ in range(count):
            messages.create(context, thread_id, body)

    emulator._do(lambda _: post())


def _growth(small: Thread, large: Thread, name: str) -> Iterator[Row]:
    for call, function in small.calls().items():
        few, many = in_turn([function, large.calls()[call]], 200)
        yield from compared(f"Growth at {name}", call, many, few, f"{FEW} messages", GROWTH)


def _retrieval(chunks: int) -> Iterator[Row]:
    small, large = Index(), Index()
    _add(small, FEW * 10)
    built = seconds(lambda: _add(large, chunks))
    yield Row("Retrieval", f"indexing {chunks:,} chunks", built, "s")
    few, many = in_turn([lambda index=index: _ask(index) for index in (small, large)], 20)
    ratio = many.wall / few.wall
    yield Row("Retrieval", f"a search in {chunks:,} chunks", many.wall, "ms", f"{FEW * 10:,} chunks", ratio)


def _add(index: Index, chunks: int) -> None:
    texts = [" ".join(WORDS[(number * 7 + place * 131) % 1000] for place in range(60)) for number in range(chunks)]
    for at in range(0, chunks, 100):
        index.add("vs", f"file-{at}", f"{at}.txt", {}, [Chunk(0, len(text), text) for text in texts[at : at + 100]])


def _ask(index: Index) -> None:
    index.search(["vs"], [f"{WORDS[500]} {WORDS[600]}"], 20)


def resident() -> float:
    """MB; where the system does not say what is resident now, the most it was."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    from dataclasses import asdict

    warnings.simplefilter("ignore")
    print(json.dumps([asdict(row) for row in measure(int(sys.argv[1]), int(sys.argv[2]))]))
