"""Properties of the in-process transport."""

from __future__ import annotations

import asyncio
import threading

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, Pause
from assistants_emulator.errors import EmulatorError
from assistants_emulator.server.sdk_clients import httpx_of


def test_the_sdk_opens_no_connection() -> None:
    with Emulator(transport="inprocess") as emulator:
        client = emulator.client()
        client.beta.threads.create()
        assert emulator._server.require_running().http.connections == 0


def test_others_have_the_socket() -> None:
    with Emulator(transport="inprocess") as emulator:
        made = emulator.client().beta.threads.create()
        other = openai.OpenAI(base_url=emulator.base_url, api_key=emulator.api_key)
        assert other.beta.threads.retrieve(made.id).id == made.id


def test_a_client_of_ones_own_is_left_alone() -> None:
    with Emulator(transport="inprocess") as emulator:
        own = httpx2.Client(trust_env=False)
        assert emulator.client(http_client=own)._client is own
        elsewhere = emulator.client(base_url="http://127.0.0.1:9/v1")
        assert type(elsewhere._client._transport).__name__ == "HTTPTransport"


def test_a_project_may_choose_its_own() -> None:
    with Emulator() as emulator:
        project = emulator.project("quick")
        project.configure(transport="inprocess")
        transport = project.client()._client._transport
        assert type(transport).__name__ == "InProcessTransport"
        assert isinstance(transport, httpx_of(openai.DefaultHttpxClient).BaseTransport)
        assert emulator.in_process is None


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(EmulatorError, match="transport is 'socket' or 'inprocess', not 'pigeon'"):
        Emulator(transport="pigeon")


def test_stopping_breaks_off_what_is_being_answered() -> None:
    with Emulator(transport="inprocess") as emulator:
        emulator.respond([Pause()])
        client = emulator.client(max_retries=0)
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        assistant = client.beta.assistants.create(model="gpt-4o")
        stream = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True)
        events = iter(stream)
        assert next(events).event == "thread.run.created"
    assert [event.event for event in events][-1] == "thread.run.in_progress"


def test_inside_an_event_loop_a_sync_client_still_works() -> None:
    async def use() -> str:
        created: str = emulator.client().beta.threads.create().id
        return created

    with Emulator(transport="inprocess") as emulator:
        assert asyncio.run(use()).startswith("thread_")


def test_both_transports_may_be_used_in_turn() -> None:
    with Emulator(transport="inprocess") as emulator:
        inside = emulator.client()
        outside = openai.OpenAI(base_url=emulator.base_url, api_key=emulator.api_key)
        outside.beta.threads.create()
        for _ in range(5):
            thread_id = inside.beta.threads.create().id
            assert outside.beta.threads.retrieve(thread_id).id == thread_id


def test_a_run_continues_while_no_request_waits_for_it() -> None:
    reached = threading.Event()
    with Emulator(transport="inprocess") as emulator:

        @emulator.respond(live=True)
        def slow(turn: object) -> str:
            reached.set()
            return "Done."

        client = emulator.client()
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        assistant = client.beta.assistants.create(model="gpt-4o")
        client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        assert reached.wait(5)


def test_many_threads_at_once_and_the_handle_between_them() -> None:
    with Emulator(transport="inprocess") as emulator:
        emulator.respond(lambda turn: str(len(turn.client().beta.threads.messages.list(turn.thread.id).data)))
        done = []

        def work() -> None:
            client = emulator.client()
            assistant = client.beta.assistants.create(model="gpt-4o")
            for _ in range(5):
                thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
                run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
                done.append((run.status, emulator.transcript(thread.id).splitlines()[1]))

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert done == [("completed", "assistant: 1")] * 30


def test_a_stream_goes_on_after_a_client_that_did_not_read_for_a_while() -> None:
    with Emulator(transport="inprocess", tokens_per_second=2000) as emulator:
        emulator.respond("word " * 100)
        threads = emulator.client(timeout=60, max_retries=0).beta.threads
        assistant = emulator.client().beta.assistants.create(model="gpt-4o")
        thread = threads.create(messages=[{"role": "user", "content": "Hello"}])
        with threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
            run = next(events).data
            assert threads.runs.poll(run.id, thread_id=thread.id).status == "completed"  # nothing waits for a slow run
            assert [event.event for event in events][-1] == "thread.run.completed"
