"""What the control API refuses, in the API's envelope and without a trace in the project."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.errors import EmulatorError
from assistants_emulator.project.project import Project

State = dict[str, Any]


def refusal(answer: httpx2.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    message: str = error["message"]
    return message


@pytest.mark.parametrize("when", [1e20, -1, 253402300800, 1e308])
def test_a_clock_is_not_set_to_what_no_date_can_be(emulator: Emulator, control: httpx2.Client, when: float) -> None:
    assert "the year 9999" in refusal(control.post("clock", json={"set": when}))
    assert emulator.client().beta.threads.create().created_at == 1735689600


def test_a_clock_is_not_advanced_beyond_all_dates(control: httpx2.Client) -> None:
    assert "the year 9999" in refusal(control.post("clock", json={"advance": 1e18}))
    assert control.get("clock").json()["now"] == 1735689600


@pytest.mark.parametrize("when", [1e20, float("nan"), float("inf")])
def test_a_handles_clock_is_not_either(emulator: Emulator, when: float) -> None:
    with pytest.raises(EmulatorError, match="the year 9999"):
        emulator.clock.set(when)


@pytest.mark.parametrize(
    "fault",
    [
        {"route": 5},
        {"route": None},
        {},
        {"route": "POST /threads", "status": "500"},
        {"route": "POST /threads", "times": 1.5},
        {"route": "POST /threads", "delay": "1"},
        {"route": "POST /threads", "probability": True},
        {"route": "POST /threads", "message": ["x"]},
        {"route": "POST /threads", "drop_after": {}},
        {"route": "POST /threads", "stuck": "yes"},
        {"route": "POST /threads", "unknown": 1},
    ],
)
def test_a_fault_of_wrong_types_is_refused(control: httpx2.Client, fault: dict[str, object]) -> None:
    assert refusal(control.post("faults", json=fault)).startswith("a fault")
    assert control.get("faults").json() == {"data": []}


@pytest.fixture
def state(emulator: Emulator, control: httpx2.Client) -> State:
    """A project with an object of most kinds."""
    client = emulator.client()
    file = client.files.create(file=("a.txt", b"text"), purpose="assistants")
    client.vector_stores.create(file_ids=[file.id])
    assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
    client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread={"messages": [_message(file.id)]})
    state: State = control.get("state").json()
    return state


def _message(file_id: str) -> Any:
    attachment = {"file_id": file_id, "tools": [{"type": "code_interpreter"}]}
    return {"role": "user", "content": "Hello", "attachments": [attachment]}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: state["assistants"][0].update(tools=[{"type": 5}]),
        lambda state: state["assistants"][0].update(tools=[{}]),
        lambda state: state["assistants"][0].update(tool_resources={"code_interpreter": {"file_ids": "x"}}),
        lambda state: state["assistants"][0].update(metadata={"a": 1}),
        lambda state: state["messages"][0].update(attachments=[{"tools": []}]),
        lambda state: state["messages"][0]["content"][0]["text"].update(annotations="x"),
        lambda state: state["messages"][0]["content"][0]["text"].update(annotations=[{"type": "x"}]),
        lambda state: state["runs"][0].update(usage={"prompt_tokens": None}),
        lambda state: state["runs"][0].update(tool_choice={}),
        lambda state: state["runs"][0].update(last_error={"code": 5}),
        lambda state: state["runs"][0].update(required_action={"type": "submit_tool_outputs"}),
        lambda state: state["steps"][0].update(step_details={"type": None}),
        lambda state: state["steps"][0].update(step_details={"type": "tool_calls", "tool_calls": [{"id": 5}]}),
        lambda state: state["steps"][0].update(step_details={"type": "message_creation", "message_creation": 1.5}),
        lambda state: state["vector_stores"][0].update(file_counts={"total": None}),
        lambda state: state["vector_store_files"][0].update(chunking_strategy={"type": 1e20}),
    ],
)
def test_a_state_that_could_not_be_shown_is_refused(
    control: httpx2.Client, state: State, spoil: Callable[[State], object]
) -> None:
    before = control.get("state").json()
    spoil(state)
    assert refusal(control.put("state", json=state)).startswith("state: ")
    assert control.get("state").json() == before


def test_a_state_of_any_size_and_depth_can_be_put_back(emulator: Emulator, control: httpx2.Client) -> None:
    deep: dict[str, Any] = {}
    for _ in range(110):
        deep = {"a": deep}
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": deep}}}
    emulator.client().beta.assistants.create(model="gpt-4o", tools=[tool])
    emulator.client().files.create(file=("a.bin", b"\x00" * 9_000_000), purpose="user_data")
    state = control.get("state")
    assert len(state.content) > 12_000_000
    assert control.put("state", content=state.content).json() == state.json()


def test_an_exception_is_a_logged_500_in_the_envelope(
    control: httpx2.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(project: Project, seed: object = None, **options: object) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(Project, "reset", fail)
    with caplog.at_level(logging.ERROR, "assistants_emulator"):
        assert "the emulator's log" in refusal(control.post("reset"), 500)
    assert "not foreseen" in caplog.text


def test_an_exception_outside_of_all_handlers_is_one_too(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr("assistants_emulator.web.trusted_hosts.Caller.of", fail)
    with caplog.at_level(logging.ERROR, "assistants_emulator"):
        assert "the emulator's log" in refusal(httpx2.get(f"{emulator.base_url}/models"), 500)
    assert "not foreseen" in caplog.text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("POST /threads 1: expierd", "did you mean 'expired'?"),
        ("POST /thread 1: expired", "did you mean 'POST /threads'?"),
        ("expired", "a variant is named like"),
        (None, "Invalid type for 'name': expected a string"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(control: httpx2.Client, name: str | None, told: str) -> None:
    assert told in refusal(control.post("variant", json={"name": name}))
    assert control.get("variant").json() == {"name": None, "met": False}
