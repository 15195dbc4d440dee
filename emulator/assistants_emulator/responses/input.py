"""The input of a response against the state: what it refers to, and whether its calls and outputs pair up.

The order of these checks was measured (docs/reference/behaviour.md#responses-state).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assistants_emulator.contract.responses import choice_not_found, no_input
from assistants_emulator.errors import InvalidParameter, NotFound
from assistants_emulator.resources import containers
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.conversations import ROOT, duplicate, reference_not_found, require_conversation
from assistants_emulator.resources.files import require_file
from assistants_emulator.resources.items import TABLE
from assistants_emulator.resources.models import is_reasoning_model, require_model
from assistants_emulator.store import Object

ACTIVE = ("queued", "in_progress")
EFFORTS = ("none", "low", "medium", "high", "xhigh", "max")
UNSUPPORTED = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
"""Fields that a reasoning model refuses, in the order in which it does."""
LOCKED = "Another process is currently operating on this conversation. Please retry in a few seconds."


@dataclass(frozen=True, slots=True)
class Place:
    """The history that a request continues, and its own items: new ones as given, stored ones as they are."""

    previous: Object | None
    conversation: Object | None
    items: list[Object]

    @property
    def open_calls(self) -> list[str]:
        """The calls that have no output before the request."""
        holder = self.conversation or self.previous
        calls: list[str] = holder["_open_calls"] if holder is not None else []
        return calls

    @property
    def tokens(self) -> int:
        """The estimate for everything before the request."""
        holder = self.conversation or self.previous
        return int(holder["_tokens"]) if holder is not None else 0


def find_place(context: Context, body: dict[str, Any]) -> Place:
    """The state phase: InvalidParameter or NotFound for what the request may not refer to."""
    previous_id, conversation_id = body.get("previous_response_id"), _conversation_id(body)
    if previous_id is not None and conversation_id is not None:
        message = (
            "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'."
        )
        raise InvalidParameter(message, code="mutually_exclusive_parameters")
    conversation = None if conversation_id is None else require_conversation(context, conversation_id)
    if body.get("prompt") is not None:
        raise NotFound(f"Prompt with id '{body['prompt'].get('id')}' not found.")
    previous = None if previous_id is None else _previous(context, previous_id)
    given = _given(body.get("input"))
    if not given and previous is None and conversation is None:
        raise no_input()
    return Place(previous, conversation, _resolved(context, given, previous, conversation))


def check_model(context: Context, body: dict[str, Any]) -> None:
    """Refuse what the model does not take: reasoning models have no `temperature`, for example."""
    model = body["model"]
    require_model(context, model)
    if not is_reasoning_model(context, model):
        return
    for name in UNSUPPORTED:
        if body.get(name) is not None:
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise InvalidParameter(message, param=name)
    if "message.output_text.logprobs" in (body.get("include") or []):
        raise _no_logprobs("include")
    if body.get("top_logprobs"):
        raise _no_logprobs("top_logprobs")
    effort = (body.get("reasoning") or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        listed = ", ".join(f"'{name}'" for name in EFFORTS[:-1])
        message = (
            f"Unsupported value: '{effort}' is not supported with the '{model}' model. "
            f"Supported values are: {listed}, and '{EFFORTS[-1]}'."
        )
        raise InvalidParameter(message, param="reasoning.effort", code="unsupported_value")


def check_tools(context: Context, body: dict[str, Any]) -> None:
    """The tools' own references: stores and containers that must be there, and a choice that names one of them."""
    tools = body.get("tools") or []
    for tool in tools:
        for id in tool.get("vector_store_ids") or []:
            if context.store.get("vector_stores", id) is None:
                raise NotFound(f"Vector store with id '{id}' not found.")
        container = tool.get("container")
        if isinstance(container, str):
            containers.require_running(context, container)
        elif isinstance(container, dict):
            for id in container.get("file_ids") or []:
                require_file(context, id, "tools")
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] != "allowed_tools":
        names = [tool.get("name") if tool["type"] == "function" else tool["type"] for tool in tools]
        wanted = choice["name"] if choice["type"] == "function" else choice["type"]
        if wanted not in names:
            raise choice_not_found(wanted)


