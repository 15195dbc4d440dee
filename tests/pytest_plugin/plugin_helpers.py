"""Helpers that inner sessions and these tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.beta.threads import Run

RunTests = Callable[..., pytest.RunResult]


def ask(client: OpenAI, text: str = "Hello") -> Run:
    assistant = client.beta.assistants.create(model="gpt-4o", name="Tutor")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": text}])
    return client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
