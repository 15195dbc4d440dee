"""Measures the emulator: `python tests/benchmarks/run.py [--quick] [--only PARTS] [--peer] [--json FILE] [--svg FILE]`.

Every comparison is a ratio of two figures of the same run, taken in turn: to the floor (a bare application that answers
canned bytes under the same server), to `openai-responses` (with --peer, which makes an environment for it), or of the
emulator to itself when it holds little.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.calls import sdk_calls
from tests.benchmarks.chains import chains
from tests.benchmarks.lifecycle import lifecycle
from tests.benchmarks.measure import Row
from tests.benchmarks.pages import pages
from tests.benchmarks.peer import peer
from tests.benchmarks.projects import projects
from tests.benchmarks.report import as_json, chart, table
from tests.benchmarks.scale import scale
from tests.benchmarks.stalls import stalls
from tests.benchmarks.throughput import throughput

PEER_FOLDER = Path(__file__).parents[2] / ".benchmarks" / "peer"
PARTS = ("calls", "throughput", "lifecycle", "projects", "scale", "chains", "stalls", "pages", "peer")


def parts(quick: bool, peer_folder: Path | None) -> dict[str, Callable[[], Iterator[Row]]]:
    less = 10 if quick else 1
    chosen: dict[str, Callable[[], Iterator[Row]]] = {
        "calls": lambda: sdk_calls(300 // less),
        "throughput": lambda: throughput(4000 // less),
        "lifecycle": lambda: lifecycle(tests=500 // less),
        "projects": lambda: projects(1000 // less, 300 // less),
        "scale": lambda: scale(100_000 // less, 100_000 // less),
        "chains": lambda: chains(10_000 // less, 300 // less),
        "stalls": lambda: stalls(less),
        "pages": lambda: pages(100_000 // less),
    }
    if peer_folder is not None:
        chosen["peer"] = lambda: peer(peer_folder, 300 // less)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, to see that it works")
    parser.add_argument("--only", default="", help=f"parts to measure: {', '.join(PARTS)}")
    parser.add_argument("--peer", nargs="?", type=Path, const=PEER_FOLDER, help="compare with openai-responses too")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="FILE")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = parts(given.quick, given.peer)
    rows: list[Row] = []
    for name in given.only.split(",") if given.only else chosen:
        measured = list(chosen[name]())
        print(table(measured), flush=True)
        rows += measured
    if given.json:
        given.json.write_text(json.dumps(as_json(rows), indent=2) + "\n")
    if given.svg:
        given.svg.write_text(chart(rows))


if __name__ == "__main__":
    main()
