"""Fuzzing takes minutes, so it runs only if FUZZ is set, as the nox session `fuzz` does."""

import os

if not os.environ.get("FUZZ"):
    collect_ignore_glob = ["test_*.py"]
