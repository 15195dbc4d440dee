"""Responses: a model answers its input, alone, in a chain, or in a conversation.

A response is created and its task writes the rest (`responses/turns.py`). One that is made without `store` is kept in
memory, for transcripts and for the turn that may go on, but no request finds it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assistants_emulator.contract import ListQuery
from assistants_emulator.contract.base import NoBody
from assistants_emulator.contract.responses import CountInputTokens, CreateResponse
from assistants_emulator.errors import ApiError, InvalidParameter, NotFound
from assistants_emulator.object_kinds import RESPONSE
from assistants_emulator.resources import items, views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.conversations import ROOT
from assistants_emulator.resources.items import TABLE, Includes, new_item
from assistants_emulator.resources.models import is_reasoning_model
from assistants_emulator.resources.route import RESPONSES_WIRE, Route
from assistants_emulator.resources.token_estimates import context_window, of_item
from assistants_emulator.responses import events, history, tools
from assistants_emulator.responses.input import (
    ACTIVE,
    Place,
    check_model,
    check_pairs,
    check_tools,
    find_place,
    require_free,
)
from assistants_emulator.responses.views import tokens_of, view
from assistants_emulator.responses.writer import TOO_LONG_CODE, ResponseWriter, is_unseen
from assistants_emulator.store import VOLATILE, Event, Object, Page

SNAPSHOTS = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "gpt-5.1": "gpt-5.1-2025-11-13",
    "o4-mini": "o4-mini-2025-04-16",
}
"""The models that responses name, by the names that users give."""
NO_USAGE: Object = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}
UNSTORED_SECONDS = 600  # for which a background response without `store` is found
TOO_LONG = "Your input exceeds the context window of this model. Please adjust your input and try again."
RESUMED_ONLY = (
    "This response was not created with background=true and stream=true, so it has no stream that could be resumed."
)


def create(context: Context, body: dict[str, Any]) -> Object:
    """Create a response. Return the answer for one in the background, else the stored response: it has an outcome."""
    place = find_place(context, body)
    check_model(context, body)
    check_tools(context, body)
    check_pairs(context, place)
    require_free(context, place)
    response, new = _new_response(context, body, place)
    _require_room(context, response, new)
    puts = (("responses", response), *((TABLE, item) for item in new))
    if is_unseen(response):
        context.commit(events.event(response["id"], "response.created", 0, {}, puts, is_unseen=True))
        return response
    created = view(response, response["_include"], streamed=True)
    _commit(context, response, "response.created", 0, created, puts)
    if response["background"]:
        _commit(context, response, "response.queued", 1, created)
        return view(response, response["_include"])
    return response


def outcome(context: Context, result: Object) -> Object:
    """The response once its turn is over; 404 for one that was deleted meanwhile."""
    response = context.store.get("responses", result["id"])
    if response is None:
        raise _not_found(result["id"])
    return view(response, response["_include"])


def retrieve(
    context: Context,
    response_id: str,
    include: Includes,
    stream: str | None = None,
    starting_after: str | None = None,
    include_obfuscation: str | None = None,
) -> Object:
    response = require_response(context, response_id)
    output = response["output"] or [item for item in history.output_of(context, response) if _is_done(item)]
    return view({**response, "output": output}, frozenset(include) | frozenset(response["_include"]))


def resumed(
    context: Context, response_id: str, include: Includes, starting_after: str | None = None, **_: Any
) -> tuple[Object, list[Object]]:
    """The response and the rows of its events after that number; 400 for one that was not made so."""
    response = require_response(context, response_id)
    if not response["_recorded"]:
        raise ApiError(RESUMED_ONLY)
    after = -1 if starting_after is None else _number(starting_after)
    rows = context.store.of(events.EVENTS, "_response_id", response_id)
    return response, [row for row in rows if row["data"]["sequence_number"] > after]


def delete(context: Context, response_id: str) -> Object:
    """Delete it with its items, but for those that a conversation holds; chains cannot go on from it."""
    response = require_response(context, response_id)
    rows = context.store.of(TABLE, "_response_id", response_id)
    drops = [(TABLE, item["id"]) for item in rows if item.get("_conversation_id") is None]
    drops += events.drops_of(context.store.of(events.EVENTS, "_response_id", response_id))
    answer = views.deleted(response["id"], "response.deleted")
    event = Event(events.DELETED, answer, drops=(*drops, ("responses", response_id)), topic=response_id)
    context.commit(event)
    return answer


def cancel(context: Context, response_id: str, body: dict[str, Any]) -> Object:
    """Only what is in the background can be cancelled; what has ended stays as it is."""
    response = require_response(context, response_id)
    if not response["background"]:
        raise InvalidParameter("Cannot cancel a synchronous response.")
    if response["status"] in ACTIVE:
        for event in ResponseWriter(context, response_id, lambda: False).cancel():
            context.commit(event)
    return outcome(context, response)


def input_items(context: Context, response_id: str, query: ListQuery, include: Includes) -> Page:
    """The whole context that the response was given, also what its chain has before it."""
    response = require_response(context, response_id)
    found = history.context_items(context, response)
    ordered = found[::-1] if query.descending else found
    ids = [item["id"] for item in ordered]
    if query.after is not None and query.after not in ids:
        raise NotFound(f"Item with id '{query.after}' not found.")
    rest = ordered if query.after is None else ordered[ids.index(query.after) + 1 :]
    return Page([items.view(item, include) for item in rest[: query.limit]], len(rest) > query.limit)


def count_input_tokens(context: Context, body: dict[str, Any]) -> Object:
    place = find_place(context, {"input": [], **body}) if _has_input(body) else Place(None, None, [])
    made = [new_item(item, lambda prefix: prefix) if "_call_id" not in item else item for item in place.items]
    counted = tokens_of(body, [tools.echoed(tool) for tool in body.get("tools") or []], made)
    return {"object": "response.input_tokens", "input_tokens": place.tokens + counted}


def require_response(context: Context, id: str) -> Object:
    """The response; 404 for one that was made without `store` too, unless it is a recent one in the background."""
    response = context.store.get("responses", id)
    if response is None or not _is_found(context, response):
        raise _not_found(id)
    return response


def _not_found(id: str) -> NotFound:
    return NotFound(f"Response with id '{id}' not found.")


def restored(
    context: Context,
    row: Object,
    conversation_id: str | None,
    own: list[Object],
    output: list[Object],
    digest: str | None,
    tokens_before: int,
) -> Object:
    """A response of a state file: its row, with defaults for missing fields and what its continuation needs."""
    body = {"model": row.get("model", "gpt-4o")}
    echoed = {**_echoed(context, body, row["id"], context.clock.now()), "status": "completed"}
    shown = {key: value for key, value in row.items() if key in RESPONSE.keys and key != "billing"}
    used = [item["container_id"] for item in output if item["type"] == "code_interpreter_call"]
    state = _state(context, body, Place(None, None, []), [])
    return {
        **echoed,
        **shown,
        **state,
        "output": output,
        "_conversation_id": conversation_id,
        "_input": [item["id"] for item in own],
        "_follows": row.get("follows"),
        "_skipped": row.get("skipped", 0),
        "_digest": digest,
        "_container_id": used[-1] if used else None,
        "_tokens": tokens_before + sum(of_item(item) for item in (*own, *output)),
        "_open_calls": items.open_calls(output),
    }


# Parts


def _new_response(context: Context, body: dict[str, Any], place: Place) -> tuple[Object, list[Object]]:
    """A response and its new input items, not yet stored."""
    now = context.clock.now()
    conversation_id = place.conversation["id"] if place.conversation is not None else None
    root = _root(context, place)
    id = context.ids.rooted(RESPONSE.prefix, root, now)
    volatile = {VOLATILE: True} if body.get("store") is False and conversation_id is None else {}
    new: list[Object] = []
    own: list[Object] = []
    for item in place.items:
        if "_call_id" not in item:  # a stored item has it, one that was given has not
            item = new_item(
                item,
                lambda prefix: context.ids.rooted(prefix, root, now),
                _response_id=id,
                _conversation_id=None,
            )
            item |= volatile
            new.append(item)
        own.append(item)
    response = {**_echoed(context, body, id, now), **_state(context, body, place, own), **volatile}
    if conversation_id is not None:
        response["conversation"] = {"id": conversation_id}
    if context.hold is not None:
        response["_stuck"] = context.hold.mark
    return response, new


def _require_room(context: Context, response: Object, new: list[Object]) -> None:
    """400 for an input over the model's context window; with `truncation: auto`, for one whose newest item is.

    A stream has begun by then, so that fails.
    """
    window = context_window(context, response["_request"]["model"])
    if window is None or response["_input_tokens"] <= window:
        return
    least = response["_fixed_tokens"] + sum(of_item(item) for item in new[-1:])
    if response["truncation"] == "disabled" or least > window:
        if not response["_request"].get("stream"):
            raise InvalidParameter(TOO_LONG, param="input", code=TOO_LONG_CODE)
        response["_stuck"] = {"code": TOO_LONG_CODE, "message": TOO_LONG}
    response["_input_tokens"] = window


def _root(context: Context, place: Place) -> str:
    if place.conversation is not None:
        return str(place.conversation["id"][-ROOT:])
    if place.previous is not None:
        return str(place.previous["id"][len(RESPONSE.prefix) :][:ROOT])
    return context.ids.root()


def _echoed(context: Context, body: dict[str, Any], id: str, now: int) -> Object:
    """The fields of a response that the request decides; the order of keys is that of RESPONSE.keys."""
    is_reasoning = is_reasoning_model(context, body["model"])
    text, is_background = body.get("text") or {}, body.get("background") is True
    return {
        "id": id,
        "object": "response",
        "created_at": now,
        "status": "queued" if is_background else "in_progress",
        "background": is_background,
        "completed_at": None,
        "error": None,
        "frequency_penalty": float(body.get("frequency_penalty") or 0),
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "model": SNAPSHOTS.get(body["model"], body["model"]),
        "moderation": None,
        "output": [],
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "presence_penalty": float(body.get("presence_penalty") or 0),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        **({"prompt_cache_options": body["prompt_cache_options"]} if body.get("prompt_cache_options") else {}),
        "prompt_cache_retention": body.get("prompt_cache_retention") or ("24h" if is_reasoning else "in_memory"),
        "reasoning": _reasoning(body.get("reasoning") or {}, is_reasoning),
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": _tier(body),
        "store": body.get("store") is not False,
        "temperature": _decimal(body, "temperature"),
        "text": {"format": _format(text.get("format")), "verbosity": text.get("verbosity") or "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tool_usage": NO_USAGE,
        "tools": [tools.echoed(tool) for tool in body.get("tools") or []],
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": _decimal(body, "top_p"),
        "truncation": body.get("truncation") or "disabled",
        "usage": None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _state(context: Context, body: dict[str, Any], place: Place, own: list[Object]) -> Object:
    """The fields that no answer shows: where the response stands, and what its continuation needs to know."""
    previous, conversation = place.previous, place.conversation
    running: str | None = previous["_digest"] if previous is not None else None
    follows, skipped = None, 0
    if conversation is None and previous is None:
        earlier, skipped, running = history.replayed(context, own)
        follows = earlier["id"] if earlier is not None else None
    elif running is not None:
        for item in own:
            running = history.digest(running, item)
    holder = conversation or previous
    echoed_tools = [tools.echoed(tool) for tool in body.get("tools") or []]
    include = body.get("include") or []
    options = body.get("stream_options") or {}
    fixed, tokens = tokens_of(body, echoed_tools, []), place.tokens + sum(of_item(item) for item in own)
    return {
        "_conversation_id": conversation["id"] if conversation is not None else None,
        "_input": [item["id"] for item in own],
        "_follows": follows,
        "_skipped": skipped,
        "_context_digest": running,
        "_digest": None,
        "_container_id": holder.get("_container_id") if holder is not None else None,
        "_tokens": tokens,
        "_input_tokens": fixed + tokens,
        "_fixed_tokens": fixed,
        "_open_calls": [],
        "_include": include,
        "_obfuscates": options.get("include_obfuscation") is not False,
        "_recorded": body.get("background") is True and body.get("stream") is True,
        "_request": {key: value for key, value in body.items() if key != "input" or isinstance(value, str)},
    }


def _commit(
    context: Context, response: Object, name: str, number: int, shown: Object, puts: Iterable[tuple[str, Object]] = ()
) -> None:
    event = events.event(response["id"], name, number, {"response": shown}, puts)
    context.commit(events.recorded(event, response) if response["_recorded"] else event)


def _reasoning(given: Object, is_reasoning: bool) -> Object:
    summary = given.get("summary") or given.get("generate_summary")
    if is_reasoning:
        effort, mode = given.get("effort") or "medium", given.get("mode") or "standard"
        return {"context": given.get("context") or "current_turn", "effort": effort, "mode": mode, "summary": summary}
    mode = {"mode": given["mode"]} if given.get("mode") else {}
    return {"context": given.get("context"), "effort": given.get("effort"), **mode, "summary": summary}


def _format(given: Object | None) -> Object:
    if given is None or given["type"] != "json_schema":
        return dict(given or {"type": "text"})
    return {
        "type": "json_schema",
        "description": given.get("description"),
        "name": given["name"],
        "schema": given["schema"],
        "strict": given.get("strict") is not False,
    }


def _tier(body: dict[str, Any]) -> str:
    """The tier that the answer names: `auto` becomes `default` when the response is completed."""
    return str(body.get("service_tier") or "auto")


def _decimal(body: dict[str, Any], name: str) -> float:
    return float(1 if body.get(name) is None else body[name])


def _is_done(item: Object) -> bool:
    return item.get("status") != "in_progress"


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise InvalidParameter(
            f"Invalid type for 'starting_after': expected an integer, but got {text!r} instead.",
            param="starting_after",
            code="invalid_type",
        )
    return int(text)


def _is_found(context: Context, response: Object) -> bool:
    if response["store"]:
        return True
    return bool(response["background"] and context.clock.now() < response["created_at"] + UNSTORED_SECONDS)


def _has_input(body: dict[str, Any]) -> bool:
    return any(body.get(name) for name in ("input", "previous_response_id", "conversation"))


PATH = "/responses/{response_id}"
_WIRE: dict[str, Any] = {**RESPONSES_WIRE, "escapes": True}
_FILTERS = ("stream", "starting_after", "include_obfuscation")
ROUTES = (
    Route("POST", "/responses", create, views.as_is, CreateResponse, streams=True, outcome=outcome, **_WIRE),
    Route("POST", "/responses/input_tokens", count_input_tokens, views.as_is, CountInputTokens, **_WIRE),
    Route("GET", PATH, retrieve, views.as_is, includes=True, filters=_FILTERS, resumes=resumed, **_WIRE),
    Route("DELETE", PATH, delete, views.as_is, **_WIRE),
    Route("POST", f"{PATH}/cancel", cancel, views.as_is, NoBody, **_WIRE),
    Route("GET", f"{PATH}/input_items", input_items, views.as_is, lists=True, includes=True, **_WIRE),
)
