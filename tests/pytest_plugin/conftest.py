"""Inner sessions run in this process. pytester forgets what they import, and a library that is imported in pieces, or
in Rust, does not survive that: so everything is used once before."""

from __future__ import annotations

import asyncio
import inspect
from textwrap import dedent

import pytest
import uvloop
from plugin_helpers import RunTests, ask

import pytest_plugin.attached
import pytest_plugin.cassettes  # noqa: F401
from emulator import Emulator

HELPERS = f"from __future__ import annotations\n{inspect.getsource(ask)}"


@pytest.fixture(scope="session")
def _everything_is_imported() -> None:
    async def use(emulator: Emulator) -> None:
        async with emulator.async_client() as client:
            await client.beta.threads.create()

    with Emulator() as emulator:
        ask(emulator.client())
        asyncio.run(use(emulator))
        uvloop.run(use(emulator))


@pytest.fixture
def run_tests(_everything_is_imported: None, pytester: pytest.Pytester) -> RunTests:
    """Runs a test file in a session of its own; `ini` is what stands below `[pytest]`."""
    pytester.makepyfile(helpers=HELPERS)
    pytester.syspathinsert()

    def run(source: str, *args: str, ini: str = "", file: str = "test_inner.py") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\n{ini}\n")
        inner = pytester.path / file
        inner.parent.mkdir(exist_ok=True)
        inner.write_text(f"import pytest\nfrom helpers import ask\n{dedent(source)}")
        return pytester.runpytest("-p", "no:cacheprovider", *(args or (file,)))

    return run
