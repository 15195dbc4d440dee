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

from tests.benchmarks.measure import Row

from assistants_emulator import Emulator

ROOT = Path(__file__).parents[2]
ROUNDS = 3
WITH, WITHOUT = "test_with and not without", "test_without"
IMPORT = (
    "import time, pytest; t = time.perf_counter(); import pytest_assistants_emulator; print(time.perf_counter() - t)"
)
TESTS = """
import pytest

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
    each, first = _fixture_ms(tests)
    yield Row("pytest", "the fixture's share of a test", each, "ms", target=2.0)
    yield Row("pytest", "the first test of a session that uses it", first, "ms")


def _fixture_ms(tests: int) -> tuple[float, float]:
    """The fixture's share of a test, and the extra cost of a session's first one (imports, the server's start). Taken
    from sessions of many empty tests and of one; the best of a few, since a slow round measures the machine."""
    with tempfile.TemporaryDirectory() as folder:

        def took(which: str, count: int) -> float:
            file = Path(folder) / f"test_{count}.py"
            file.write_text(TESTS.format(tests=count))
            options = ["-q", "-p", "no:cacheprovider", "-p", "pytest_assistants_emulator", "-k", which]
            told = _output([sys.executable, "-m", "pytest", *options, str(file)], folder)
            return float(told.rsplit(" in ", 1)[1].split("s")[0]) * 1000

        def best(which: str, count: int) -> float:
            return min(took(which, count) for _ in range(ROUNDS))

        many, one = (best(WITH, count) - best(WITHOUT, count) for count in (tests, 1))
    each = (many - one) / (tests - 1)
    return each, one - each


def _output(command: list[str], folder: str | None = None) -> str:
    """Load this plugin only, so that no other installed plugin is measured."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder or ROOT, env=environment)
    return ran.stdout
