"""The calls that are measured, made with one SDK client."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.measure import Function

DELTAS = 20
QUESTION = "Hello"


class Program:
    """An assistant, a thread with 20 messages, and a thread that only the runs are in."""

    def __init__(self, client: Any) -> None:
        self.beta = client.beta
        self.responses = client.responses
        self.assistant_id = self.beta.assistants.create(model="gpt-4o", name="Bench", instructions="Answer.").id
        self.thread_id = self.beta.threads.create().id
        self.run_thread_id = self.beta.threads.create(messages=[{"role": "user", "content": QUESTION}]).id
        for _ in range(20):
            self.message()

    def message(self) -> Any:
        return self.beta.threads.messages.create(thread_id=self.thread_id, role="user", content=QUESTION)

    def run(self, **options: Any) -> Any:
        runs = self.beta.threads.runs
        return runs.create(thread_id=self.run_thread_id, assistant_id=self.assistant_id, **options)

    def create_and_poll(self) -> Any:
        runs = self.beta.threads.runs
        return runs.create_and_poll(thread_id=self.run_thread_id, assistant_id=self.assistant_id)

    def respond(self, **options: Any) -> Any:
        return self.responses.create(model="gpt-4o", input=QUESTION, **options)

    def plain_calls(self) -> dict[str, Function]:
        """The calls that `openai-responses` can answer too."""
        beta = self.beta
        return {
            "assistants.create": lambda: beta.assistants.create(model="gpt-4o", name="Bench"),
            "threads.create": lambda: beta.threads.create(),
            "messages.create": self.message,
            "messages.list(20)": lambda: beta.threads.messages.list(thread_id=self.thread_id),
        }

    def calls(self) -> dict[str, Function]:
        return {
            **self.plain_calls(),
            "create_and_poll": self.create_and_poll,
            f"streamed run, {DELTAS} deltas": lambda: list(self.run(stream=True)),
            "responses.create": self.respond,
            f"streamed response, {DELTAS} deltas": lambda: list(self.respond(stream=True)),
        }
