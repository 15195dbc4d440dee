"""An emulator per test as the upstream server, reached through recorders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recording_helpers import teach

from assistants_emulator import Emulator


@pytest.fixture
def upstream() -> Iterator[Emulator]:
    with Emulator(clock="manual") as emulator:
        teach(emulator)
        yield emulator


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return tmp_path / "session.json"
