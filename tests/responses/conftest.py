"""Fixtures of the tests of responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

MODEL = "gpt-4o"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
Ask = Callable[..., Any]


@pytest.fixture
def ask(client: openai.OpenAI) -> Ask:
    """Create a response to a text or to items; further arguments are the SDK's."""

    def create(said: Any, **options: Any) -> Any:
        return client.responses.create(model=MODEL, input=said, **options)

    return create


def outputs(response: Any, *values: str) -> list[Any]:
    """The outputs of the response's calls, in their order."""
    calls = [item for item in response.output if item.type == "function_call"]
    pairs = zip(calls, values, strict=True)
    return [{"type": "function_call_output", "call_id": call.call_id, "output": value} for call, value in pairs]
