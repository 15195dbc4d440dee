"""Inner pytest sessions, in this process."""

from __future__ import annotations

import gc
import inspect
from textwrap import dedent

import pytest
from plugin_helpers import RunTests, ask

HELPERS = f"from __future__ import annotations\n{inspect.getsource(ask)}"


@pytest.fixture
def run_tests(everything_is_imported: None, pytester: pytest.Pytester) -> RunTests:
    """Runs a test file in a session of its own; `ini` is what stands below `[pytest]`."""
    pytester.makepyfile(helpers=HELPERS)
    pytester.syspathinsert()

    def run(source: str, *args: str, ini: str = "", file: str = "test_inner.py") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\n{ini}\n")
        inner = pytester.path / file
        inner.parent.mkdir(exist_ok=True)
        inner.write_text(f"import pytest\nfrom helpers import ask\n{dedent(source)}")
        if "-W" in args:
            gc.collect()  # clients of earlier tests, whose sockets would be errors of the inner session
        return pytester.runpytest("-p", "no:cacheprovider", *(args or (file,)))

    return run
