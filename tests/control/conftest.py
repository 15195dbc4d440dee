"""The control API of an emulator of its own for each test, and the SDK beside it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from assistants_emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual", strict_tools=False) as running:
        yield running


@pytest.fixture
def control(emulator: Emulator) -> Iterator[httpx2.Client]:
    base_url = emulator.base_url.replace("/v1", "/_emulator")
    with httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {emulator.api_key}"}) as client:
        yield client
