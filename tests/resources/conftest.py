"""Files, uploads and vector stores through the real SDK, and raw HTTP where the SDK cannot say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest

from emulator import Emulator, ProjectHandle

Refused = Callable[[Callable[[], object]], dict[str, Any]]
MakeFile = Callable[..., str]


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual") as emulator:
        yield emulator


@pytest.fixture
def project(emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[ProjectHandle]:
    name = request.node.nodeid
    yield emulator.project(name)
    emulator.close_project(name)


@pytest.fixture
def client(project: ProjectHandle) -> Iterator[openai.OpenAI]:
    with project.client(max_retries=0) as client:
        yield client


@pytest.fixture
def wire(project: ProjectHandle) -> Iterator[httpx2.Client]:
    """HTTP with the project's key; no beta header, which none of these endpoints asks for."""
    headers = {"Authorization": f"Bearer {project.api_key}"}
    with httpx2.Client(base_url=project.base_url, headers=headers, trust_env=False, verify=False, timeout=60) as wire:
        yield wire


@pytest.fixture
def refused() -> Refused:
    """The error that the API answers to a call of the SDK, with its status."""

    def refused(call: Callable[[], object]) -> dict[str, Any]:
        with pytest.raises(openai.APIStatusError) as caught:
            call()
        error: dict[str, Any] = caught.value.response.json()["error"]
        return {"status": caught.value.status_code, **error}

    return refused


@pytest.fixture
def make_file(client: openai.OpenAI) -> MakeFile:
    """`make_file(name, content)`: the id of a new file for assistants."""

    def make_file(name: str = "notes.txt", content: bytes = b"Cake is good.", purpose: Any = "assistants") -> str:
        return client.files.create(file=(name, content), purpose=purpose).id

    return make_file
