"""Assistants: a model with instructions and tools. A run copies its settings when it is created, not later."""

from __future__ import annotations

from typing import Any

from assistants_emulator.contract import CreateAssistant, ListQuery, ModifyAssistant
from assistants_emulator.contract.error_texts import unsupported_parameter
from assistants_emulator.object_kinds import ASSISTANT
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import assistant_resources, given, merged_metadata, tools
from assistants_emulator.resources.lookup import page, require
from assistants_emulator.resources.models import (
    SAMPLING,
    default_effort,
    is_reasoning_model,
    require_model,
    require_no_sampling,
)
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.tool_resources import merged_resources, new_resources
from assistants_emulator.resources.unit_of_work import UnitOfWork
from assistants_emulator.store import Event, Object, Page

DEFAULTS: Object = {
    "name": None,
    "description": None,
    "model": "",
    "instructions": None,
    "tools": [],
    "top_p": 1.0,
    "temperature": 1.0,
    "reasoning_effort": None,
    "tool_resources": {},
    "metadata": {},
    "response_format": "auto",
}
SCALARS = (
    *("name", "description", "model", "instructions", "top_p", "temperature", "reasoning_effort"),
    "response_format",
)
CLEARABLE = tuple(name for name in SCALARS if name != "model")


def create(context: Context, body: dict[str, Any]) -> Object:
    require_model(context, body["model"])
    require_no_sampling(context, body["model"], body)
    effort = default_effort(context, body["model"])
    fields = {
        **DEFAULTS,
        "reasoning_effort": effort,
        **given(body, *SCALARS, "metadata"),
        "tools": tools(body.get("tools") or []),
    }
    changes = UnitOfWork(context)
    resources = new_resources(context, changes, body.get("tool_resources"))
    fields["tool_resources"] = assistant_resources(resources, fields["tools"])
    id, now = context.ids.new("assistant"), context.clock.now()
    assistant = {"id": id, "object": "assistant", "created_at": now, **_numbers(fields)}
    changes.put("assistants", assistant)
    changes.commit("assistant.created", assistant)
    return assistant


def list_(context: Context, query: ListQuery) -> Page:
    return page(context, ASSISTANT, query)


def retrieve(context: Context, assistant_id: str) -> Object:
    return require(context, ASSISTANT, assistant_id, "assistant_id")


def modify(context: Context, assistant_id: str, body: dict[str, Any]) -> Object:
    """Null sets a scalar, but the model, to its default; null `tools`, `metadata` or tool resources change nothing."""
    before = retrieve(context, assistant_id)
    if body.get("model") is not None:
        require_model(context, body["model"])
    model = body.get("model") or before["model"]
    require_no_sampling(context, model, body)
    defaults = {**DEFAULTS, "reasoning_effort": default_effort(context, model)}
    changes = given(body, *SCALARS) | {name: defaults[name] for name in CLEARABLE if body.get(name, "") is None}
    changes = _new_effort(context, before, model, body) | changes
    if body.get("tools") is not None:
        changes["tools"] = tools(body["tools"])
    modified = _numbers({**before, **changes, "metadata": merged_metadata(before, body)})
    resources = merged_resources(context, before["tool_resources"], body.get("tool_resources"))
    assistant = {**modified, "tool_resources": assistant_resources(resources, modified["tools"])}
    context.commit(Event("assistant.modified", assistant, (("assistants", assistant),)))
    return assistant


def delete(context: Context, assistant_id: str) -> Object:
    """Runs and messages that name it keep its id (docs/reference/behaviour.md#assistants)."""
    retrieve(context, assistant_id)
    answer = views.deleted(assistant_id, "assistant.deleted")
    context.commit(Event("assistant.deleted", answer, drops=(("assistants", assistant_id),)))
    return answer


def _new_effort(context: Context, before: Object, model: str, body: dict[str, Any]) -> Object:
    """The change of `reasoning_effort` that comes with another kind of model.

    400 if the assistant keeps a `temperature` or `top_p`, by default too, that the new model does not take.
    """
    reasons = is_reasoning_model(context, model)
    if reasons == is_reasoning_model(context, before["model"]):
        return {}
    kept = [name for name in SAMPLING if name not in body]
    if reasons and kept:
        raise unsupported_parameter(kept[0], "model", "unsupported_model")
    return {"reasoning_effort": default_effort(context, model)}


def _numbers(assistant: Object) -> Object:
    """With `top_p` and `temperature` as decimal numbers, as the wire always shows them."""
    return {**assistant, "top_p": float(assistant["top_p"]), "temperature": float(assistant["temperature"])}


ROUTES = (
    Route("POST", "/assistants", create, views.assistant, CreateAssistant),
    Route("GET", "/assistants", list_, views.assistant, lists=True),
    Route("GET", "/assistants/{assistant_id}", retrieve, views.assistant),
    Route("POST", "/assistants/{assistant_id}", modify, views.assistant, ModifyAssistant),
    Route("DELETE", "/assistants/{assistant_id}", delete, views.as_is),
)
