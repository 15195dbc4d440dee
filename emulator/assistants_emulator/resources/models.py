"""Models: any name is one, unless the emulator's settings list them. Which ones reason is told by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from assistants_emulator.config import DEFAULT_MODELS
from assistants_emulator.contract.error_texts import unsupported_parameter
from assistants_emulator.errors import InvalidParameter, NotFound
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.route import VERSIONS, Route
from assistants_emulator.store import Object

CREATED = 1715367049  # of gpt-4o, as the API answers it
UNSUITABLE = (
    *("text-embedding-", "whisper-", "tts-", "dall-e-", "omni-moderation", "text-moderation"),
    *("babbage", "davinci", "gpt-5.1"),
)

REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")
"""With all whose names go on behind a hyphen: sizes and dates. From gpt-5.1 on a temperature is taken at times."""
NOT_REASONING = ("gpt-5-chat",)
SAMPLING = ("temperature", "top_p")


def require_model(context: Context, model: str) -> None:
    """400 for a model that does not exist or cannot be an assistant's, where the settings list models."""
    models = context.config.models
    if models and model not in models:
        message = f"The requested model '{model}' does not exist."
        raise InvalidParameter(message, param="model", code="model_not_found")
    if models and model.startswith(UNSUITABLE):
        message = f"The requested model '{model}' cannot be used with the Assistants API."
        raise InvalidParameter(message, param="model", code="unsupported_model")


def is_reasoning_model(context: Context, model: str) -> bool:
    """Return whether the model is of the table or of the settings; `ft:` and what follows the name do not matter."""
    return _reasons(model.removeprefix("ft:"), context.config.reasoning_models)


@lru_cache(maxsize=256)
def _reasons(name: str, more: tuple[str, ...]) -> bool:
    if _is_one_of(name, more):
        return True
    return _is_one_of(name, REASONING_MODELS) and not _is_one_of(name, NOT_REASONING)


def require_no_sampling(context: Context, model: str, body: Mapping[str, Any]) -> None:
    """400 for a `temperature` or `top_p` in the body of a request to a reasoning model."""
    if is_reasoning_model(context, model):
        for name in SAMPLING:
            if body.get(name) is not None:
                raise unsupported_parameter(name, name)


def default_effort(context: Context, model: str) -> str | None:
    """The `reasoning_effort` of a request that names none (openai-php/client#519)."""
    return "medium" if is_reasoning_model(context, model) else None


def _is_one_of(name: str, models: Iterable[str]) -> bool:
    return any(name == model or name.startswith((f"{model}-", f"{model}:")) for model in models)


def list_(context: Context) -> Object:
    used = [assistant["model"] for assistant in context.store.all("assistants")]
    names = dict.fromkeys(context.config.models or (*DEFAULT_MODELS, *used))
    return {"object": "list", "data": [_model(name) for name in names]}


def retrieve(context: Context, model: str) -> Object:
    if context.config.models and model not in context.config.models:
        raise no_such_model(model)
    return _model(model)


def delete(context: Context, model: str) -> Object:
    """404: only fine-tuned models could be deleted, and none is emulated (ruby-openai models_delete)."""
    raise no_such_model(model)


def no_such_model(model: str) -> NotFound:
    return NotFound(f"The model '{model}' does not exist", param="model", code="model_not_found")


def _model(name: str) -> Object:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}


ROUTES = (
    Route("GET", "/models", list_, views.as_is, beta=False, versions=VERSIONS),
    Route("GET", "/models/{model}", retrieve, views.as_is, beta=False, versions=VERSIONS),
    Route("DELETE", "/models/{model}", delete, views.as_is, beta=False, versions=VERSIONS),
)
