"""The page on sweeps: its tables are those that its applications have, and its mended application has no findings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent / "sweep"
BEGUN, CONTINUED = "POST /threads/*/runs 1", "POST /threads/*/runs/*/submit_tool_outputs 1"
ENDS = ("failed: server_error", "failed: rate_limit_exceeded", "expired", "cancelled")
HALVES = ("incomplete: max_completion_tokens", "incomplete: content_filter")
REFUSED = ("429", "500", "connection closed", "time-out")


class Sweep(NamedTuple):
    """What the terminal shows of a sweep, and the verdicts by variant."""

    shown: str
    verdicts: dict[str, str]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sweep]:
    """The sweep of each application, by the name of its file."""
    return {name: swept(tmp_path_factory.mktemp(name), name) for name in ("desk", "mended_desk", "quickstart")}


def swept(folder: Path, application: str) -> Sweep:
    module = application.removeprefix("mended_")
    shutil.copy(HERE / f"{application}.py", folder / f"{module}.py")
    shutil.copy(HERE / f"checks_{module}.py", folder / f"test_{module}.py")
    options = ("-p", "no:cacheprovider", "-q", "--tb=no", "--assistants-sweep", "--assistants-sweep-report=sweep.json")
    command = [sys.executable, "-m", "pytest", *options, "."]
    ran = subprocess.run(command, cwd=folder, env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True)
    shown = re.split(r"=+ (?:assistants sweep|short test summary info) =+\n", ran.stdout)[1]
    (test,) = json.loads((folder / "sweep.json").read_text())["tests"]
    return Sweep(shown, {variant["variant"]: variant["verdict"] for variant in test["variants"]})


@pytest.mark.parametrize("name", ["desk", "quickstart"])
def test_a_table_is_printed_as_it_is(sweeps: dict[str, Sweep], name: str) -> None:
    assert sweeps[name].shown == (HERE / f"{name}.txt").read_text()


def test_the_desk_has_five_mistakes_and_each_is_found(sweeps: dict[str, Sweep]) -> None:
    verdicts = sweeps["desk"].verdicts
    assert {name: verdict for name, verdict in verdicts.items() if verdict not in ("same", "told")} == {
        **{f"{call}: {end}": "hung" for call in (BEGUN, CONTINUED) for end in ENDS},
        **{f"{CONTINUED}: {half}": "hung" for half in HALVES},
        **dict.fromkeys((f"{BEGUN}: arguments not JSON", f"{BEGUN}: missing argument"), "crashed"),
        f"{BEGUN}: unknown function": "stuck",
        **{f"POST /threads/* 1: {effect}": "swallowed" for effect in REFUSED},
        **dict.fromkeys((f"{CONTINUED}: empty answer", f"{CONTINUED}: refusal"), "crashed"),
    }


def test_the_mended_desk_is_clean(sweeps: dict[str, Sweep]) -> None:
    assert set(sweeps["mended_desk"].verdicts.values()) == {"same", "told"}


def test_the_loop_of_the_quickstart_hangs_on_each_end_but_one(sweeps: dict[str, Sweep]) -> None:
    hung = {name for name, verdict in sweeps["quickstart"].verdicts.items() if verdict == "hung"}
    assert hung == {f"{BEGUN}: {end}" for end in (*ENDS, *HALVES)}
