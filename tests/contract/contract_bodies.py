"""Bodies that fit, for tests that change one thing in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Refusal = Callable[[Any, object], tuple[str, str | None, str | None]]

ASSISTANT: dict[str, Any] = {"model": "gpt-4o"}
MESSAGE: dict[str, Any] = {"role": "user", "content": "Hi"}
RUN: dict[str, Any] = {"assistant_id": "asst_1"}


def function(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", **fields}}


def chunking(size: Any, overlap: Any) -> dict[str, Any]:
    return {
        "chunking_strategy": {
            "type": "static",
            "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap},
        }
    }
