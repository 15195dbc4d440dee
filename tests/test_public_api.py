"""The names that users import: what they say before the server runs, to a misspelt option, in `help()` and to mypy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from assistants_emulator import Emulator
from assistants_emulator.errors import StoppedError

CALLS: dict[str, Callable[[Emulator], object]] = {
    "base_url": lambda emulator: emulator.base_url,
    "inspector_url": lambda emulator: emulator.inspector_url,
    "clock": lambda emulator: emulator.clock.now(),
    "faults": lambda emulator: emulator.faults.add("POST /threads", status=500),
    "requests": lambda emulator: emulator.requests,
    "failures": lambda emulator: emulator.failures,
    "unmatched": lambda emulator: emulator.unmatched,
    "leftovers": lambda emulator: emulator.leftovers(),
    "configure": lambda emulator: emulator.configure(seed="1"),
    "in_process": lambda emulator: emulator.in_process,
    "client": lambda emulator: emulator.client(),
    "async_client": lambda emulator: emulator.async_client(),
    "respond": lambda emulator: emulator.respond("Hi."),
    "load_script": lambda emulator: emulator.load_script({"version": 1, "replies": []}),
    "state": lambda emulator: emulator.state(),
    "load_state": lambda emulator: emulator.load_state({}),
    "resume": lambda emulator: emulator.resume("run_1"),
    "transcript": lambda emulator: emulator.transcript("thread_1"),
    "transcripts": lambda emulator: emulator.transcripts(1),
    "reset": lambda emulator: emulator.reset(),
    "project": lambda emulator: emulator.project("other"),
    "projects": lambda emulator: emulator.projects(),
    "open_project": lambda emulator: emulator.open_project("other"),
    "close_project": lambda emulator: emulator.close_project("other"),
}
NEED_NO_SERVER = {"api_key", "config", "name", "repaired", "start", "stop"}


@pytest.mark.parametrize("name", CALLS)
def test_an_emulator_that_was_not_started_says_how_to_start_it(name: str) -> None:
    with pytest.raises(StoppedError, match=r"not running; use it in a `with` block, or call start\(\)"):
        CALLS[name](Emulator())


def test_every_public_member_of_an_emulator_says_so() -> None:
    members = {name for name in (*dir(Emulator), *vars(Emulator())) if not name.startswith("_")}
    assert members == {*CALLS, *NEED_NO_SERVER}


def test_a_stopped_emulator_says_the_same_and_can_be_started_again() -> None:
    with Emulator() as emulator:
        other = emulator.project("other")
    for handle in (emulator, other):
        with pytest.raises(StoppedError):
            handle.client()
    with emulator:
        assert list(other.requests) == list(emulator.requests) == []
