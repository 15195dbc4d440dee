"""Costs around a test: import, start, stop, and the fixture's share of a test."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import PROCESSOR, Row

from assistants_emulator import Emulator

ROOT = Path(__file__).parents[2]
ROUNDS = 3
PAIRS = 11
FIRST_TEST_TARGET = 150
WITH, WITHOUT = "test_with and not without", "test_without"
IMPORT = (
    "import time, pytest; t = time.perf_counter(); import pytest_assistants_emulator; print(time.perf_counter() - t)"
)
TESTS = """
import openai, pytest

@pytest.mark.parametrize("n", range({tests}))
def test_with(assistants_emulator, n): pass

@pytest.mark.parametrize("n", range({tests}))
def test_without(n): pass
"""


def lifecycle(starts: int = 20, tests: int = 500) -> Iterator[Row]:
    started, stopped = [], []
    for _ in range(starts):
        emulator = Emulator()
        before = time.perf_counter()
        emulator.start()
        between = time.perf_counter()
        emulator.stop()
        started.append(between - before)
        stopped.append(time.perf_counter() - between)
    yield Row("Start and stop", "start, in memory", statistics.median(started) * 1000, "ms")
    yield Row("Start and stop", "stop", statistics.median(stopped) * 1000, "ms")
    imports = [float(_output([sys.executable, "-c", IMPORT])) for _ in range(5)]
    yield Row("Start and stop", "import of the plugin, beyond pytest", statistics.median(imports) * 1000, "ms")
    yield Row("pytest", "the fixture's share of a test", _fixture_ms(tests), "ms", target=2.0)
    first = "the first test of a session that uses it"
    wall, processor = _first_test_ms()
    yield Row("pytest", first, wall, "ms", target=FIRST_TEST_TARGET)
    yield Row("pytest" + PROCESSOR, first, processor, "ms")


class Sessions:
    """Runs pytest on empty tests, with bytecode: a user's second session has it, whatever wrote or copied the files."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def run(self, which: str, count: int) -> str:
        file = self._folder / f"test_{count}.py"
        file.write_text(TESTS.format(tests=count))
        options = ["-q", "-p", "no:cacheprovider", "-p", "pytest_assistants_emulator", "-k", which]
        return _output([sys.executable, "-m", "pytest", *options, str(file)], self._folder)

    def cost(self, which: str) -> tuple[float, float]:
        """Milliseconds of a whole session of one test, by the clock and of the processor."""
        began, before = time.perf_counter(), os.times()
        self.run(which, 1)
        spent = os.times()
        processor = spent.children_user + spent.children_system - before.children_user - before.children_system
        return (time.perf_counter() - began) * 1000, processor * 1000


def _fixture_ms(tests: int) -> float:
    """The fixture's share of a test after the first: sessions of many empty tests and of one, the best of a few, since
    a slow round measures the machine."""
    with tempfile.TemporaryDirectory() as folder:
        sessions = Sessions(folder)

        def best(which: str, count: int) -> float:
            reports = [sessions.run(which, count) for _ in range(ROUNDS)]
            return min(float(report.rsplit(" in ", 1)[1].split("s")[0]) * 1000 for report in reports)

        many, one = (best(WITH, count) - best(WITHOUT, count) for count in (tests, 1))
    return (many - one) / (tests - 1)


def _first_test_ms() -> tuple[float, float]:
    """The cost of the first test with the fixture beyond that of a test that imports the SDK alone: the medians of
    pairs of sessions, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        sessions = Sessions(folder)
        for which in (WITH, WITHOUT):
            sessions.run(which, 1)
        pairs = [(sessions.cost(WITH), sessions.cost(WITHOUT)) for _ in range(PAIRS)]
    wall, processor = (statistics.median(ours[part] - alone[part] for ours, alone in pairs) for part in (0, 1))
    return wall, processor


def _output(command: list[str], folder: Path = ROOT) -> str:
    """Load this plugin only, so that no other installed plugin is measured."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    own = {"PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": ""}
    if folder != ROOT:
        own["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env={**os.environ, **own})
    return ran.stdout
