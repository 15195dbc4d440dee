"""A run whose work is done ends with the first request that names it: docs/reference/behaviour.md#run-states."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import openai
import pytest

from assistants_emulator import (
    CodeInterpreter,
    Emulator,
    Expire,
    Fail,
    FunctionCall,
    Incomplete,
    ProjectHandle,
    Text,
    Wait,
)
from assistants_emulator.project.project import Project

STATE_ERROR = {"type": "invalid_request_error", "param": None, "code": None}
ENDS = {"completed": Text("Done."), "failed": Fail(), "incomplete": Incomplete(), "expired": Expire()}
V1 = {"OpenAI-Beta": "assistants=v1"}


async def work_done(project: Project) -> None:
    """Wait until no run is at work, naming none."""
    while not project.scheduler.is_settled:
        await asyncio.sleep(0)


@pytest.fixture
def at_work(project: ProjectHandle) -> Callable[[], None]:
    """Returns once all runs have done their work, without a request."""
    return lambda: project._server.loop.wait(work_done(project._server.loop.call(project._project)))


def cancel_path(run: Any) -> str:
    return f"/threads/{run.thread_id}/runs/{run.id}/cancel"


@pytest.mark.parametrize("reply", ENDS.values(), ids=ENDS)
def test_a_cancel_that_is_the_first_request_wins(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any, reply: object
) -> None:
    project.respond(reply)
    run = ask()
    assert client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id).status == "cancelling"
    assert (settled(run).status, settled(run).completed_at, settled(run).failed_at) == ("cancelled", None, None)


def test_a_run_without_a_rule_can_be_cancelled_first(project: ProjectHandle, ask: Any, wire: httpx2.Client) -> None:
    project.respond("Never.", when="another question")
    assert wire.post(cancel_path(ask())).json()["status"] == "cancelling"
    project.unmatched.clear()


def test_messages_that_were_written_stay_when_the_cancel_wins(
    project: ProjectHandle, ask: Any, settled: Any, texts: Any, wire: httpx2.Client
) -> None:
    project.respond([CodeInterpreter("1 + 1", logs="2"), Text("Two.")])
    run = ask()
    wire.post(cancel_path(run))
    assert (settled(run).status, settled(run).usage.total_tokens > 0) == ("cancelled", True)
    assert texts(run.thread_id) == ["Hello", "Two."]


@pytest.mark.parametrize("headers", [{}, V1], ids=["v2", "v1"])
def test_a_cancel_wins_under_each_version(wire: httpx2.Client, ask: Any, headers: dict[str, str]) -> None:
    run = ask()
    assert wire.post(cancel_path(run), headers=headers).json()["status"] == "cancelling"


def test_a_cancel_wins_at_azures_addresses(project: ProjectHandle, ask: Any) -> None:
    endpoint, run = project.base_url.removesuffix("/v1"), ask()
    with openai.AzureOpenAI(
        azure_endpoint=endpoint, api_key=project.api_key, api_version="2024-05-01-preview"
    ) as azure:
        assert azure.beta.threads.runs.cancel(run.id, thread_id=run.thread_id).status == "cancelling"


def test_a_cancel_after_the_outputs_wins_too(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any, wire: httpx2.Client
) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("Done.")])
    run = settled(ask())
    outputs: Any = [{"tool_call_id": "call_1", "output": "1"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
    assert wire.post(cancel_path(run)).json()["status"] == "cancelling"


def test_the_thread_is_free_after_a_cancel_that_won(client: openai.OpenAI, ask: Any, wire: httpx2.Client) -> None:
    wire.post(cancel_path(ask()))
    assert ask("Again").status == "queued"


FIRST: dict[str, Callable[[Any, Any], object]] = {
    "the run": lambda client, run: client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id),
    "the list of runs": lambda client, run: client.beta.threads.runs.list(run.thread_id),
    "the steps": lambda client, run: client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id),
    "the messages": lambda client, run: client.beta.threads.messages.list(run.thread_id),
    "the thread": lambda client, run: client.beta.threads.retrieve(run.thread_id),
    "a change of the run": lambda client, run: client.beta.threads.runs.update(run.id, thread_id=run.thread_id),
}


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_a_cancel_after_any_other_request_finds_the_run_completed(
    client: openai.OpenAI, ask: Any, refused: Any, first: Callable[[Any, Any], object]
) -> None:
    run = ask()
    first(client, run)
    message = "Cannot cancel run with status 'completed'."
    assert refused("POST", cancel_path(run)) == (400, {**STATE_ERROR, "message": message})


def test_a_cancel_of_another_run_of_the_thread_ends_the_run(
    client: openai.OpenAI, ask: Any, settled: Any, refused: Any
) -> None:
    first, second = ask(), ask()
    assert refused("POST", cancel_path(first))[0] == 400
    assert refused("POST", cancel_path(second))[0] == 400


LOOKS: dict[str, Callable[[ProjectHandle, Any], object]] = {
    "state": lambda project, run: project.state(),
    "transcript": lambda project, run: project.transcript(run.thread_id),
    "transcripts": lambda project, run: project.transcripts(1),
    "leftovers": lambda project, run: project.leftovers(),
    "clock": lambda project, run: project.clock.advance(0),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_whoever_looks_at_the_project_ends_the_run(
    project: ProjectHandle, ask: Any, at_work: Any, refused: Any, look: Callable[[ProjectHandle, Any], object]
) -> None:
    run = ask()
    at_work()
    look(project, run)
    assert refused("POST", cancel_path(run))[0] == 400


def test_state_and_transcripts_show_the_end(project: ProjectHandle, ask: Any, at_work: Any) -> None:
    run = ask()
    at_work()
    assert [stored["status"] for stored in project.state()["runs"]] == ["completed"]
    assert project.transcripts(1)[run.thread_id].endswith("run completed\n")


@pytest.mark.parametrize(("method", "call"), [("GET", "state"), ("POST", "clock")])
def test_state_and_clock_of_the_control_api_end_the_run(
    project: ProjectHandle, ask: Any, at_work: Any, wire: httpx2.Client, method: str, call: str
) -> None:
    run = ask()
    at_work()
    root = project.base_url.removesuffix("/v1")
    wire.request(method, f"{root}/_emulator/{call}", json={"advance": 0} if method == "POST" else None)
    assert wire.post(cancel_path(run)).status_code == 400


def test_a_page_of_the_inspector_ends_the_run(
    project: ProjectHandle, ask: Any, at_work: Any, wire: httpx2.Client
) -> None:
    run = ask()
    at_work()
    root, name = project.base_url.removesuffix("/v1"), quote(project.name, safe="")
    assert wire.get(f"{root}/_emulator/projects/{name}/threads/{run.thread_id}").status_code == 200
    assert wire.post(cancel_path(run)).status_code == 400


def test_a_stream_shows_the_end_at_once(client: openai.OpenAI, ask: Any, refused: Any) -> None:
    events = list(ask(stream=True))
    assert (events[-1].event, events[-1].data.status) == ("thread.run.completed", "completed")
    assert refused("POST", cancel_path(events[-1].data))[0] == 400


def test_a_run_that_waited_is_cancelled_where_it_waits(
    project: ProjectHandle, ask: Any, settled: Any, texts: Any, wire: httpx2.Client
) -> None:
    project.respond([Text("So far."), Wait(60), Text("Never said.")])
    run = ask()
    assert wire.post(cancel_path(run)).json()["status"] == "cancelling"
    assert texts(run.thread_id) == ["Hello", "So far."]


def test_a_cancel_does_not_move_a_clock_that_jumps(emulator: Emulator) -> None:
    project = emulator.project("jumps")
    project.configure(clock="manual", autojump=True)
    project.respond([Wait(60), Text("Never said.")])
    with project.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="Help.")
        run = client.beta.threads.create_and_run(assistant_id=assistant.id)
        begun = project.clock.now()
        assert client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id).status == "cancelling"
        assert (project.clock.now(), client.beta.threads.messages.list(run.thread_id).data) == (begun, [])


def test_a_run_that_the_clock_expired_cannot_be_cancelled(
    project: ProjectHandle, ask: Any, settled: Any, refused: Any
) -> None:
    project.respond(FunctionCall("f"))
    run = settled(ask())
    project.clock.advance(600)
    message = "Cannot cancel run with status 'expired'."
    assert refused("POST", cancel_path(run)) == (400, {**STATE_ERROR, "message": message})


def test_a_run_is_the_same_whenever_it_is_ended(project: ProjectHandle, ask: Any, at_work: Any, settled: Any) -> None:
    run = ask()
    at_work()
    project.clock.advance(700)
    assert (settled(run).status, settled(run).completed_at) == ("completed", run.created_at)


def begin(client: openai.OpenAI) -> Any:
    assistant = client.beta.assistants.create(model="gpt-4o", instructions="Help.")
    return client.beta.threads.create_and_run(assistant_id=assistant.id)


def copied_after_work(emulator: Emulator, client: openai.OpenAI, source: Path, copy: Path) -> Any:
    """A run, and a copy of the directory as a kill would have left it once the run's work was done."""
    run = begin(client)
    emulator._server.loop.wait(work_done(emulator._server.loop.call(emulator._project)))
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".lock"))
    return run


