"""Estimates of tokens, and the context windows that they have to fit.

A text counts a quarter of its UTF-8 bytes, rounded up. The real tokenizers are not emulated; the same text always has
the same estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import orjson

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import output_text, text_of
from assistants_emulator.store import Object

PER_MESSAGE = 4
PER_IMAGE = 85  # what the API counted for an image in low detail
WINDOWS = {
    "gpt-4.1": 1_047_576,
    "gpt-5": 400_000,
    "gpt-5-chat": 128_000,
    "gpt-5.1": 400_000,
    "gpt-5.1-chat": 128_000,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o3": 200_000,
    "o4": 200_000,
    "gpt-4o": 128_000,
    "chatgpt-4o": 128_000,
    "gpt-4-turbo": 128_000,
    "gpt-4-0125": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-3.5-turbo": 16_385,
}
"""In tokens, with all models whose names go on behind a hyphen or colon; the longest name that fits counts."""


def of_text(text: str | None) -> int:
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4 if text else 0


def of_json(value: Any) -> int:
    return (len(orjson.dumps(value)) + 3) // 4 if value else 0


def of_item(item: Object) -> int:
    """The estimate for an item of a response or conversation."""
    match item["type"]:
        case "message":
            images = sum(part["type"] in ("input_image", "input_file") for part in item["content"])
            return PER_MESSAGE + of_text(text_of(item)) + PER_IMAGE * images
        case "function_call":
            return of_text(item["name"] + item["arguments"])
        case "function_call_output":
            return of_text(output_text(item))
        case "code_interpreter_call":
            return of_text(item.get("code"))
    return 0


def context_window(context: Context, model: str) -> int | None:
    """The tokens that a model's input may have, by the settings or else by its name; None for an unknown model."""
    if context.config.context_window is not None:
        return context.config.context_window
    return _window(model.removeprefix("ft:"))


@lru_cache(maxsize=256)
def _window(name: str) -> int | None:
    while name and name not in WINDOWS:
        name = name[: max(name.rfind("-"), name.rfind(":"), 0)]
    return WINDOWS.get(name)


def newest_that_fit(newest_first: Iterable[Object], size: Callable[[Object], int], room: int) -> list[Object]:
    """The newest object and those before it, until one does not fit into `room` tokens; oldest first."""
    fitting: list[Object] = []
    for each in newest_first:
        room -= size(each)
        if room < 0 and fitting:
            break
        fitting.append(each)
    return fitting[::-1]
