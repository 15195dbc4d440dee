"""The SDK's own strict client, `_strict_response_validation=True`, walks through everything under `--fidelity spec`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.fidelity.walk import CAKE, CALLS, FAVOURITES, LEFT, SEARCHES, TOOLS, cancelling, endings, sayings, untaken

from assistants_emulator import Emulator

ASKING: Any = {"messages": [{"role": "user", "content": "What is it?"}]}
CONTENT: Any = ["step_details.tool_calls[*].file_search.results[*].content"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual", fidelity="spec", strict_tools=False) as emulator:
        yield emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    with emulator.client(_strict_response_validation=True, max_retries=0) as client:
        yield client


@pytest.fixture
def assistant(client: Any) -> Any:
    return client.beta.assistants.create(model="gpt-4o", tools=TOOLS)


def test_a_strict_client_walks_through_everything(emulator: Emulator, client: Any, assistant: Any) -> None:
    for part in (files, uploads, vector_stores, models, threads):
        part(client)
    assistants(client, assistant)
    for part in (sayings_of_runs, searches, ends_of_runs, function_calls, runs_that_are_left, a_run_cancelled):
        part(emulator, client, assistant)
    calls = [(one.method, one.path.split("?")[0].removeprefix("/v1")) for one in emulator.requests]
    assert untaken(calls) == [("GET", "/assistants/{assistant_id}/files")]  # v1's, which no SDK of v2 can name


def files(client: Any) -> None:
    made = client.files.create(file=("a.jsonl", CAKE), purpose="evals")
    assert [one.id for one in client.files.list()] == [made.id]
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == CAKE
    assert client.files.delete(made.id).deleted


def uploads(client: Any) -> None:
    body: Any = {"filename": "a.jsonl", "purpose": "batch", "bytes": len(CAKE), "mime_type": "text/plain"}
    upload = client.uploads.create(**body)
    part = client.uploads.parts.create(upload.id, data=CAKE)
    assert client.uploads.complete(upload.id, part_ids=[part.id]).file.bytes == len(CAKE)
    assert client.uploads.cancel(client.uploads.create(**body).id).status == "cancelled"


def vector_stores(client: Any) -> None:
    files = [client.files.create(file=(name, CAKE), purpose="assistants").id for name in ("a.md", "b.pdf")]
    stores, unnamed = client.vector_stores, client.vector_stores.create()
    assert (unnamed.name, unnamed.expires_after) == ("", None)
    store = stores.create(name="Notes", expires_after={"anchor": "last_active_at", "days": 1}, file_ids=files)
    stores.update(store.id, expires_after=None)
    assert {one.id for one in stores.list()} == {store.id, unnamed.id}
    assert stores.retrieve(store.id).file_counts.failed == 1
    for made in files:
        stores.files.create(store.id, file_id=made)
        kept = stores.files.retrieve(made, vector_store_id=store.id)
        list(stores.files.content(kept.id, vector_store_id=store.id))
        stores.files.update(kept.id, vector_store_id=store.id, attributes={"a": 1.5, "b": True, "c": "d"})
    assert [one.filename for one in stores.search(store.id, query="cake")] == ["a.md"]
    batch = stores.file_batches.create(store.id, file_ids=files)
    assert batch.object == "vector_store.files_batch"
    cancelled = stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert stores.file_batches.retrieve(batch.id, vector_store_id=store.id) == cancelled
    assert len(list(stores.file_batches.list_files(batch.id, vector_store_id=store.id))) == 2
    assert len(list(stores.files.list(store.id))) == 2
    assert stores.files.delete(files[0], vector_store_id=store.id).deleted
    assert stores.delete(store.id).deleted


def assistants(client: Any, assistant: Any) -> None:
    other = client.beta.assistants.create(model="gpt-4o", reasoning_effort="low", response_format={"type": "text"})
    assert client.beta.assistants.retrieve(other.id) == other
    client.beta.assistants.update(other.id, name="Other")
    assert [one.id for one in client.beta.assistants.list()] == [other.id, assistant.id]
    assert client.beta.assistants.delete(other.id).deleted


def models(client: Any) -> None:
    assert client.models.retrieve("gpt-4o") in list(client.models.list())


def threads(client: Any) -> None:
    threads, made = client.beta.threads, client.files.create(file=("c.png", CAKE), purpose="vision").id
    thread = threads.create(messages=[{"role": "user", "content": "Hi"}])
    content: Any = [
        {"type": "image_file", "image_file": {"file_id": made}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    attached: Any = [{"file_id": made, "tools": [{"type": "code_interpreter"}]}]
    message = threads.messages.create(thread.id, role="user", content=content, attachments=attached)
    assert threads.messages.retrieve(message.id, thread_id=thread.id) == message
    assert threads.messages.update(message.id, thread_id=thread.id, metadata={"a": "b"}).attachments
    assert len(list(threads.messages.list(thread.id))) == 2
    assert threads.messages.delete(message.id, thread_id=thread.id).deleted
    assert threads.update(thread.id, metadata={"a": "b"}).id == threads.retrieve(thread.id).id
    assert threads.delete(thread.id).deleted


def look(client: Any, run: Any) -> Any:
    """Call everything that reads a run; return the run."""
    runs, thread = client.beta.threads.runs, run.thread_id
    for step in runs.steps.list(run.id, thread_id=thread, include=CONTENT):
        assert runs.steps.retrieve(step.id, run_id=run.id, thread_id=thread).id == step.id
    list(client.beta.threads.messages.list(thread))
    assert [one.id for one in runs.list(thread)] == [run.id]
    return runs.retrieve(run.id, thread_id=thread)


def begun(emulator: Emulator, client: Any, assistant: Any, replies: Any, stores: Any = ()) -> list[Any]:
    """A run that says so, as a stream has told it, and another one told whole."""
    emulator.respond(replies)
    thread = {**ASKING, "tool_resources": {"file_search": {"vector_store_ids": list(stores)}}}
    told = list(client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread, stream=True))
    new = client.beta.threads.create(**thread)
    return [told[-1].data, client.beta.threads.runs.create(thread_id=new.id, assistant_id=assistant.id)]


def sayings_of_runs(emulator: Emulator, client: Any, assistant: Any) -> None:
    made = client.files.create(file=("d.png", CAKE), purpose="vision").id
    for replies in sayings(made):
        for run in begun(emulator, client, assistant, replies):
            assert look(client, run).status == "completed"
            client.beta.threads.runs.update(run.id, thread_id=run.thread_id, metadata={"a": "b"})


def searches(emulator: Emulator, client: Any, assistant: Any) -> None:
    made = client.files.create(file=(FAVOURITES, CAKE), purpose="assistants").id
    store = client.vector_stores.create(file_ids=[made]).id
    for replies in SEARCHES:
        for run in begun(emulator, client, assistant, replies, [store]):
            assert look(client, run).status == "completed"


def ends_of_runs(emulator: Emulator, client: Any, assistant: Any) -> None:
    for replies in endings():
        for run in begun(emulator, client, assistant, replies):
            assert look(client, run).status in ("failed", "expired", "incomplete")


def function_calls(emulator: Emulator, client: Any, assistant: Any) -> None:
    runs = client.beta.threads.runs
    for stream, run in zip((True, False), begun(emulator, client, assistant, CALLS), strict=True):
        calls = look(client, run).required_action.submit_tool_outputs.tool_calls
        outputs = [{"tool_call_id": call.id, "output": "42"} for call in calls]
        answer = runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs, stream=stream)
        assert list(answer)
        assert look(client, run).status == "completed"


def runs_that_are_left(emulator: Emulator, client: Any, assistant: Any) -> None:
    runs = client.beta.threads.runs
    for replies, end in [(one, end) for one in LEFT for end in ("cancelled", "expired")]:
        emulator.respond(replies)
        run = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=ASKING)
        runs.cancel(run.id, thread_id=run.thread_id) if end == "cancelled" else emulator.clock.advance(700)
        assert look(client, run).status == end


def a_run_cancelled(emulator: Emulator, client: Any, assistant: Any) -> None:
    emulator.respond(cancelling)
    run = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=ASKING, stream=True)
    assert [event.event for event in run][-1] == "thread.run.cancelled"


@pytest.mark.parametrize("make", [lambda client: client.vector_stores, lambda client: client.beta.threads.runs])
def test_the_wire_does_not_satisfy_a_strict_client(make: Any) -> None:
    """The reason why there is `--fidelity spec`."""
    with Emulator() as emulator, emulator.client(_strict_response_validation=True, max_retries=0) as client:
        assistant, thread = client.beta.assistants.create(model="gpt-4o"), client.beta.threads.create(**ASKING)
        needed = {"assistant_id": assistant.id, "thread_id": thread.id}
        make = make(client).create
        with pytest.raises(openai.APIResponseValidationError):
            make(**{name: id for name, id in needed.items() if name in inspect.signature(make).parameters})
