"""A question to an assistant with two functions, over a socket, with one thing gone wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from assistants_emulator import Emulator, FunctionCall, ProjectHandle
from assistants_emulator.sweep import Variant

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": CITY, "strict": False}}
    for name in ("weather", "time")
]


class Asking:
    """An application that asks one question; each method makes a small session of calls."""

    def __init__(self, project: ProjectHandle, client: openai.OpenAI) -> None:
        self.project = project
        self.client = client
        self.beta = client.beta

    def vary(self, name: str) -> None:
        self.project.vary(Variant.parse(name))

    def calls_a_function(self) -> None:
        """From now on the assistant calls `weather`, and then says its output."""

        def weather() -> Any:
            output = yield FunctionCall("weather", {"city": "Oslo"})
            yield f"It is {output}."

        self.project.respond(weather)

    def ask(self, **options: Any) -> Any:
        """The thread's run, polled until it rests."""
        assistant = self.beta.assistants.create(model="gpt-4o", tools=TOOLS)
        thread = self.beta.threads.create(messages=[{"role": "user", "content": "Weather in Oslo?"}])
        return self.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, **options)

    def stream(self) -> Iterator[Any]:
        """The events of a run."""
        assistant = self.beta.assistants.create(model="gpt-4o", tools=TOOLS)
        thread = self.beta.threads.create(messages=[{"role": "user", "content": "Weather in Oslo?"}])
        yield from self.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True)

    def submit(self, run: Any) -> Any:
        outputs = [{"tool_call_id": call.id, "output": "sunny"} for call in self.calls(run)]
        return self.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
        )

    def calls(self, run: Any) -> list[Any]:
        return list(run.required_action.submit_tool_outputs.tool_calls)

    def functions(self, run: Any) -> list[tuple[str, str]]:
        return [(call.function.name, call.function.arguments) for call in self.calls(run)]

    def contents(self, run: Any) -> list[list[Any]]:
        """The content of the run's messages, oldest first."""
        messages = self.beta.threads.messages.list(thread_id=run.thread_id, run_id=run.id, order="asc")
        return [[part.to_dict() for part in message.content] for message in messages]

    def texts(self, run: Any) -> list[str]:
        return [part["text"]["value"] for content in self.contents(run) for part in content]


@pytest.fixture
def client(project: ProjectHandle) -> Iterator[openai.OpenAI]:
    """A client that retries, as clients do by default."""
    with project.client() as client:
        yield client


@pytest.fixture
def asking(project: ProjectHandle, client: openai.OpenAI) -> Asking:
    return Asking(project, client)


@pytest.fixture
def emulator_with_checks() -> Iterator[Emulator]:
    """An emulator whose runs may only call functions that they declare."""
    with Emulator(clock="manual") as emulator:
        yield emulator


@pytest.fixture
def asking_with_checks(emulator_with_checks: Emulator) -> Iterator[Asking]:
    with emulator_with_checks.client() as client:
        yield Asking(emulator_with_checks, client)


@pytest.fixture
def asking_in_process() -> Iterator[Asking]:
    """The application of a client that uses no socket and retries nothing."""
    with Emulator(clock="manual", transport="inprocess") as emulator, emulator.client(max_retries=0) as client:
        yield Asking(emulator, client)
