"""`python tests/benchmarks/soak.py [REQUESTS]`: mixed requests, and at the end no error and no more memory than before.

A server in a process of its own, with a data directory; several connections to each of a few projects. What a round of
calls makes it deletes, so the state stays small; the log of requests and the failures are bounded, and the journal
becomes a checkpoint whenever it has grown. Once the bounds are reached, memory at the end must be that of the first
quarter, or something leaks.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.soaking import SCRIPT, Caller, failing_round, round_of_calls

from assistants_emulator.project.request_log import MOST_REQUESTS
from assistants_emulator.turns.invocation import MOST_KEPT

ROOT = Path(__file__).parents[2]
CONNECTIONS = 8
FAILING_CALLS = 10  # of a round that only fails
# Requests of each project before anything is measured: its failures are full, then its log of usual calls; some
# projects are busier than others.
WARM = MOST_KEPT * FAILING_CALLS + MOST_REQUESTS * 11 // 10
QUARTERS = 4
MOST_GROWTH = 1.05  # of memory, last quarter to first; what a few MB are by chance is no leak
CHANCE_MB = 4.0
SAMPLE_SECONDS = 0.5
MOST_SHOWN = 20  # errors
VISITED = 150  # projects


@dataclass(slots=True)
class Quarter:
    """Measurements at the end of a quarter; `memory` is its highest resident size, in MB."""

    requests: int
    seconds: float
    memory: float
    files: int
    journal: float
    directory: float

    def line(self, before: Quarter | None) -> str:
        took = self.seconds - (before.seconds if before else 0)
        made = self.requests - (before.requests if before else 0)
        sizes = f"{self.memory:10.1f} {self.files:6} {self.journal:12.1f} {self.directory:14.1f}"
        return f"{self.requests:10,} {took:10.1f} {made / took:10.0f} {sizes}"


HEAD = "  requests    seconds   a second  memory MB  files   journals MB   directory MB"


@dataclass
class Soak:
    """The count of requests that all connections share, and what went wrong."""

    wanted: int
    made: int = 0
    visits: int = 0
    errors: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def called(self, error: str | None) -> None:
        with self.lock:
            self.made += 1
            if error is not None:
                self.errors.append(error)

    @property
    def is_over(self) -> bool:
        return self.made >= self.wanted

    def connect(self, base_url: str, project: str) -> None:
        """One connection: rounds that fail until the project keeps no more failures, then others to the end."""
        with Caller(base_url, project, self.called) as caller:
            while self.may_fail(project):
                failing_round(caller)
            while not self.is_over:
                try:
                    round_of_calls(caller)
                    self.visit(base_url)
                except Exception as error:
                    self.called(f"{project}: {error!r}")

    def may_fail(self, project: str) -> bool:
        with self.lock:
            self.failed[project] += 1
            return self.failed[project] <= MOST_KEPT

    def visit(self, base_url: str) -> None:
        """A few calls of one of many projects, more than stay in memory."""
        with self.lock:
            self.visits += 1
        with Caller(base_url, f"visited-{self.visits % VISITED}", self.called) as caller:
            thread = caller("POST", "/threads", {})["id"]
            caller("GET", f"/threads/{thread}")
            caller("DELETE", f"/threads/{thread}")


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, str]]:
    """The server's process id and base URL."""
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    options = ["--port", "0", "--data-dir", str(folder / "data"), "--script", str(folder / "script.json")]
    command = [sys.executable, "-m", "assistants_emulator", "serve", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+/v1", process.stdout.readline())
        assert found is not None
        yield process.pid, found[0]
        process.terminate()


def soak(count: int, projects: int) -> tuple[list[Quarter], list[str]]:
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as (process, base_url):
        warm = WARM * projects
        work = Soak(warm + count)
        threads = [
            threading.Thread(target=work.connect, args=(base_url, f"soak-{number % projects}"), daemon=True)
            for number in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        ends = [warm + count * quarter // QUARTERS for quarter in range(QUARTERS + 1)]
        _, *quarters = watched(work, ends, process, Path(name) / "data")
        for thread in threads:
            thread.join()
    return quarters, work.errors


def watched(work: Soak, ends: Sequence[int], process: int, data: Path) -> Iterator[Quarter]:
    """Measurements from one of the `ends` (numbers of requests) to the next."""
    began = time.perf_counter()
    print(HEAD, flush=True)
    last: Quarter | None = None
    for end in ends:
        highest = 0.0
        while work.made < end:
            time.sleep(SAMPLE_SECONDS)
            highest = max(highest, memory_of(process))
        journals = sum(file.stat().st_size for file in data.glob("*/db.json.journal")) / 2**20
        whole = sum(file.stat().st_size for file in data.rglob("*") if file.is_file()) / 2**20
        files = len(list(Path(f"/proc/{process}/fd").iterdir()))
        quarter = Quarter(work.made, time.perf_counter() - began, highest, files, journals, whole)
        print(quarter.line(last), flush=True)
        yield (last := quarter)


def memory_of(process: int) -> float:
    told = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    assert told is not None
    return int(told[1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", type=int, nargs="?", default=200_000)
    parser.add_argument("--projects", type=int, default=4)
    asked = parser.parse_args()
    quarters, errors = soak(asked.requests, asked.projects)
    allowed = max(quarters[0].memory * MOST_GROWTH, quarters[0].memory + CHANCE_MB)
    leaks = quarters[-1].memory > allowed
    growth = quarters[-1].memory / quarters[0].memory
    print(f"{len(errors)} errors; memory {growth:.2f} x the first quarter's, {'too much' if leaks else 'flat'}")
    print(*errors[:MOST_SHOWN], sep="\n", end="")
    sys.exit(bool(errors) or leaks)


if __name__ == "__main__":
    main()
