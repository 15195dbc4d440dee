"""Messages: create, list, retrieve, modify, delete."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator.clock import MANUAL_START


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def test_create_answers_the_message_in_wire_order(wire: httpx2.Client, thread: Any) -> None:
    body = wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": "Hello"}).json()
    assert body.pop("id").startswith("msg_")
    assert body == {
        "object": "thread.message",
        "created_at": MANUAL_START,
        "assistant_id": None,
        "thread_id": thread.id,
        "run_id": None,
        "role": "user",
        "content": [text("Hello")],
        "attachments": [],
        "metadata": {},
    }


def test_content_may_be_a_list_of_parts(wire: httpx2.Client, thread: Any) -> None:
    content = [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]
    body = wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": content}).json()
    assert body["content"] == [text("One"), text("Two")]


@pytest.mark.parametrize("kind", ["image_url", "image_file"])
def test_an_image_without_detail_gets_auto(client: openai.OpenAI, wire: httpx2.Client, thread: Any, kind: str) -> None:
    file = client.files.create(file=("a.png", b"\x89PNG"), purpose="vision")
    image = {"image_url": {"url": "https://example.com/a.png"}, "image_file": {"file_id": file.id}}[kind]
    content = [{"type": kind, kind: image}]
    body = wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": content}).json()
    assert body["content"] == [{"type": kind, kind: {**image, "detail": "auto"}}]


def test_a_message_may_have_the_role_assistant(client: openai.OpenAI, thread: Any) -> None:
    message = client.beta.threads.messages.create(thread.id, role="assistant", content="I said so.")
    assert (message.role, message.assistant_id, message.run_id) == ("assistant", None, None)


@pytest.mark.parametrize("field", ["attachments", "metadata"])
def test_a_null_is_the_default(wire: httpx2.Client, thread: Any, field: str) -> None:
    plain = wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": "Hi"}).json()
    sent = {"role": "user", "content": "Hi", field: None}
    assert {**wire.post(f"/threads/{thread.id}/messages", json=sent).json(), "id": plain["id"]} == plain


def test_empty_attachments_and_metadata_are_accepted(client: openai.OpenAI, thread: Any) -> None:
    message = client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=[], metadata={})
    assert (message.attachments, message.metadata) == ([], {})


def test_attachments_are_echoed_as_sent_duplicates_too(client: openai.OpenAI, wire: httpx2.Client, thread: Any) -> None:
    file = client.files.create(file=("a.txt", b"Cake."), purpose="assistants")
    both = {"file_id": file.id, "tools": [{"type": "code_interpreter"}, {"type": "file_search"}]}
    sent = {"role": "user", "content": "Hi", "attachments": [both, both]}
    assert wire.post(f"/threads/{thread.id}/messages", json=sent).json()["attachments"] == [both, both]


def test_an_attachment_that_file_search_does_not_take_is_refused(
    client: openai.OpenAI, refused: Any, thread: Any
) -> None:
    file = client.files.create(file=("a.csv", b"1,2"), purpose="assistants")
    attachment = {"file_id": file.id, "tools": [{"type": "file_search"}]}
    sent = {"role": "user", "content": "Hi", "attachments": [attachment]}
    status, error = refused("POST", f"/threads/{thread.id}/messages", json=sent)
    supported = "https://platform.openai.com/docs/assistants/tools/file-search/supported-files"
    message = f"Files with extensions [.csv] are not supported for retrieval. See {supported}"
    assert (status, error["message"], error["code"]) == (400, message, "unsupported_file")


def test_the_newest_message_is_listed_first(client: openai.OpenAI, thread: Any) -> None:
    made = [client.beta.threads.messages.create(thread.id, role="user", content=text).id for text in "abc"]
    assert [message.id for message in client.beta.threads.messages.list(thread.id)] == made[::-1]


def test_messages_of_one_second_are_in_the_order_of_their_making(
    client: openai.OpenAI, thread: Any, texts: Any
) -> None:
    said = [str(number) for number in range(12)]
    for value in said:
        client.beta.threads.messages.create(thread.id, role="user", content=value)
    assert texts(thread.id) == said


def test_a_retrieved_message_is_the_created_one(client: openai.OpenAI, thread: Any) -> None:
    created = client.beta.threads.messages.create(thread.id, role="user", content="Hi", metadata={"a": "b"})
    assert client.beta.threads.messages.retrieve(created.id, thread_id=thread.id) == created


def test_modify_answers_file_ids_instead_of_attachments(wire: httpx2.Client, thread: Any) -> None:
    created = wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": "Hi"}).json()
    modified = wire.post(f"/threads/{thread.id}/messages/{created['id']}", json={"metadata": {"a": "b"}}).json()
    del created["attachments"]
    assert modified == {**created, "file_ids": [], "metadata": {"a": "b"}}


def test_a_modified_message_has_its_attachments_when_it_is_retrieved(wire: httpx2.Client, thread: Any) -> None:
    created = wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": "Hi"}).json()
    path = f"/threads/{thread.id}/messages/{created['id']}"
    wire.post(path, json={"metadata": {"a": "b"}})
    assert wire.get(path).json() == {**created, "metadata": {"a": "b"}}


def test_a_deleted_message_is_in_no_list(client: openai.OpenAI, thread: Any) -> None:
    message = client.beta.threads.messages.create(thread.id, role="user", content="Hi")
    deleted = client.beta.threads.messages.delete(message.id, thread_id=thread.id)
    assert deleted.to_dict() == {"id": message.id, "object": "thread.message.deleted", "deleted": True}
    assert client.beta.threads.messages.list(thread.id).data == []


def test_a_list_by_run_id_has_only_what_that_run_wrote(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    runs = [settled(ask("One")), settled(ask("Two"))]
    for run, said in zip(runs, ["Echo: One", "Echo: Two"], strict=True):
        (message,) = client.beta.threads.messages.list(run.thread_id, run_id=run.id)
        assert (message.run_id, message.content[0].text.value) == (run.id, said)


def test_an_unknown_run_wrote_no_messages(wire: httpx2.Client, thread: Any) -> None:
    body = wire.get(f"/threads/{thread.id}/messages", params={"run_id": "run_x"}).json()
    assert body == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_message_is_not_found(refused: Any, thread: Any, method: str) -> None:
    error = {"message": "No message found with id 'msg_x'.", "type": "invalid_request_error"}
    assert refused(method, f"/threads/{thread.id}/messages/msg_x") == (404, {**error, "param": None, "code": None})


def test_a_message_is_not_found_in_another_thread(client: openai.OpenAI, thread: Any) -> None:
    message = client.beta.threads.messages.create(thread.id, role="user", content="Hi")
    other = client.beta.threads.create()
    with pytest.raises(openai.NotFoundError, match=rf"No message found with id '{message.id}'\."):
        client.beta.threads.messages.retrieve(message.id, thread_id=other.id)


def test_the_assistants_message_has_a_list_of_attachments(wire: httpx2.Client, ask: Any, settled: Any) -> None:
    run = settled(ask("Hello"))
    newest = wire.get(f"/threads/{run.thread_id}/messages", params={"limit": 1}).json()["data"][0]
    assert newest.pop("id").startswith("msg_")
    assert newest == {
        "object": "thread.message",
        "created_at": MANUAL_START,
        "assistant_id": run.assistant_id,
        "thread_id": run.thread_id,
        "run_id": run.id,
        "role": "assistant",
        "content": [text("Echo: Hello")],
        "attachments": [],
        "metadata": {},
    }


def test_the_longest_message_is_accepted(client: openai.OpenAI, thread: Any) -> None:
    message = client.beta.threads.messages.create(thread.id, role="user", content="x" * 256_000)
    assert len(message.content[0].text.value) == 256_000
