"""Responses as the API shows them, and the estimates of their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assistants_emulator.object_kinds import RESPONSE
from assistants_emulator.resources import items
from assistants_emulator.resources.items import output_text, text_of
from assistants_emulator.store import Object
from assistants_emulator.turns.measures import of_json, of_text

TOKENS_PER_MESSAGE = 4
TOKENS_PER_IMAGE = 85


def view(response: Object, include: Iterable[str], streamed: bool = False) -> Object:
    """The response as the API shows it. A stream shows no `billing`, and no tier before the end."""
    shown = {**response, "output": [items.view(item, frozenset(include)) for item in response["output"]]}
    shown |= {} if streamed or response["status"] == "queued" else {"billing": {"payer": "developer"}}
    if response["service_tier"] == "auto" and not (streamed and response["status"] in ("queued", "in_progress")):
        shown["service_tier"] = "auto" if response["status"] in ("queued", "cancelled") else "default"
    return {key: shown[key] for key in RESPONSE.keys if key in shown}


def tokens_of(body: Mapping[str, Any], echoed_tools: list[Object], own: Iterable[Object]) -> int:
    """The estimate for instructions, tools and items."""
    counted = of_text(body.get("instructions")) + of_json(echoed_tools)
    return counted + sum(item_tokens(item) for item in own)


def item_tokens(item: Object) -> int:
    match item["type"]:
        case "message":
            images = sum(part["type"] in ("input_image", "input_file") for part in item["content"])
            return TOKENS_PER_MESSAGE + of_text(text_of(item)) + TOKENS_PER_IMAGE * images
        case "function_call":
            return of_text(item["name"] + item["arguments"])
        case "function_call_output":
            return of_text(output_text(item))
        case "code_interpreter_call":
            return of_text(item.get("code"))
    return 0
