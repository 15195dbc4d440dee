"""A request that names a thread waits until its run has settled, so the answer does not depend on timing."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import FunctionCall, Pause, ProjectHandle, Text, Wait
from assistants_emulator.clock import MANUAL_START

UNSETTLING = {"Pause": Pause(), "a function call": FunctionCall("f"), "Wait": Wait(5)}
STATE_ERROR = {"type": "invalid_request_error", "param": None, "code": None}

busy = pytest.mark.parametrize("reply", UNSETTLING.values(), ids=UNSETTLING)


def test_create_answers_queued_and_the_first_retrieve_the_settled_run(ask: Any, settled: Any) -> None:
    run = ask()
    assert (run.status, settled(run).status) == ("queued", "completed")


def test_a_list_is_as_good_as_a_retrieve(client: openai.OpenAI, ask: Any) -> None:
    run = ask()
    assert client.beta.threads.runs.list(run.thread_id).data[0].status == "completed"


def test_a_message_posted_right_after_an_echo_run_is_accepted(client: openai.OpenAI, ask: Any, texts: Any) -> None:
    run = ask("One")
    client.beta.threads.messages.create(run.thread_id, role="user", content="Two")
    assert texts(run.thread_id) == ["One", "Echo: One", "Two"]


def test_a_run_created_right_after_an_echo_run_is_accepted(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    first = ask()
    second = client.beta.threads.runs.create(thread_id=first.thread_id, assistant_id=first.assistant_id)
    assert (settled(first).status, settled(second).status) == ("completed", "completed")


@busy
def test_a_thread_with_an_active_run_takes_no_messages(
    project: ProjectHandle, ask: Any, refused: Any, reply: object
) -> None:
    project.respond(reply)
    run = ask()
    answer = refused("POST", f"/threads/{run.thread_id}/messages", json={"role": "user", "content": "Hi"})
    message = f"Can't add messages to {run.thread_id} while a run {run.id} is active."
    assert answer == (400, {**STATE_ERROR, "message": message})


@busy
@pytest.mark.parametrize("more", [{}, {"additional_messages": [{"role": "user", "content": "Hi"}]}, {"stream": True}])
def test_a_thread_with_an_active_run_takes_no_other_run(
    project: ProjectHandle, ask: Any, refused: Any, reply: object, more: dict[str, Any]
) -> None:
    project.respond(reply)
    run = ask()
    body = {"assistant_id": run.assistant_id, **more}
    message = f"Thread {run.thread_id} already has an active run {run.id}."
    assert refused("POST", f"/threads/{run.thread_id}/runs", json=body) == (400, {**STATE_ERROR, "message": message})


@busy
def test_a_busy_thread_may_be_read_and_modified(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, reply: object
) -> None:
    project.respond(reply)
    run = ask()
    (message,) = client.beta.threads.messages.list(run.thread_id)
    client.beta.threads.messages.update(message.id, thread_id=run.thread_id, metadata={"a": "b"})
    assert client.beta.threads.update(run.thread_id, metadata={"a": "b"}).metadata == {"a": "b"}


def test_the_busy_texts_are_those_that_agents_look_for(project: ProjectHandle, client: openai.OpenAI, ask: Any) -> None:
    project.respond(Pause())
    run = ask()
    assert client.beta.threads.runs.list(run.thread_id, limit=1).data[0].status == "in_progress"
    with pytest.raises(openai.BadRequestError, match=rf"Thread {run.thread_id} already has an active run {run.id}"):
        client.beta.threads.runs.create(thread_id=run.thread_id, assistant_id=run.assistant_id)


@busy
def test_a_cancelled_run_frees_its_thread_at_once(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any, reply: object
) -> None:
    project.respond(reply)
    run = ask()
    assert client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id).status == "cancelling"
    client.beta.threads.messages.create(run.thread_id, role="user", content="Go on")
    assert (settled(run).status, settled(run).cancelled_at) == ("cancelled", MANUAL_START)


def test_a_thread_takes_messages_again_once_its_waiting_run_is_cancelled(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any
) -> None:
    project.respond(FunctionCall("f"))
    run = settled(ask())
    cancelling = client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    assert (cancelling.status, cancelling.required_action) == ("cancelling", None)
    assert settled(run).status == "cancelled"
    assert client.beta.threads.messages.create(run.thread_id, role="user", content="Hi").role == "user"


def test_cancelling_twice_is_refused(project: ProjectHandle, client: openai.OpenAI, ask: Any, refused: Any) -> None:
    project.respond(Pause())
    run = ask()
    client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    answer = refused("POST", f"/threads/{run.thread_id}/runs/{run.id}/cancel")
    assert answer == (400, {**STATE_ERROR, "message": "Cannot cancel run with status 'cancelled'."})


def test_a_cancelled_run_keeps_its_earlier_messages(
    project: ProjectHandle, client: openai.OpenAI, ask: Any, settled: Any, texts: Any
) -> None:
    project.respond([Text("So far."), Pause(), Text("Never said.")])
    run = settled(ask("Hello"))
    client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
    assert texts(run.thread_id) == ["Hello", "So far."]


def test_a_paused_run_goes_on_when_it_is_resumed(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond([Pause(), Text("At last.")])
    run = ask()
    assert settled(run).status == "in_progress"
    project.resume(run.id)
    assert project.transcript(run.thread_id) == "user: Hello\nassistant: At last.\nrun completed\n"


def test_deleting_a_busy_thread_is_allowed(project: ProjectHandle, client: openai.OpenAI, ask: Any) -> None:
    project.respond(Pause())
    run = ask()
    assert client.beta.threads.delete(run.thread_id).deleted


@pytest.mark.parametrize("reply", [Text("Hi"), Pause()], ids=["settled", "paused"])
def test_only_unfinished_runs_say_when_to_poll_again(
    project: ProjectHandle, wire: httpx2.Client, assistant: Any, thread: Any, reply: object
) -> None:
    project.respond(reply)
    created = wire.post(f"/threads/{thread.id}/runs", json={"assistant_id": assistant.id})
    found = wire.get(f"/threads/{thread.id}/runs/{created.json()['id']}")
    paused = found.json()["status"] == "in_progress"
    assert created.headers["openai-poll-after-ms"].isdecimal()
    assert ("openai-poll-after-ms" in found.headers) is paused


def test_create_and_poll_comes_back_completed(client: openai.OpenAI, assistant: Any, thread: Any) -> None:
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed"
