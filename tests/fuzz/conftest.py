"""Minutes of fuzzing, so only where it is asked for: the nox session `fuzz` sets FUZZ."""

import os

if not os.environ.get("FUZZ"):
    collect_ignore_glob = ["test_*.py"]
