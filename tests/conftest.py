"""Fixtures that all tests share."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from command_line import invoke

if TYPE_CHECKING:
    import openai
    from click.testing import Result

    from assistants_emulator import Emulator, ProjectHandle

pytest_plugins = ["pytester"]

# Many tests start Python processes. If writing bytecode is disabled, as in many containers, each of them would
# compile all modules that it imports, and that takes longer than the test.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session", autouse=True)
def objects_are_compared_by_their_fields() -> None:
    """pydantic before 2.6 compares the SDK's `_request_id` too, and no object equals the one of another request."""
    import pydantic

    if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 6):
        return
    from openai._models import BaseModel  # the oldest SDKs do not export it

    def fields(model: BaseModel) -> dict[str, object]:
        return {name: value for name, value in vars(model).items() if name != "_request_id"}

    def equal(model: BaseModel, other: object) -> bool:
        return type(model) is type(other) and isinstance(other, BaseModel) and fields(model) == fields(other)

    BaseModel.__eq__ = equal  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """An emulator in memory. Its clock stands still unless a test moves it, so every `created_at` is known.

    Responders may call functions that no assistant declares: most tests are not about tools.
    """
    from assistants_emulator import Emulator

    with Emulator(clock="manual", strict_tools=False) as emulator:
        yield emulator


@pytest.fixture
def project(emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[ProjectHandle]:
    """A project of the test's own."""
    name = request.node.nodeid.encode("ascii", "backslashreplace").decode()
    yield emulator.project(name)
    emulator.close_project(name)


@pytest.fixture
def client(project: ProjectHandle) -> Iterator[openai.OpenAI]:
    with project.client(max_retries=0) as client:
        yield client


@pytest.fixture
def command_line() -> Callable[..., Result]:
    return invoke


@pytest.fixture(scope="session")
def everything_is_imported() -> None:
    """For inner sessions in this process: pytester unloads the modules that they import, and a library that is imported
    in parts, or written in Rust, does not survive that. So everything is imported and used once before."""
    import uvloop

    import pytest_assistants_emulator.attached
    import pytest_assistants_emulator.cassettes
    import pytest_assistants_emulator.sweep
    import pytest_assistants_emulator.sweep_report  # noqa: F401
    from assistants_emulator import Emulator

    async def use(emulator: Emulator) -> None:
        async with emulator.async_client() as client:
            await client.beta.threads.create()

    with Emulator() as emulator, emulator.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o")
        asked = {"messages": [{"role": "user", "content": "Hello"}]}
        client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=asked)
        asyncio.run(use(emulator))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(use(emulator))


@pytest.fixture
def clients_are_left_open() -> Iterator[None]:
    """For inner sessions with clients that live as long as their modules: their sockets end here, and nowhere else."""
    gc.freeze()  # so that the collection below need not look at everything that was there before
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    gc.unfreeze()
