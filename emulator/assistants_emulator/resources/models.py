"""Models: any name is one, unless the emulator's settings list them."""

from __future__ import annotations

from assistants_emulator.config import DEFAULT_MODELS
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


def require_model(context: Context, model: str) -> None:
    """400 for a model that does not exist or cannot be an assistant's, where the settings list models."""
    models = context.config.models
    if models and model not in models:
        message = f"The requested model '{model}' does not exist."
        raise InvalidParameter(message, param="model", code="model_not_found")
    if models and model.startswith(UNSUITABLE):
        message = f"The requested model '{model}' cannot be used with the Assistants API."
        raise InvalidParameter(message, param="model", code="unsupported_model")


def list_(context: Context) -> Object:
    used = [assistant["model"] for assistant in context.store.all("assistants")]
    names = dict.fromkeys(context.config.models or (*DEFAULT_MODELS, *used))
    return {"object": "list", "data": [_model(name) for name in names]}


def retrieve(context: Context, model: str) -> Object:
    if context.config.models and model not in context.config.models:
        raise NotFound(f"The model '{model}' does not exist", param="model", code="model_not_found")
    return _model(model)


def _model(name: str) -> Object:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}


ROUTES = (
    Route("GET", "/models", list_, views.as_is, beta=False, versions=VERSIONS),
    Route("GET", "/models/{model}", retrieve, views.as_is, beta=False, versions=VERSIONS),
)
