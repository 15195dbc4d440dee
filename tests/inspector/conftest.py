"""The inspector of an emulator per test, requested as a browser does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual") as running:
        yield running


@pytest.fixture
def browser(emulator: Emulator) -> Iterator[httpx2.Client]:
    """Posts from the inspector's own origin; addresses begin at the pages of the default project."""
    base_url = f"{emulator.inspector_url}projects/default/"
    with httpx2.Client(base_url=base_url, headers={"Sec-Fetch-Site": "same-origin"}) as client:
        yield client


@pytest.fixture
def ask(emulator: Emulator) -> Callable[..., Any]:
    """`ask(text, **options)`: a thread with this message and a run of it, settled; options are the assistant's."""

    def ask(text: str, **options: Any) -> Any:
        beta = emulator.client().beta
        assistant = beta.assistants.create(**{"model": "gpt-4o", "name": "Tutor", **options})
        thread = beta.threads.create(messages=[{"role": "user", "content": text}])
        return beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)

    return ask