def check_pairs(context: Context, place: Place) -> None:
    """Every output must have its call, and every call of the history its output."""
    calls = dict.fromkeys(place.open_calls)
    answered = set()
    for item in place.items:
        if item["type"] == "function_call":
            calls[item["call_id"]] = None
        elif item["type"] == "function_call_output":
            known = item["call_id"] in calls or item["call_id"] in answered
            if not known and not _is_answered_already(context, place, item["call_id"]):
                message = f"No tool call found for function call output with call_id {item['call_id']}."
                raise InvalidParameter(message, param="input")
            calls.pop(item["call_id"], None)
            answered.add(item["call_id"])
    for call_id in calls:
        raise InvalidParameter(f"No tool output found for function call {call_id}.", param="input")


def _is_answered_already(context: Context, place: Place, call_id: str) -> bool:
    """True if the history has the call, and its output too: some clients send all outputs of a turn each time."""
    calls = [item for item in context.store.of(TABLE, "_call_id", call_id) if item["type"] == "function_call"]
    if place.conversation is not None:
        return any(item.get("_conversation_id") == place.conversation["id"] for item in calls)
    if place.previous is None:
        return False
    root = place.previous["id"].partition("_")[2][:ROOT]
    return any(item["id"].partition("_")[2].startswith(root) for item in calls)


def require_free(context: Context, place: Place) -> None:
    """One response at a time in a conversation. A chain may go on from a response that is under way."""
    if place.conversation is not None:
        newest = context.newest("responses", "_conversation_id", place.conversation["id"])
        if newest is not None and newest["status"] in ACTIVE:
            raise InvalidParameter(LOCKED, param="conversation", code="conversation_locked")


def _conversation_id(body: dict[str, Any]) -> str | None:
    conversation = body.get("conversation")
    id: str | None = conversation["id"] if isinstance(conversation, dict) else conversation
    return id


def _previous(context: Context, id: str) -> Object:
    response = context.store.get("responses", id)
    if response is None or not response["store"]:
        message = f"Previous response with id '{id}' not found."
        raise InvalidParameter(message, param="previous_response_id", code="previous_response_not_found")
    return response


def _given(given: Any) -> list[Object]:
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}] if given else []
    return [{"type": "message", **item} for item in given or []]


def _resolved(
    context: Context, given: Iterable[Object], previous: Object | None, conversation: Object | None
) -> list[Object]:
    """The items, with the stored ones in place of references; an id must not come twice."""
    resolved: list[Object] = []
    ids: set[str] = set()
    items = list(given)
    for index, item in enumerate(items):
        id = item.get("id")
        stored = context.store.get(TABLE, id) if id is not None else None
        if id is not None and (id in ids or _is_there(stored, previous, conversation)):
            raise duplicate(id)
        if item["type"] == "item_reference":
            if stored is None or not _is_kept(context, stored):
                raise reference_not_found(item["id"])
            item = stored
        elif item["type"] == "reasoning" and id is not None:
            _require_following(id, items[index + 1 :])
        _require_files(context, item)
        if id is not None:
            ids.add(id)
        resolved.append(item)
    return resolved


def _is_there(stored: Object | None, previous: Object | None, conversation: Object | None) -> bool:
    """True for an item that the history has already."""
    if stored is None:
        return False
    if conversation is not None and stored.get("_conversation_id") == conversation["id"]:
        return True
    return previous is not None and stored.get("_response_id") == previous["id"]


def _is_kept(context: Context, item: Object) -> bool:
    response_id = item.get("_response_id")
    response = None if response_id is None else context.store.get("responses", response_id)
    return response_id is None or item.get("_conversation_id") is not None or bool(response and response["store"])


def _require_following(id: str, following: list[Object]) -> None:
    """A reasoning item comes with what it led to."""
    after = following[0] if following else None
    if after is None or (after["type"] == "message" and after["role"] != "assistant"):
        message = f"Item '{id}' of type 'reasoning' was provided without its required following item."
        raise InvalidParameter(message, param="input")


def _require_files(context: Context, item: Object) -> None:
    content = item.get("content") if item["type"] == "message" else item.get("output")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("file_id"):
            require_file(context, part["file_id"], "input")


def _no_logprobs(param: str) -> InvalidParameter:
    message = "logprobs are not supported with reasoning models."
    return InvalidParameter(message, param=param, code="unsupported_parameter")
