"""Replays recordings of the real API against a served emulator, and fails on a difference that is not reviewed.

    python tests/fidelity/check_recordings.py REPLAY_SCRIPT [ARGUMENTS ...]

The script is called with `--base-url URL --show N` and prints for each kind of difference `4x GET /path  what differs`
and `first in SOURCE`. A file beside this one holds the reviewed ones, each with its reason: known_differences.toml, or
known_response_differences.toml for a script about responses. With `--least` the script's own status counts too.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assistants_emulator import Emulator

KNOWN = Path(__file__).with_name("known_differences.toml")
KNOWN_OF_RESPONSES = Path(__file__).with_name("known_response_differences.toml")
REASONING_MODEL = "gpt-5.6-terra"  # with which the errors of responses were measured
MOST_SHOWN = 10_000
_BEGINNING = re.compile(r" *(\d+)x ([A-Z]+ \S+(?: \(stream\))?)  (.*)")
_END = "        first in "


@dataclass(frozen=True, slots=True)
class Difference:
    """A kind of difference as reported: how often, at which endpoint, what differs, where it was first seen."""

    count: int
    endpoint: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Known:
    """A reviewed kind: `pattern` is searched for in what differs; more than `count` of it are not reviewed."""

    endpoint: str
    pattern: str
    count: int
    reason: str

    def covers(self, found: Difference) -> bool:
        return found.endpoint == self.endpoint and re.search(self.pattern, found.text) is not None


def parse(report: str) -> list[Difference]:
    found: list[Difference] = []
    head: re.Match[str] | None = None
    lines: list[str] = []
    for line in report.splitlines():
        if head is not None and line.startswith(_END):
            text = "\n".join([head[3], *lines])
            found.append(Difference(int(head[1]), head[2], text, line.removeprefix(_END)))
            head, lines = None, []
        elif head is not None:
            lines.append(line)
        else:
            head = _BEGINNING.match(line)
    return found


def read_known(path: Path = KNOWN) -> list[Known]:
    return [Known(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("difference", [])]


def unreviewed(found: Iterable[Difference], known: Iterable[Known]) -> list[str]:
    """A line for each kind of difference that no entry covers, or that there is more of than was reviewed."""
    left = {entry: entry.count for entry in known}
    told = []
    for difference in found:
        entry = next((entry for entry in left if entry.covers(difference)), None)
        if entry is None:
            told.append(f"{difference.endpoint}: {difference.text} ({difference.source})")
            continue
        left[entry] -= difference.count
        if left[entry] < 0:
            told.append(f"{difference.endpoint}: {-left[entry]} more than known of {entry.pattern!r}")
    return told


def main(script: str, *arguments: str) -> int:
    reviewed = KNOWN_OF_RESPONSES if "responses" in Path(script).name else KNOWN
    with Emulator(reasoning_models=(REASONING_MODEL,)) as emulator:
        command = [sys.executable, script, "--base-url", emulator.base_url, "--show", str(MOST_SHOWN), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8")
    lines = done.stdout.splitlines()
    if done.returncode not in (0, 1) or not lines:
        print(f"{script} ended with status {done.returncode}:\n{done.stdout}")
        return 2
    new = unreviewed(parse(done.stdout), read_known(reviewed))
    print(lines[-1], *(f"not in {reviewed.name}: {line}" for line in new), sep="\n")
    return 1 if new or (done.returncode and "--least" in arguments) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
