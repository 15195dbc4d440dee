"""Token counts by a stated rule: a quarter of a text's UTF-8 bytes, rounded up, and 4 more for every message.

The real tokenizers are not emulated; these numbers are estimates that are always the same for the same text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

PER_MESSAGE = 4
PER_IMAGE = 85  # what the API counted for an image in low detail


def of_text(text: str | None) -> int:
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4 if text else 0


def of_json(value: Any) -> int:
    return (len(orjson.dumps(value)) + 3) // 4 if value else 0


def of_message(message: dict[str, Any]) -> int:
    return PER_MESSAGE + sum(_of_part(part) for part in message["content"])


def of_messages(messages: Iterable[dict[str, Any]]) -> int:
    """A message that is still being written counts nothing yet."""
    return sum(of_message(message) for message in messages if message["status"] != "in_progress")


def usage(prompt: int, completion: int) -> dict[str, Any]:
    """The usage object of a step or a run, keys in wire order (dotnet StreamingToolCall)."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def total(usages: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    given = [used for used in usages if used]
    return usage(sum(used["prompt_tokens"] for used in given), sum(used["completion_tokens"] for used in given))


def _of_part(part: dict[str, Any]) -> int:
    if part["type"] == "text":
        return of_text(part["text"]["value"])
    return of_text(part.get("refusal")) if part["type"] == "refusal" else PER_IMAGE
