"""`refusal(model, body)`: message, param and code of the error that the contract answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator import contract
from emulator.errors import InvalidParameter

Refusal = Callable[[Any, object], tuple[str, str | None, str | None]]


@pytest.fixture
def refusal() -> Refusal:
    def refused(model: Any, body: object) -> tuple[str, str | None, str | None]:
        with pytest.raises(InvalidParameter) as caught:
            contract.check(model, body)
        return caught.value.message, caught.value.param, caught.value.code

    return refused
