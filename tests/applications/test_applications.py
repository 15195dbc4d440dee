"""Applications as they were written from 2023 to 2025, untouched: their suite passes with four lines in an ini file.

With a fifth line the emulator runs in another environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
APART = f"assistants_emulator_command={sys.executable} -m assistants_emulator"


@pytest.mark.parametrize("line", ["", pytest.param(APART, marks=pytest.mark.slow)], ids=["in process", "by a command"])
def test_every_application_runs_unchanged(line: str) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(HERE / "pytest.ini"), str(HERE / "suite.py")]
    command += ["-o", line] if line else []
    ran = subprocess.run(command, cwd=HERE, env=own, capture_output=True, text=True, timeout=100)
    assert (ran.returncode, "30 passed" in ran.stdout) == (0, True), ran.stdout + ran.stderr
