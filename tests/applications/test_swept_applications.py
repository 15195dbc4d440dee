"""The sweep of the applications: what each does when something goes wrong is known, and stays as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ONE_TEST = "1001"  # of each application, with a function call


@pytest.mark.slow
def test_every_application_does_what_it_did_when_something_goes_wrong() -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_", "PYTEST_"))}
    options = ("-q", "--tb=no", "--assistants-sweep", "-k", ONE_TEST, "-c", str(HERE / "pytest.ini"))
    command = [sys.executable, "-m", "pytest", *options, str(HERE / "suite.py")]
    ran = subprocess.run(command, cwd=HERE, env={**own, "COLUMNS": "80"}, capture_output=True, text=True, timeout=300)
    shown = re.split(r"=+ (?:assistants sweep|short test summary info) =+\n", ran.stdout)
    assert shown[1] == (HERE / "sweep.txt").read_text(), ran.stdout + ran.stderr
