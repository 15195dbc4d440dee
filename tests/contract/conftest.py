"""`refusal(model, body)`: message, param and code of the error that the contract answers."""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import Refusal

from assistants_emulator import contract
from assistants_emulator.errors import InvalidParameter


@pytest.fixture
def refusal() -> Refusal:
    def refused(model: Any, body: object) -> tuple[str, str | None, str | None]:
        with pytest.raises(InvalidParameter) as caught:
            contract.check(model, body)
        return caught.value.message, caught.value.param, caught.value.code

    return refused
