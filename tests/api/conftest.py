"""Fixtures that call the API over a real socket: by the real SDK, and by raw HTTP where the SDK has no call for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import ProjectHandle

BETA = {"OpenAI-Beta": "assistants=v2"}

Error = tuple[int, dict[str, Any]]
Ask = Callable[..., Any]


@pytest.fixture
def wire(project: ProjectHandle) -> Iterator[httpx2.Client]:
    """An HTTP client of the project, with its key and the beta header."""
    headers = {"Authorization": f"Bearer {project.api_key}", **BETA}
    with httpx2.Client(base_url=project.base_url, headers=headers, trust_env=False, verify=False) as wire:
        yield wire


@pytest.fixture
def refused(wire: httpx2.Client) -> Callable[..., Error]:
    """`refused(method, path, json=...)`: status and error of an answer in the API's envelope."""

    def refused(method: str, path: str, **options: Any) -> Error:
        answer = wire.request(method, path, **options)
        body = answer.json()
        assert list(body) == ["error"], body
        return answer.status_code, body["error"]

    return refused


@pytest.fixture
def assistant(client: openai.OpenAI) -> Any:
    return client.beta.assistants.create(model="gpt-4o", name="Tutor", instructions="Answer briefly.")


@pytest.fixture
def thread(client: openai.OpenAI) -> Any:
    return client.beta.threads.create()


@pytest.fixture
def ask(client: openai.OpenAI, assistant: Any, thread: Any) -> Ask:
    """`ask(text, **options)`: posts the text to the thread and begins a run, which is answered as it was created."""

    def ask(text: str = "Hello", **options: Any) -> Any:
        client.beta.threads.messages.create(thread.id, role="user", content=text)
        return client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, **options)

    return ask


@pytest.fixture
def settled(client: openai.OpenAI) -> Callable[[Any], Any]:
    """The run as the next request finds it."""
    return lambda run: client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


@pytest.fixture
def texts(client: openai.OpenAI) -> Callable[[str], list[str]]:
    """The texts of a thread's messages, oldest first."""

    def texts(thread_id: str) -> list[str]:
        messages = client.beta.threads.messages.list(thread_id, order="asc")
        return [part.text.value for message in messages for part in message.content]

    return texts
