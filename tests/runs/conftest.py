"""An assistant, a thread and a question, and the calls that tests of runs make."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from assistants_emulator import ProjectHandle


@pytest.fixture
def client(project: ProjectHandle) -> Iterator[openai.OpenAI]:
    """A client that retries, as clients do by default."""
    with project.client() as client:
        yield client


class Asking:
    """An assistant and a thread with one question, and the calls that every test makes of them."""

    def __init__(self, client: openai.OpenAI, **assistant: object) -> None:
        self.client = client
        self.beta = client.beta
        self.assistant_id = client.beta.assistants.create(model="gpt-4o", **assistant).id
        self.thread_id = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}]).id

    def poll(self, **options: object) -> openai.types.beta.threads.Run:
        return self.beta.threads.runs.create_and_poll(
            thread_id=self.thread_id, assistant_id=self.assistant_id, **options
        )

    def create(self, **options: object) -> openai.types.beta.threads.Run:
        return self.beta.threads.runs.create(thread_id=self.thread_id, assistant_id=self.assistant_id, **options)

    def retrieve(self, run_id: str) -> openai.types.beta.threads.Run:
        return self.beta.threads.runs.retrieve(run_id=run_id, thread_id=self.thread_id)

    def events(self, **options: object) -> list[object]:
        return list(self.create(stream=True, **options))

    def names(self, **options: object) -> list[str]:
        """The events' names; successive deltas count as one."""
        told: list[str] = []
        for event in self.events(**options):
            if not (told and told[-1] == event.event):
                told.append(event.event)
        return told

    def messages(self) -> list[openai.types.beta.threads.Message]:
        return self.beta.threads.messages.list(thread_id=self.thread_id, order="asc").data

    def steps(self, run_id: str) -> list[openai.types.beta.threads.runs.RunStep]:
        return self.beta.threads.runs.steps.list(run_id=run_id, thread_id=self.thread_id, order="asc").data

    def step_statuses(self, run_id: str) -> list[str]:
        """The statuses of the run's steps, oldest first."""
        return [step.status for step in self.steps(run_id)]


@pytest.fixture
def asking(client: openai.OpenAI) -> Asking:
    return Asking(client)
