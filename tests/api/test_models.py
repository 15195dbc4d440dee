"""Models: any name exists, unless the emulator was started with a list of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator


@pytest.fixture(scope="module")
def strict() -> Iterator[Emulator]:
    with Emulator(models=("gpt-4o", "text-embedding-3-small")) as strict:
        yield strict


@pytest.fixture
def strict_client(strict: Emulator) -> Iterator[openai.OpenAI]:
    with strict.client(max_retries=0) as client:
        yield client


def test_the_list_shows_the_usual_models_and_those_that_assistants_use(client: openai.OpenAI) -> None:
    client.beta.assistants.create(model="my-own")
    listed = [model.id for model in client.models.list()]
    assert listed == ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "my-own"]


def test_any_model_can_be_retrieved(wire: httpx2.Client) -> None:
    body = wire.get("/models/anything").json()
    assert body == {"id": "anything", "object": "model", "created": 1715367049, "owned_by": "system"}


def test_models_need_no_beta_header(client: openai.OpenAI) -> None:
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"


def test_only_the_configured_models_are_listed(strict_client: openai.OpenAI) -> None:
    assert [model.id for model in strict_client.models.list()] == ["gpt-4o", "text-embedding-3-small"]


def test_a_model_that_is_not_configured_is_not_found(strict_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        strict_client.models.retrieve("gpt-5")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("model", ["ft:123", "gpt-4o"])
def test_no_model_is_there_to_be_deleted(wire: httpx2.Client, model: str) -> None:
    answer = wire.delete(f"/models/{model}")
    error = {
        "message": f"The model '{model}' does not exist",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    assert (answer.status_code, answer.json()) == (404, {"error": error})


MODEL_ERRORS = [
    ("gpt-5", "The requested model 'gpt-5' does not exist.", "model_not_found"),
    (
        "text-embedding-3-small",
        "The requested model 'text-embedding-3-small' cannot be used with the Assistants API.",
        "unsupported_model",
    ),
]


@pytest.mark.parametrize(("model", "message", "code"), MODEL_ERRORS, ids=["model does not exist", "model not allowed"])
def test_a_model_that_was_not_listed_or_is_no_assistants_is_refused(
    strict_client: openai.OpenAI, model: str, message: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        strict_client.beta.assistants.create(model=model)
    error = {"message": message, "type": "invalid_request_error", "param": "model", "code": code}
    assert caught.value.body == error


def test_a_run_cannot_name_a_model_that_does_not_exist(strict_client: openai.OpenAI) -> None:
    assistant = strict_client.beta.assistants.create(model="gpt-4o", instructions="Help.")
    with pytest.raises(openai.BadRequestError, match="The requested model 'gpt-5' does not exist"):
        strict_client.beta.threads.create_and_run(assistant_id=assistant.id, model="gpt-5")


def test_a_modified_assistant_cannot_take_a_model_that_does_not_exist(strict_client: openai.OpenAI) -> None:
    assistant: Any = strict_client.beta.assistants.create(model="gpt-4o")
    with pytest.raises(openai.BadRequestError, match="The requested model 'gpt-5' does not exist"):
        strict_client.beta.assistants.update(assistant.id, model="gpt-5")
