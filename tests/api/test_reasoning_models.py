"""Reasoning models: they take neither `temperature` nor `top_p`, and have a `reasoning_effort` of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest
from click.testing import Result

from assistants_emulator import Emulator

TEXT = "Unsupported parameter: '{}' is not supported with this model."
NAMES = ["o1", "o1-mini", "o3-mini-2025-01-31", "o4-mini", "gpt-5", "gpt-5-nano-2025-08-07", "ft:o4-mini-2025-04-16:me"]
OTHERS = ["gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "o100", "chatgpt-4o-latest", "my-o1"]


def unsupported(name: str, param: str, code: str = "unsupported_parameter") -> tuple[int, dict[str, Any]]:
    error = {"message": TEXT.format(name), "type": "invalid_request_error", "param": param, "code": code}
    return 400, error


@pytest.mark.parametrize("model", NAMES)
def test_a_reasoning_model_takes_no_temperature(refused: Callable[..., Any], model: str) -> None:
    answer = refused("POST", "/assistants", json={"model": model, "temperature": 1})
    assert answer == unsupported("temperature", "temperature")


def test_a_reasoning_model_takes_no_top_p(refused: Callable[..., Any]) -> None:
    answer = refused("POST", "/assistants", json={"model": "o3-mini", "top_p": 0.5})
    assert answer == unsupported("top_p", "top_p")


@pytest.mark.parametrize("model", OTHERS)
def test_other_models_take_them(client: openai.OpenAI, model: str) -> None:
    assistant = client.beta.assistants.create(model=model, temperature=0.5, top_p=0.5)
    assert (assistant.temperature, assistant.top_p, assistant.to_dict()["reasoning_effort"]) == (0.5, 0.5, None)


def test_an_assistant_with_a_reasoning_model_shows_its_defaults(client: openai.OpenAI) -> None:
    assistant = client.beta.assistants.create(model="o1", temperature=None, top_p=None)
    shown = assistant.temperature, assistant.top_p, assistant.to_dict()["reasoning_effort"]
    assert shown == (1.0, 1.0, "medium")


def test_a_reasoning_effort_may_be_chosen(client: openai.OpenAI) -> None:
    assistant = client.beta.assistants.create(model="o1", reasoning_effort="low")
    assert assistant.to_dict()["reasoning_effort"] == "low"


def test_a_run_of_a_reasoning_model_takes_no_temperature(client: openai.OpenAI, refused: Callable[..., Any]) -> None:
    assistant = client.beta.assistants.create(model="o3-mini", instructions="Hi")
    body = {"assistant_id": assistant.id, "temperature": 0.2}
    assert refused("POST", "/threads/runs", json=body) == unsupported("temperature", "temperature")


def test_a_run_that_names_a_reasoning_model_takes_no_temperature(
    assistant: Any, thread: Any, refused: Callable[..., Any]
) -> None:
    body = {"assistant_id": assistant.id, "model": "o3-mini", "top_p": 0.2}
    assert refused("POST", f"/threads/{thread.id}/runs", json=body) == unsupported("top_p", "top_p")


def test_a_run_that_names_a_reasoning_model_works_without_them(
    client: openai.OpenAI, assistant: Any, thread: Any
) -> None:
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, model="o3-mini")
    assert (run.status, run.model, run.to_dict()["reasoning_effort"]) == ("completed", "o3-mini", "medium")


def test_an_assistant_with_a_temperature_is_not_moved_to_a_reasoning_model(
    assistant: Any, refused: Callable[..., Any]
) -> None:
    answer = refused("POST", f"/assistants/{assistant.id}", json={"model": "o3-mini"})
    assert answer == unsupported("temperature", "model", "unsupported_model")


def test_it_is_once_the_request_clears_both(client: openai.OpenAI, assistant: Any) -> None:
    moved = client.beta.assistants.update(assistant.id, model="o3-mini", temperature=None, top_p=None)
    assert (moved.model, moved.temperature, moved.to_dict()["reasoning_effort"]) == ("o3-mini", 1.0, "medium")


def test_an_explicit_temperature_is_the_parameter_at_fault(assistant: Any, refused: Callable[..., Any]) -> None:
    body = {"model": "o3-mini", "temperature": 0.5}
    answer = refused("POST", f"/assistants/{assistant.id}", json=body)
    assert answer == unsupported("temperature", "temperature")


def test_an_assistant_that_has_a_reasoning_model_may_send_it_again(client: openai.OpenAI) -> None:
    assistant = client.beta.assistants.create(model="o3-mini", reasoning_effort="high")
    updated = client.beta.assistants.update(assistant.id, model="o3-mini", name="Thinker")
    assert (updated.name, updated.to_dict()["reasoning_effort"]) == ("Thinker", "high")


def test_an_assistant_that_leaves_a_reasoning_model_loses_its_effort(client: openai.OpenAI) -> None:
    assistant = client.beta.assistants.create(model="o3-mini")
    moved = client.beta.assistants.update(assistant.id, model="gpt-4o", temperature=0.2)
    assert (moved.temperature, moved.to_dict()["reasoning_effort"]) == (0.2, None)


def test_more_reasoning_models_may_be_named() -> None:
    with Emulator(reasoning_models=("thinker",)) as emulator, emulator.client(max_retries=0) as client:
        for model in ("thinker", "thinker-large", "o1"):
            with pytest.raises(openai.BadRequestError, match="not supported with this model"):
                client.beta.assistants.create(model=model, temperature=0.5)
        assert client.beta.assistants.create(model="thinkers", temperature=0.5).temperature == 0.5


def test_serve_takes_their_names(command_line: Callable[..., Result]) -> None:
    assert "--reasoning-model" in command_line("serve", "--help").output