def test_a_run_that_no_request_has_ended_is_completed_when_the_emulator_stops(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        run = begin(client)
        emulator._server.loop.wait(work_done(emulator._server.loop.call(emulator._project)))
    with Emulator(tmp_path) as emulator:
        assert [(stored["id"], stored["status"]) for stored in emulator.state()["runs"]] == [(run.id, "completed")]


@pytest.mark.parametrize("ending", ["completed", "cancelled"])
def test_after_a_kill_the_first_request_decides_how_a_run_ends(tmp_path: Path, ending: str) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    with Emulator(source, responder="Done.") as emulator, emulator.client() as client:
        run = copied_after_work(emulator, client, source, copy)
    with Emulator(copy) as emulator, emulator.client() as client:  # its responder is not needed any more
        if ending == "cancelled":
            client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == ending
        assert emulator.transcript(run.thread_id) == f"assistant: Done.\nrun {ending}\n"


def test_after_a_kill_the_state_shows_the_end(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    with Emulator(source) as emulator, emulator.client() as client:
        copied_after_work(emulator, client, source, copy)
    with Emulator(copy) as emulator:
        assert [run["status"] for run in emulator.state()["runs"]] == ["completed"]


def test_a_state_that_is_loaded_replaces_a_run_whose_end_was_held(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, at_work: Any, refused: Any
) -> None:
    empty = project.state()
    run = ask()
    at_work()
    project.load_state(empty)
    assert refused("POST", cancel_path(run))[0] == 404
