"""Threads: create, retrieve, modify, delete; with their first messages."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator.clock import MANUAL_START

NO_FILES = {"code_interpreter": {"file_ids": []}}


@pytest.mark.parametrize("content", [b"", b"{}", b"null"], ids=["none", "object", "null"])
def test_a_thread_is_created_without_a_body_too(wire: httpx2.Client, content: bytes) -> None:
    body = wire.post("/threads", content=content).json()
    assert body.pop("id").startswith("thread_")
    assert body == {"object": "thread", "created_at": MANUAL_START, "metadata": {}, "tool_resources": {}}


def test_a_retrieved_thread_shows_the_code_interpreters_empty_list(wire: httpx2.Client) -> None:
    created = wire.post("/threads", json={}).json()
    assert wire.get(f"/threads/{created['id']}").json() == {**created, "tool_resources": NO_FILES}


@pytest.mark.parametrize("field", ["messages", "metadata", "tool_resources"])
def test_a_null_is_the_default(wire: httpx2.Client, field: str) -> None:
    plain = wire.post("/threads", json={}).json()
    assert {**wire.post("/threads", json={field: None}).json(), "id": plain["id"]} == plain


def test_nulls_nested_in_first_messages_are_defaults(client: openai.OpenAI) -> None:
    message: Any = {"role": "user", "content": "Hi", "attachments": None, "metadata": None}
    thread = client.beta.threads.create(messages=[message])
    (stored,) = client.beta.threads.messages.list(thread.id)
    assert (stored.attachments, stored.metadata) == ([], {})


def test_empty_messages_are_accepted(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create(messages=[])
    assert client.beta.threads.messages.list(thread.id).data == []


def test_first_messages_are_stored_in_their_order(client: openai.OpenAI, texts: Any) -> None:
    thread = client.beta.threads.create(
        messages=[{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}]
    )
    assert texts(thread.id) == ["One", "Two"]


def test_a_modified_thread_keeps_what_was_not_named(wire: httpx2.Client) -> None:
    created = wire.post("/threads", json={"metadata": {"a": "1"}}).json()
    resources = {"code_interpreter": {"file_ids": []}}
    modified = wire.post(f"/threads/{created['id']}", json={"tool_resources": resources}).json()
    assert modified == {**created, "tool_resources": resources}


def test_a_null_tool_beside_another_changes_nothing(wire: httpx2.Client) -> None:
    store = wire.post("/vector_stores", json={}).json()["id"]
    search = {"file_search": {"vector_store_ids": [store]}}
    thread = wire.post("/threads", json={"tool_resources": search}).json()
    sent = {"tool_resources": {"code_interpreter": {"file_ids": []}, "file_search": None}}
    modified = wire.post(f"/threads/{thread['id']}", json=sent).json()
    assert modified["tool_resources"] == {**NO_FILES, **search}


def test_metadata_comes_back_as_it_was_written(client: openai.OpenAI) -> None:
    metadata = {"user": "Jane Doe", "note": "", "snow": "☃ ✓"}
    thread = client.beta.threads.create(metadata=metadata)
    assert client.beta.threads.retrieve(thread.id).metadata == metadata


def test_a_deleted_thread_is_not_found_any_more(client: openai.OpenAI, thread: Any) -> None:
    deleted = client.beta.threads.delete(thread.id)
    assert deleted.to_dict() == {"id": thread.id, "object": "thread.deleted", "deleted": True}
    with pytest.raises(openai.NotFoundError):
        client.beta.threads.retrieve(thread.id)


def test_the_objects_of_a_deleted_thread_are_deleted(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    run = settled(ask())
    client.beta.threads.delete(run.thread_id)
    with pytest.raises(openai.NotFoundError, match=rf"No thread found with id '{run.thread_id}'\."):
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "/messages")])
def test_an_unknown_thread_is_not_found(refused: Any, method: str, path: str) -> None:
    error = {"message": "No thread found with id 'thread_x'.", "type": "invalid_request_error"}
    assert refused(method, f"/threads/thread_x{path}") == (404, {**error, "param": None, "code": None})


def test_there_is_no_list_of_threads(refused: Any) -> None:
    status, error = refused("GET", "/threads")
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    assert (status, error["message"]) == (405, f"Not allowed to GET on /v1/threads. {hint}")


def test_another_projects_thread_is_not_found(emulator: Any, thread: Any) -> None:
    with emulator.project("a stranger").client() as stranger, pytest.raises(openai.NotFoundError):
        stranger.beta.threads.retrieve(thread.id)
