"""Conversion of a recorded session to the state at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from convert_helpers import (
    ask,
    call,
    listing,
    message_object,
    messages_listed,
    run_object,
    run_polled,
    run_started,
    said,
    steps_listed,
    taped,
    tool_step,
)

from assistants_emulator import Emulator
from assistants_emulator.convert.conversion import Conversion
from assistants_emulator.convert.state import state_of
from assistants_emulator.recording.exchange import Body, Exchange, Part, Request, Response, Stored

ASSISTANT = {"id": "asst_1", "object": "assistant", "created_at": 50, "name": "Tutor", "model": "gpt-4o"}
THREAD = {"id": "thread_1", "object": "thread", "created_at": 60, "metadata": {}}


@pytest.fixture
def loaded() -> Iterator[Any]:
    """Load the state of exchanges into an emulator and return a client."""
    with Emulator(clock="manual") as emulator:

        def load(*exchanges: Exchange) -> Any:
            emulator.load_state(state_of(exchanges).state)
            return emulator.client()

        yield load


def test_a_session_goes_on_where_it_ended(tmp_path: Any) -> None:
    with Emulator(clock="manual") as emulator:
        emulator.respond("It is sunny.")
        with taped(emulator) as (client, tape):
            run = ask(client, "Weather?")
            said(client, run)
            client.beta.threads.messages.list(thread_id=run.thread_id)
    made = Conversion.of(tape.save(tmp_path / "session.yaml"), to="state")
    made.save(tmp_path / "state.json")
    with Emulator(clock="manual", state=tmp_path / "state.json") as emulator, emulator.client() as client:
        assert said(client, run) == ["It is sunny."]
        assert len(client.beta.threads.messages.list(thread_id=run.thread_id).data) == 2
    assert made.summary == "1 assistants, 1 threads, 2 messages, 1 runs"


def test_a_modified_object_has_its_last_values(loaded: Any) -> None:
    renamed = {**ASSISTANT, "name": "Coach"}
    client = loaded(
        call("POST", "/assistants", {}, ASSISTANT), call("POST", "/assistants/asst_1", {"name": "Coach"}, renamed)
    )
    assert client.beta.assistants.retrieve("asst_1").name == "Coach"


def test_a_deleted_object_is_left_out_with_its_children() -> None:
    gone = {"id": "thread_1", "object": "thread.deleted", "deleted": True}
    created = call("POST", "/threads", {}, THREAD)
    made = state_of([created, *run_started(), call("DELETE", "/threads/thread_1", None, gone)])
    assert not any(made.state.values())


def test_messages_that_came_with_the_thread_are_there(loaded: Any) -> None:
    sent = {
        "messages": [{"role": "user", "content": "One"}, {"role": "user", "content": [{"type": "text", "text": "2"}]}]
    }
    client = loaded(call("POST", "/threads", sent, THREAD))
    listed = client.beta.threads.messages.list(thread_id="thread_1", order="asc")
    assert [message.content[0].text.value for message in listed] == ["One", "2"]


def test_messages_that_a_list_shows_are_there_once() -> None:
    sent = {"messages": [{"role": "user", "content": "One"}]}
    listed = message_object("One", id="msg_7", role="user", run_id=None)
    made = state_of([call("POST", "/threads", sent, THREAD), messages_listed(listed)])
    assert [message["id"] for message in made.state["messages"]] == ["msg_7"]


def test_a_file_has_the_bytes_that_were_uploaded(loaded: Any) -> None:
    parts = [Part("purpose", "assistants"), Part("file", filename="a.txt", file=Stored.of(b"Hello"))]
    file = {"id": "file-1", "object": "file", "filename": "a.txt", "bytes": 5, "created_at": 1, "purpose": "assistants"}
    upload = Request("POST", "/files", body=Body.form(parts))
    client = loaded(Exchange(upload, Response(200, body=Body.json({**file, "status": "processed"}))))
    assert client.files.retrieve("file-1").filename == "a.txt"
    assert state_of([Exchange(upload, Response(200, body=Body.json(file)))]).state["files"][0]["content_base64"]


def test_v1_objects_are_written_as_v2() -> None:
    tools = [{"type": "code_interpreter"}, {"type": "retrieval"}]
    assistant = {**ASSISTANT, "tools": tools, "file_ids": ["file-1"]}
    message = message_object("Hello", id="msg_0", role="user", run_id=None, file_ids=["file-2"])
    state = state_of([call("POST", "/assistants", {}, assistant), messages_listed(message)]).state
    (kept,) = state["assistants"]
    assert [tool["type"] for tool in kept["tools"]] == ["code_interpreter", "file_search"]
    assert kept["tool_resources"] == {"code_interpreter": {"file_ids": ["file-1"]}}
    assert state["messages"][0]["attachments"] == [{"file_id": "file-2", "tools": [{"type": "file_search"}]}]


def test_parents_that_were_not_recorded_are_there_by_their_id(loaded: Any) -> None:
    client = loaded(steps_listed(tool_step()))
    assert client.beta.threads.runs.retrieve("run_1", thread_id="thread_1").id == "run_1"
    assert client.beta.threads.retrieve("thread_1").id == "thread_1"


def test_an_unfinished_run_is_a_warning() -> None:
    made = state_of([*run_started(), run_polled(status="in_progress")])
    assert made.warnings == ["run_1 was not over when the recording ended: its thread is busy"]


def test_an_invalid_value_is_left_out_with_a_warning(loaded: Any) -> None:
    strange = {**ASSISTANT, "metadata": "none", "tool_resources": None, "color": "blue"}
    exchange = call("GET", "/assistants", None, listing(strange))
    assert state_of([exchange]).warnings == [
        "asst_1: its metadata is left out: no object of the API has 'none'",
        "asst_1: its color is left out: no object of the API has it",
    ]
    assert loaded(exchange).beta.assistants.retrieve("asst_1").name == "Tutor"


def test_runs_are_kept_with_their_ends() -> None:
    error = {"code": "server_error", "message": "No."}
    made = state_of([*run_started(), run_polled(status="failed", last_error=error)])
    assert made.state["runs"][0]["last_error"] == error
    assert run_object()["id"] == made.state["runs"][0]["id"]
