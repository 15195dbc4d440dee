"""One emulator per transport; every test here runs over both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from assistants_emulator import Emulator


@pytest.fixture(scope="session", params=["socket", "inprocess"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(clock="manual", transport=request.param) as emulator:
        yield emulator


@pytest.fixture
def thread_id(client: openai.OpenAI) -> str:
    return client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}]).id


@pytest.fixture
def assistant_id(client: openai.OpenAI) -> str:
    tool: Any = {"type": "function", "function": {"name": "get_weather"}}
    return client.beta.assistants.create(model="gpt-4o", tools=[tool]).id
