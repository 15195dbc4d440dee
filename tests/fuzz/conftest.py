"""Fuzzing takes minutes, so it runs only if FUZZ is set, as the nox session `fuzz` does."""

import os
import sys
from pathlib import Path

if not os.environ.get("FUZZ"):
    collect_ignore_glob = ["test_*.py"]

sys.path.insert(0, str(Path(__file__).parents[2]))  # the modules share what they send
