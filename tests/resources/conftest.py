"""Files, uploads and vector stores through the real SDK, and by raw HTTP where the SDK has no call for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import ProjectHandle

Refused = Callable[[Callable[[], object]], dict[str, Any]]
MakeFile = Callable[..., str]


@pytest.fixture
def wire(project: ProjectHandle) -> Iterator[httpx2.Client]:
    """An HTTP client with the project's key; no beta header, which these endpoints do not need."""
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
