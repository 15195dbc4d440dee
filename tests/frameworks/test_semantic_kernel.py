"""Semantic Kernel's agent over Responses, as its users write it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("semantic_kernel")

from semantic_kernel.agents import OpenAIResponsesAgent
from semantic_kernel.functions import kernel_function

from assistants_emulator import FunctionCall, ProjectHandle


class Weather:
    @kernel_function(description="The weather of a city")
    def get_weather(self, city: str) -> str:
        return {"Oslo": "15 C", "Rome": "28 C"}[city]


@pytest.fixture
def agent(assistants_emulator: ProjectHandle) -> Any:
    @assistants_emulator.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (found,) = yield FunctionCall("Weather-get_weather", {"city": turn.match["city"]})
        yield f"It is {found}."

    client = OpenAIResponsesAgent.create_client(ai_model_id="gpt-4o")
    return OpenAIResponsesAgent(
        ai_model_id="gpt-4o", client=client, name="Weather", instructions="Help.", plugins=[Weather()]
    )


@pytest.mark.parametrize("stores", [True, False])
def test_an_agent_answers_by_a_function(stores: bool, agent: Any) -> None:
    agent.store_enabled = stores

    async def ask() -> list[str]:
        thread, answers = None, []
        for city in ("Oslo", "Rome"):
            answer = await agent.get_response(messages=f"weather in {city}", thread=thread)
            thread = answer.thread
            answers.append(str(answer.message))
        return answers

    assert asyncio.run(ask()) == ["It is 15 C.", "It is 28 C."]


def test_an_agent_streams(agent: Any) -> None:
    async def ask() -> str:
        return "".join([str(chunk.message) async for chunk in agent.invoke_stream(messages="weather in Oslo")])

    assert asyncio.run(ask()) == "It is 15 C."
