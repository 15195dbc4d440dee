"""`openai-agents`, as its users write it, with its session classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

agents = pytest.importorskip("agents")

from assistants_emulator import FunctionCall, ProjectHandle  # noqa: E402


@pytest.fixture(autouse=True)
def weather(assistants_emulator: ProjectHandle) -> None:
    agents.set_tracing_disabled(True)
    agents.set_default_openai_client(openai.AsyncOpenAI())  # its own outlives the event loop of a test

    @assistants_emulator.respond(when=r"weather in (?P<city>\w+)")
    def answer(turn: Any) -> Any:
        (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"It is {found}."


@pytest.fixture
def agent() -> Any:
    @agents.function_tool  # type: ignore[untyped-decorator,unused-ignore]
    def get_weather(city: str) -> str:
        return {"Oslo": "15 C", "Rome": "28 C"}[city]

    return agents.Agent(name="Weather", instructions="Help.", tools=[get_weather], model="gpt-4o")


SESSIONS: dict[str, Callable[[Path], Any]] = {
    "none": lambda folder: None,
    "in a file": lambda folder: agents.SQLiteSession("a", folder / "sessions.db"),
    "in a conversation": lambda folder: agents.OpenAIConversationsSession(),
}


@pytest.mark.parametrize("kind", SESSIONS)
def test_an_agent_answers_by_a_function(kind: str, agent: Any, tmp_path: Path) -> None:
    async def ask() -> list[str]:
        session = SESSIONS[kind](tmp_path)
        results = [await agents.Runner.run(agent, f"weather in {city}", session=session) for city in ("Oslo", "Rome")]
        return [result.final_output for result in results]

    assert asyncio.run(ask()) == ["It is 15 C.", "It is 28 C."]


def test_an_agent_streams(agent: Any) -> None:
    async def ask() -> tuple[str, Any]:
        result = agents.Runner.run_streamed(agent, "weather in Oslo")
        events = [event.data async for event in result.stream_events() if event.type == "raw_response_event"]
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        return "".join(deltas), result.final_output

    assert asyncio.run(ask()) == ("It is 15 C.", "It is 15 C.")


def test_an_agent_goes_on_with_the_previous_response(agent: Any, assistants_emulator: ProjectHandle) -> None:
    first = agents.Runner.run_sync(agent, "weather in Oslo")
    last = agents.Runner.run_sync(agent, "weather in Rome", previous_response_id=first.last_response_id)
    assert last.final_output == "It is 28 C."
    assert len(assistants_emulator.transcripts()) == 1
