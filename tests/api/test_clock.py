"""The project's clock: timestamps, the length of a Wait, expiry of runs."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, FunctionCall, Pause, ProjectHandle, Text, Wait
from assistants_emulator.clock import LAST_INSTANT, MANUAL_START, MOST_TIMER_SECONDS, SystemClock
from assistants_emulator.errors import EmulatorError


def test_a_manual_clock_stands_still(project: ProjectHandle, client: openai.OpenAI) -> None:
    assert {client.beta.threads.create().created_at for _ in range(3)} == {project.clock.now()} == {MANUAL_START}


def test_an_advanced_clock_dates_what_is_made_then(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.clock.advance(60)
    assert client.beta.threads.create().created_at == MANUAL_START + 60


def test_a_clock_can_be_set(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.clock.set(2_000_000_000)
    assert client.beta.threads.create().created_at == 2_000_000_000


NAMES = ("1e20", "1e308", "inf", "nan", "-1e20")
BEYOND_THE_CALENDAR = {**{name: float(name) for name in NAMES}, "10**400": 10**400, "10**5000": 10**5000}


@pytest.mark.parametrize("name", BEYOND_THE_CALENDAR)
@pytest.mark.parametrize("move", ["advance", "set"])
def test_a_clock_stays_within_the_calendar(project: ProjectHandle, client: openai.OpenAI, move: str, name: str) -> None:
    with pytest.raises(EmulatorError, match="9999"):
        getattr(project.clock, move)(BEYOND_THE_CALENDAR[name])
    assert client.beta.threads.create().created_at == MANUAL_START


@pytest.mark.parametrize("seconds", ["1e20", "1e308", "1e999", "NaN", "Infinity", "-1e20", "1" + "0" * 400])
@pytest.mark.parametrize("move", ["advance", "set"])
def test_the_control_api_keeps_a_clock_within_the_calendar(
    project: ProjectHandle, client: openai.OpenAI, move: str, seconds: str
) -> None:
    url = project.base_url.replace("/v1", "/_emulator/clock")
    headers = {"Authorization": f"Bearer {project.api_key}"}
    answer = httpx2.post(url, content=f'{{"{move}": {seconds}}}', headers=headers)
    assert answer.status_code == 400
    assert client.beta.threads.create().created_at == MANUAL_START


@pytest.mark.parametrize("name", BEYOND_THE_CALENDAR)
def test_a_wait_beyond_the_calendar_fails_its_run(project: ProjectHandle, ask: Any, settled: Any, name: str) -> None:
    project.respond(lambda turn: Wait(BEYOND_THE_CALENDAR[name]))
    run = settled(ask())
    assert run.last_error.message.startswith("Wait.seconds must be a number of seconds, 0 to 253402300799, not")


@pytest.mark.parametrize("api", ["runs", "responses"])
@pytest.mark.parametrize("clock", ["manual", "system"])
def test_a_wait_that_ends_beyond_the_calendar_fails_its_turn(
    project: ProjectHandle, client: openai.OpenAI, clock: str, api: str
) -> None:
    project.configure(clock=clock, autojump=True)
    project.respond([Wait(LAST_INSTANT), Text("done")])
    if api == "runs":
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="x")
        text = str(client.beta.threads.create_and_run_poll(assistant_id=assistant.id).last_error)
    else:
        text = str(client.responses.create(model="gpt-4o", input="Hi").error)
    assert "Wait.seconds must end by the year 9999, and 253402300799 of them end later" in text
    assert client.beta.threads.create().created_at < 2**32


def test_a_wait_ends_when_its_time_has_come(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond([Wait(5), Text("done")])
    run = ask()
    project.clock.advance(4)
    assert settled(run).status == "in_progress"
    project.clock.advance(1)
    assert (settled(run).status, settled(run).completed_at) == ("completed", MANUAL_START + 5)


def test_a_run_that_waits_is_finished_at_its_own_instant(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond([Wait(5), Text("one"), Wait(5), Text("two")])
    run = ask()
    project.clock.advance(100)
    assert (settled(run).started_at, settled(run).completed_at) == (MANUAL_START, MANUAL_START + 10)


def test_advancing_settles_a_new_run_at_the_old_instant(project: ProjectHandle, ask: Any, settled: Any) -> None:
    run = ask()
    project.clock.advance(60)
    assert settled(run).completed_at == MANUAL_START


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Pause(), "in_progress"), (FunctionCall("f"), "requires_action"), (Wait(700), "in_progress")],
    ids=["Pause", "a function call", "Wait"],
)
def test_an_active_run_expires_after_600_seconds(
    project: ProjectHandle, ask: Any, settled: Any, reply: object, status: str
) -> None:
    project.respond(reply)
    run = ask()
    project.clock.advance(599)
    assert settled(run).status == status
    project.clock.advance(1)
    assert (settled(run).status, settled(run).expires_at, settled(run).required_action) == ("expired", None, None)


def test_an_expired_run_frees_its_thread(project: ProjectHandle, client: openai.OpenAI, ask: Any) -> None:
    project.respond(FunctionCall("f"))
    run = ask()
    project.clock.advance(600)
    assert client.beta.threads.messages.create(run.thread_id, role="user", content="Hi").role == "user"


def test_an_expired_function_step_is_expired(project: ProjectHandle, client: openai.OpenAI, ask: Any) -> None:
    project.respond(FunctionCall("f"))
    run = ask()
    project.clock.advance(600)
    (step,) = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id)
    shown = step.to_dict()
    assert (shown["status"], shown["completed_at"], shown["expires_at"]) == ("expired", None, None)


def test_outputs_after_the_expiry_are_refused(project: ProjectHandle, ask: Any, refused: Any) -> None:
    project.respond(FunctionCall("f", id="call_1"))
    run = ask()
    project.clock.advance(600)
    path = f"/threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    status, error = refused("POST", path, json={"tool_outputs": [{"tool_call_id": "call_1", "output": "1"}]})
    assert (status, error["message"]) == (400, 'Runs in status "expired" do not accept tool outputs.')


def test_submitting_outputs_does_not_move_the_expiry(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any
) -> None:
    project.respond([FunctionCall("f", id="call_1"), Pause()])
    run = settled(ask())
    project.clock.advance(500)
    outputs: Any = [{"tool_call_id": "call_1", "output": "1"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
    assert settled(run).expires_at == MANUAL_START + 600
    project.clock.advance(100)
    assert settled(run).status == "expired"


def test_a_system_clock_tells_the_time_and_can_be_moved() -> None:
    with Emulator() as emulator, emulator.client() as client:
        before = client.beta.threads.create().created_at
        emulator.clock.advance(3600)
        assert before > MANUAL_START
        assert client.beta.threads.create().created_at >= before + 3600


def test_a_wait_on_a_system_clock_ends_when_the_clock_is_moved() -> None:
    with Emulator() as emulator, emulator.client() as client:
        emulator.respond([Wait(300), Text("done")])
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="x")
        run = client.beta.threads.create_and_run(assistant_id=assistant.id)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "in_progress"
        emulator.clock.advance(300)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "completed"


class SleepingLoop:
    """`call_later` of an event loop whose clock stands still while the machine sleeps: no timer fires by itself."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def __call__(self, seconds: float, callback: Any) -> Any:
        self.delays.append(seconds)
        return self

    def cancel(self) -> None: ...


def test_a_timer_looks_at_the_machine_s_clock_every_minute() -> None:
    clock = SystemClock(loop := SleepingLoop())
    clock.call_at(clock.time() + 5000, lambda: None)
    assert loop.delays == [MOST_TIMER_SECONDS]


def test_a_request_after_a_sleep_finds_expired_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(responder=Pause()) as emulator, emulator.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="Help.")
        run = client.beta.threads.create_and_run(assistant_id=assistant.id)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "in_progress"
        slept = SystemClock(SleepingLoop()).time() + 700
        monkeypatch.setattr("assistants_emulator.clock.time.time", lambda: slept)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "expired"
