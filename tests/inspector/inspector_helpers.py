"""Helpers of several inspector tests."""

from collections.abc import Callable
from typing import Any

Ask = Callable[..., Any]


def page_of(run: Any) -> str:
    return f"threads/{run.thread_id}/runs/{run.id}"
