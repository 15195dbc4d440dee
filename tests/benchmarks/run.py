"""Measures the emulator against the floor: `python -m tests.benchmarks.run` or `python tests/benchmarks/run.py`.

Every figure is a median, and every comparison a ratio of two figures of the same run, calls taken in turn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from emulator import Emulator
from emulator.clients import make_client
from tests.benchmarks.floor import canned_app, served

CALLS = 300


def median_ms(functions: list[Callable[[], Any]], calls: int = CALLS) -> list[float]:
    """Medians of each, the functions called in turn so that a slow moment of the machine hits them all."""
    for function in functions:
        function()
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(calls):
        for times, function in zip(taken, functions, strict=True):
            started = time.perf_counter()
            function()
            times.append(time.perf_counter() - started)
    return [statistics.median(times) * 1000 for times in taken]


class Program:
    """The calls that are measured, made with one client."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.assistant = client.beta.assistants.create(model="gpt-4o", name="Bench", instructions="Answer.")
        self.thread = client.beta.threads.create()
        for number in range(20):
            self.message(str(number))

    def message(self, text: str = "Hello") -> Any:
        return self.client.beta.threads.messages.create(thread_id=self.thread.id, role="user", content=text)

    def calls(self) -> dict[str, Callable[[], Any]]:
        beta, thread, assistant = self.client.beta, self.thread.id, self.assistant.id
        return {
            "assistants.create": lambda: beta.assistants.create(model="gpt-4o", name="Bench"),
            "threads.create": lambda: beta.threads.create(),
            "messages.create": self.message,
            "messages.list(20)": lambda: beta.threads.messages.list(thread_id=thread),
            "create_and_poll": lambda: beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant),
        }


def recorded_answers(emulator: Emulator) -> dict[str, bytes]:
    """What the emulator answers to these calls, for the floor to answer the same."""
    import httpx2

    headers = {"Authorization": "Bearer canned", "OpenAI-Beta": "assistants=v2"}
    answers: dict[str, bytes] = {}
    with httpx2.Client(base_url=emulator.base_url, headers=headers) as wire:

        def keep(name: str, response: httpx2.Response) -> Any:
            answers[name] = response.content
            return response.json()

        assistant = keep("POST /v1/assistants", wire.post("/assistants", json={"model": "gpt-4o", "name": "Bench"}))
        thread = keep("POST /v1/threads", wire.post("/threads", json={}))["id"]
        path = f"/threads/{thread}"
        for _ in range(20):
            body = {"role": "user", "content": "Hello"}
            keep("POST /v1/threads/{id}/messages", wire.post(f"{path}/messages", json=body))
        keep("GET /v1/threads/{id}/messages", wire.get(f"{path}/messages"))
        run = keep("POST /v1/threads/{id}/runs", wire.post(f"{path}/runs", json={"assistant_id": assistant["id"]}))
        keep("GET /v1/threads/{id}/runs/{id}", wire.get(f"{path}/runs/{run['id']}"))
    return answers


def sdk_calls() -> None:
    with (
        Emulator() as emulator,
        tempfile.TemporaryDirectory() as folder,
        Emulator(data_dir=folder) as on_disk,
        served(canned_app(recorded_answers(emulator))) as floor_url,
    ):
        programs = [Program(emulator.client()), Program(on_disk.client()), Program(make_client(floor_url, "k", {}))]
        print(f"{'SDK call, median':24} {'memory':>9} {'disk':>9} {'floor':>9} {'disk/floor':>11}")
        for name in programs[0].calls():
            memory, disk, floor = median_ms([program.calls()[name] for program in programs])
            print(f"{name:24} {memory:6.2f} ms {disk:6.2f} ms {floor:6.2f} ms {disk / floor:11.2f}")


def start_and_stop() -> None:
    started, stopped = [], []
    for _ in range(20):
        emulator = Emulator()
        before = time.perf_counter()
        emulator.start()
        between = time.perf_counter()
        emulator.stop()
        started.append(between - before)
        stopped.append(time.perf_counter() - between)
    print(f"start {statistics.median(started) * 1000:.1f} ms, stop {statistics.median(stopped) * 1000:.1f} ms")


def import_cost() -> None:
    """Of importing the plugin on top of pytest, in processes of their own."""

    def seconds(code: str) -> float:
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    timed = "import time, pytest; t = time.perf_counter(); import pytest_plugin; print(time.perf_counter() - t)"
    print(f"import pytest_plugin {statistics.median(seconds(timed) for _ in range(7)) * 1000:.1f} ms beyond pytest")


def fixture_cost() -> None:
    """A test's share of the fixture: many tests that do nothing, with it and without."""
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_cost.py"
        test.write_text(
            "import pytest\n"
            "@pytest.mark.parametrize('n', range(500))\n"
            "def test_with(assistants_emulator, n): pass\n"
            "@pytest.mark.parametrize('n', range(500))\n"
            "def test_without(n): pass\n"
        )

        def seconds(which: str) -> float:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test), "-k", which]
            ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
            return float(ran.stdout.rsplit(" in ", 1)[1].split("s")[0])

        share = (seconds("test_with and not without") - seconds("test_without")) / 500
        print(f"fixture {share * 1000:.2f} ms a test")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sdk_calls()
    start_and_stop()
    import_cost()
    fixture_cost()
