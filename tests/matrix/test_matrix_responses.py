"""Responses and conversations with each generation of the SDK that has them; nox runs it with each of them."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from assistants_emulator import FunctionCall, ProjectHandle

VERSION = tuple(int(part) for part in openai.__version__.split(".")[:2])
pytestmark = pytest.mark.skipif(VERSION < (1, 66), reason="this SDK has no responses")
conversing = pytest.mark.skipif(VERSION < (1, 101), reason="there were no conversations yet")
waiting = pytest.mark.skipif(VERSION < (1, 81), reason="there was no `background` yet")
parsing = pytest.mark.skipif(VERSION < (1, 67), reason="`parse` and `stream` came with 1.67")

MODEL = "gpt-4o"
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {**SCHEMA, "additionalProperties": False},
    "strict": True,
}


@pytest.fixture
def client(openai_client: Any, assistants_emulator: ProjectHandle) -> Any:
    @assistants_emulator.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"It is {found}."

    assistants_emulator.respond('{"city": "Oslo"}')
    return openai_client


def output(response: Any, value: str) -> Any:
    (call,) = response.output
    return [{"type": "function_call_output", "call_id": call.call_id, "output": value}]


def test_a_function_is_answered_in_a_chain(client: Any) -> None:
    first = client.responses.create(model=MODEL, input="weather in Oslo", tools=[WEATHER])
    options = {"model": MODEL, "tools": [WEATHER], "previous_response_id": first.id}
    second = client.responses.create(input=output(first, "15 C"), **options)
    assert second.output_text == "It is 15 C."
    assert client.responses.retrieve(second.id).output_text == "It is 15 C."
    kinds = [item.type for item in client.responses.input_items.list(second.id)]
    assert kinds == ["function_call_output", "function_call", "message"]
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)


def test_a_response_is_streamed(client: Any) -> None:
    events = list(client.responses.create(model=MODEL, input="Hi", stream=True))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == '{"city": "Oslo"}'
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == '{"city": "Oslo"}'


@parsing
def test_a_text_is_parsed(client: Any) -> None:
    from pydantic import BaseModel

    class City(BaseModel):
        city: str

    response = client.responses.parse(model=MODEL, input="Hi", text_format=City)
    assert response.output_parsed == City(city="Oslo")


@parsing
def test_the_stream_helper_accumulates_the_response(client: Any) -> None:
    with client.responses.stream(model=MODEL, input="weather in Oslo", tools=[WEATHER]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output[0].arguments == '{"city":"Oslo"}'
    deltas = [event for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(event.delta for event in deltas) == '{"city":"Oslo"}'


@conversing
def test_a_conversation_keeps_the_history(client: Any) -> None:
    conversation = client.conversations.create(items=[{"role": "user", "content": "Hello"}]).id
    first = client.responses.create(model=MODEL, input="weather in Oslo", tools=[WEATHER], conversation=conversation)
    client.responses.create(model=MODEL, input=output(first, "15 C"), tools=[WEATHER], conversation=conversation)
    items = client.conversations.items.list(conversation, order="asc")
    kinds = [item.type for item in items]
    assert kinds == ["message", "message", "function_call", "function_call_output", "message"]


@waiting
def test_a_response_in_the_background_is_polled(client: Any) -> None:
    response = client.responses.create(model=MODEL, input="Hi", background=True)
    assert response.status == "queued"
    assert client.responses.retrieve(response.id).output_text == '{"city": "Oslo"}'


def test_the_async_client_does_the_same(client: Any) -> None:
    async def ask() -> tuple[str, str]:
        async with openai.AsyncOpenAI() as client:
            whole = await client.responses.create(model=MODEL, input="Hi")
            stream = await client.responses.create(model=MODEL, input="Hi", stream=True)
            deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        return whole.output_text, "".join(deltas)

    assert asyncio.run(ask()) == ('{"city": "Oslo"}', '{"city": "Oslo"}')
