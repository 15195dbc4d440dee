"""LangChain's `ChatOpenAI` over Responses, as its users write it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

langchain_openai = pytest.importorskip("langchain_openai")

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402
from pydantic import BaseModel  # noqa: E402

from assistants_emulator import FunctionCall, ProjectHandle  # noqa: E402


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return "15 C"


class City(BaseModel):
    name: str


@pytest.fixture
def model(assistants_emulator: ProjectHandle) -> Any:
    @assistants_emulator.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"It is {found}."

    return langchain_openai.ChatOpenAI(model="gpt-4o", use_responses_api=True)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_model_answers_by_a_tool(keeps: bool, model: Any) -> None:
    """The history is sent whole, or by the previous response."""
    bound = model.model_copy(update={"use_previous_response_id": keeps}).bind_tools([get_weather])
    messages: list[Any] = [HumanMessage("weather in Oslo")]
    messages.append(bound.invoke(messages))
    (call,) = messages[-1].tool_calls
    messages.append(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]))
    answer = bound.invoke(messages)
    assert isinstance(answer, AIMessage)
    assert answer.text == "It is 15 C."


def test_a_model_streams(model: Any, assistants_emulator: ProjectHandle) -> None:
    assistants_emulator.respond("Hello there.")
    assert "".join(chunk.text for chunk in model.stream("Hi")) == "Hello there."


def test_a_model_answers_an_async_call(model: Any, assistants_emulator: ProjectHandle) -> None:
    assistants_emulator.respond("Hello there.")
    assert asyncio.run(model.ainvoke("Hi")).text == "Hello there."


def test_a_model_fills_a_class(model: Any, assistants_emulator: ProjectHandle) -> None:
    assistants_emulator.respond('{"name": "Oslo"}')
    assert model.with_structured_output(City).invoke("Hi") == City(name="Oslo")
