"""Responses as the API shows them, and the estimates of their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assistants_emulator.object_kinds import RESPONSE
from assistants_emulator.resources import items
from assistants_emulator.resources.token_estimates import of_item, of_json, of_text
from assistants_emulator.store import Object


def view(response: Object, include: Iterable[str], streamed: bool = False) -> Object:
    """The response as the API shows it, a dict of its own. A stream shows no `billing`, and no tier before the end."""
    shown = {**response, "output": [items.view(item, frozenset(include)) for item in response["output"]]}
    shown |= {} if streamed or response["status"] == "queued" else {"billing": {"payer": "developer"}}
    if response["service_tier"] == "auto" and not (streamed and response["status"] in ("queued", "in_progress")):
        shown["service_tier"] = "auto" if response["status"] in ("queued", "cancelled") else "default"
    return {key: shown[key] for key in RESPONSE.keys if key in shown}


def tokens_of(body: Mapping[str, Any], echoed_tools: list[Object], own: Iterable[Object]) -> int:
    """The estimate for instructions, tools and items."""
    counted = of_text(body.get("instructions")) + of_json(echoed_tools)
    return counted + sum(of_item(item) for item in own)
