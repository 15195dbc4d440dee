"""The Math Tutor of the API's own guide, with the synchronous and the asynchronous SDK."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest

from assistants_emulator import Emulator, ProjectHandle

MATH_TUTOR = Path(__file__).parents[2] / "fixtures" / "scripts" / "math_tutor.yaml"
QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
PREMIUM = "Please address the user as Jane Doe. The user has a premium account."
TUTOR: dict[str, Any] = {
    "name": "Math Tutor",
    "instructions": "You are a personal math tutor. Write and run code to answer math questions.",
    "tools": [{"type": "code_interpreter"}],
    "model": "gpt-4o",
}
SOLVED = [
    QUESTION,
    "Sure, Jane Doe. Let me solve the equation `3x + 11 = 14` for you.",
    "Jane Doe, the solution is x = 1: subtract 11 from both sides to get 3x = 3, then divide both by 3.",
]


@pytest.fixture
def _math_tutor(project: ProjectHandle) -> None:
    project.load_script(MATH_TUTOR)


@pytest.mark.usefixtures("_math_tutor")
def test_the_math_tutor_solves_the_equation(client: openai.OpenAI, texts: Any) -> None:
    assistant = client.beta.assistants.create(**TUTOR)
    thread = client.beta.threads.create()
    client.beta.threads.messages.create(thread_id=thread.id, role="user", content=QUESTION)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, instructions=PREMIUM)
    assert (run.status, run.instructions) == ("completed", PREMIUM)
    assert texts(thread.id) == SOLVED


@pytest.mark.usefixtures("_math_tutor")
def test_the_math_tutor_shows_the_code_that_it_ran(client: openai.OpenAI) -> None:
    assistant = client.beta.assistants.create(**TUTOR)
    thread: Any = {"messages": [{"role": "user", "content": QUESTION}]}
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data
    assert [step.type for step in steps] == ["message_creation", "tool_calls", "message_creation"]
    code = steps[1].step_details.tool_calls[0].code_interpreter
    assert "solve(equation, x)" in code.input
    assert [output.logs for output in code.outputs] == ["[1]"]


@pytest.mark.usefixtures("_math_tutor")
def test_the_math_tutor_solves_the_equation_for_the_async_client(project: ProjectHandle) -> None:
    async def walk() -> list[str]:
        async with project.async_client() as client:
            assistant = await client.beta.assistants.create(**TUTOR)
            thread = await client.beta.threads.create()
            await client.beta.threads.messages.create(thread_id=thread.id, role="user", content=QUESTION)
            await client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
            messages = client.beta.threads.messages.list(thread.id, order="asc")
            return [message.content[0].text.value async for message in messages]

    assert asyncio.run(walk()) == SOLVED


@pytest.mark.usefixtures("_math_tutor")
def test_the_math_tutor_streams_to_the_async_client(project: ProjectHandle) -> None:
    async def walk() -> str:
        async with project.async_client() as client:
            assistant = await client.beta.assistants.create(**TUTOR)
            thread = await client.beta.threads.create(messages=[{"role": "user", "content": QUESTION}])
            async with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
                return "".join([delta async for delta in stream.text_deltas])

    assert asyncio.run(walk()) == SOLVED[1] + SOLVED[2]


@pytest.mark.usefixtures("_math_tutor")
def test_the_weather_needs_a_function(project: ProjectHandle, client: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "get_weather"}}
    assistant = client.beta.assistants.create(**{**TUTOR, "tools": [tool]})
    thread: Any = {"messages": [{"role": "user", "content": "What is the weather in New York?"}]}
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "18 C"}]
    )
    assert project.transcript(run.thread_id) == (
        "user: What is the weather in New York?\n"
        'function get_weather({"city":"New York"}) -> 18 C\n'
        "assistant: The weather in New York: 18 C.\n"
        "run completed\n"
    )


def test_an_assistant_is_created_listed_retrieved_updated_and_deleted(client: openai.OpenAI) -> None:
    created = client.beta.assistants.create(**TUTOR)
    assert client.beta.assistants.list(order="desc", limit=20).data == [created]
    assert client.beta.assistants.retrieve(created.id) == created
    updated = client.beta.assistants.update(created.id, name="HR Helper", model="gpt-4o-mini")
    assert (updated.name, updated.model, updated.instructions) == ("HR Helper", "gpt-4o-mini", TUTOR["instructions"])
    assert client.beta.assistants.delete(created.id).deleted


def test_a_thread_is_created_retrieved_updated_and_deleted(client: openai.OpenAI) -> None:
    created = client.beta.threads.create()
    assert client.beta.threads.retrieve(created.id).id == created.id
    updated = client.beta.threads.update(created.id, metadata={"modified": "true", "user": "abc123"})
    assert updated.metadata == {"modified": "true", "user": "abc123"}
    assert client.beta.threads.delete(created.id).deleted


def test_a_message_is_created_listed_retrieved_and_updated(client: openai.OpenAI, thread: Any) -> None:
    created = client.beta.threads.messages.create(thread.id, role="user", content="How does AI work?")
    assert client.beta.threads.messages.list(thread.id).data == [created]
    assert client.beta.threads.messages.retrieve(message_id=created.id, thread_id=thread.id) == created
    updated = client.beta.threads.messages.update(created.id, thread_id=thread.id, metadata={"user": "abc123"})
    assert updated.metadata == {"user": "abc123"}


def test_the_same_walk_twice_is_the_same_to_the_byte() -> None:
    def walk() -> tuple[str, str]:
        with Emulator(clock="manual", script=MATH_TUTOR) as emulator, emulator.client() as client:
            assistant = client.beta.assistants.create(**TUTOR)
            thread: Any = {"messages": [{"role": "user", "content": QUESTION}]}
            run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
            steps = client.beta.threads.runs.steps.with_raw_response.list(run.id, thread_id=run.thread_id)
            return steps.text, emulator.transcript(run.thread_id)

    assert walk() == walk()
