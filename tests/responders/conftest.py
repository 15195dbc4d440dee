from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest


@dataclass
class FakeTurn:
    """A turn without a project behind it."""

    said: str | None = "Hello"
    run: dict[str, Any] = field(default_factory=lambda: {"model": "gpt-4o", "metadata": {"team": "north", "n": "1"}})
    assistant: dict[str, Any] = field(default_factory=lambda: {"id": "asst_1", "name": "Math Tutor"})
    thread: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)
    instructions: str | None = "Be kind."
    tools: list[Any] = field(default_factory=list)
    match: re.Match[str] | None = None
    outputs: list[str] = field(default_factory=list)
    api: str = "assistants"

    @property
    def last_message(self) -> SimpleNamespace | None:
        return None if self.said is None else SimpleNamespace(text=self.said)


@pytest.fixture
def turn() -> Callable[..., FakeTurn]:
    return FakeTurn
