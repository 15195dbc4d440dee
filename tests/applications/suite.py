"""One suite over all desks. They are imported before any test runs, as an application is."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from assistants_emulator import FunctionCall, ProjectHandle, Text, Turn

NAMES = (
    *("module_level", "cached", "module_api", "azure", "own_key", "hard_coded_ids", "sleeps", "dotenv_override"),
    *("threads_pool", "asynchronous"),
)
DESKS = {name: importlib.import_module(f"desks.{name}") for name in NAMES}


@pytest.fixture(params=NAMES)
def desk(request: pytest.FixtureRequest) -> Any:
    return DESKS[request.param]


def test_a_question_is_answered(desk: Any, assistants_emulator: ProjectHandle) -> None:
    assistants_emulator.respond("Hello.")
    assert desk.ask("Hi") == "Hello."


@pytest.mark.parametrize(("order", "status"), [("1001", "shipped"), ("1002", "in preparation")])
def test_an_order_is_looked_up(desk: Any, assistants_emulator: ProjectHandle, order: str, status: str) -> None:
    @assistants_emulator.respond(when=r"order (?P<order>\d+)")
    def look_up(turn: Turn) -> Any:
        (output,) = yield FunctionCall("get_order_status", {"order": turn.match["order"]})
        yield Text(f"Order {turn.match['order']} is {output}.")

    assert desk.ask(f"Where is order {order}?") == f"Order {order} is {status}."
    assert f'get_order_status({{"order":"{order}"}}) -> {status}' in assistants_emulator.transcript(
        _thread(assistants_emulator)
    )


def _thread(project: ProjectHandle) -> str:
    (thread,) = project.state()["threads"]
    return str(thread["id"])
