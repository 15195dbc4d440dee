"""Vector stores and code files that are created with assistants, threads and messages."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from tests.resources.conftest import MakeFile, Refused

WEEK = 7 * 86400


def attached(file_id: str, *tools: str) -> Any:
    return [{"file_id": file_id, "tools": [{"type": tool} for tool in tools]}]


def store_of(client: openai.OpenAI, holder: Any) -> Any:
    (id,) = holder.tool_resources.file_search.vector_store_ids
    return client.vector_stores.retrieve(id)


def test_an_assistants_store_is_made_on_the_way(client: openai.OpenAI, make_file: MakeFile) -> None:
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_stores": [{"file_ids": [make_file()], "metadata": {"a": "1"}}]}},
    )
    store = store_of(client, assistant)
    assert (store.file_counts.completed, store.metadata, store.expires_after) == (1, {"a": "1"}, None)


def test_a_threads_store_goes_a_week_after_its_last_use(client: openai.OpenAI, make_file: MakeFile) -> None:
    resources: Any = {"file_search": {"vector_stores": [{"file_ids": [make_file()]}]}}
    store = store_of(client, client.beta.threads.create(tool_resources=resources))
    assert store.expires_after.to_dict() == {"anchor": "last_active_at", "days": 7}
    assert store.expires_at == store.last_active_at + WEEK


def test_a_message_with_a_file_to_search_makes_the_threads_store(client: openai.OpenAI, make_file: MakeFile) -> None:
    thread = client.beta.threads.create()
    attachments = attached(make_file(), "file_search")
    client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=attachments)
    store = store_of(client, client.beta.threads.retrieve(thread.id))
    assert (store.file_counts.completed, store.expires_at) == (1, store.created_at + WEEK)


def test_the_next_message_extends_it(client: openai.OpenAI, make_file: MakeFile) -> None:
    thread = client.beta.threads.create()
    for _ in range(2):
        attachments = attached(make_file(), "file_search")
        client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=attachments)
    assert store_of(client, client.beta.threads.retrieve(thread.id)).file_counts.completed == 2


def test_first_messages_bring_their_files_too(client: openai.OpenAI, make_file: MakeFile) -> None:
    first, second = (attached(make_file(), "file_search") for _ in range(2))
    thread = client.beta.threads.create(
        messages=[
            {"role": "user", "content": "One", "attachments": first},
            {"role": "user", "content": "Two", "attachments": second},
        ]
    )
    assert store_of(client, thread).file_counts.completed == 2


def test_a_runs_additional_messages_bring_their_files_too(client: openai.OpenAI, make_file: MakeFile) -> None:
    assistant, thread = client.beta.assistants.create(model="gpt-4o"), client.beta.threads.create()
    message: Any = {"role": "user", "content": "Hi", "attachments": attached(make_file(), "file_search")}
    client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, additional_messages=[message]
    )
    assert store_of(client, client.beta.threads.retrieve(thread.id)).file_counts.completed == 1


def test_an_expired_store_is_replaced_by_the_next_attachment(
    client: openai.OpenAI, project: Any, make_file: MakeFile
) -> None:
    thread = client.beta.threads.create()
    ids = set()
    for _ in range(2):
        attachments = attached(make_file(), "file_search")
        client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=attachments)
        ids.add(store_of(client, client.beta.threads.retrieve(thread.id)).id)
        project.clock.advance(WEEK)
    assert len(ids) == 2


def test_a_file_for_the_code_interpreter_is_the_threads(client: openai.OpenAI, make_file: MakeFile) -> None:
    thread, id = client.beta.threads.create(), make_file("data.csv")
    for _ in range(2):
        attachments = attached(id, "code_interpreter")
        client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=attachments)
    resources = client.beta.threads.retrieve(thread.id).tool_resources
    assert (resources.code_interpreter.file_ids, resources.file_search) == ([id], None)


def test_a_thread_has_at_most_twenty_code_files(client: openai.OpenAI, make_file: MakeFile, refused: Refused) -> None:
    resources: Any = {"code_interpreter": {"file_ids": [make_file("data.csv") for _ in range(20)]}}
    thread, attachments = (
        client.beta.threads.create(tool_resources=resources),
        attached(make_file(), "code_interpreter"),
    )

    def attach() -> object:
        return client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=attachments)

    assert refused(attach)["code"] == "array_above_max_length"


def test_an_attachment_that_cannot_be_searched_is_refused_whole(
    client: openai.OpenAI, make_file: MakeFile, refused: Refused
) -> None:
    thread, attachments = client.beta.threads.create(), attached(make_file("data.csv"), "file_search")

    def attach() -> object:
        return client.beta.threads.messages.create(thread.id, role="user", content="Hi", attachments=attachments)

    error = refused(attach)
    assert (error["param"], error["code"]) == ("file_ids", "unsupported_file")
    assert client.beta.threads.messages.list(thread.id).data == []


UNKNOWN = [
    ({"code_interpreter": {"file_ids": ["file-x"]}}, "No file found with id 'file-x'."),
    ({"file_search": {"vector_store_ids": ["vs_x"]}}, "No vector store found with id 'vs_x'."),
    ({"file_search": {"vector_stores": [{"file_ids": ["file-x"]}]}}, "Files [file-x] were not found"),
    (
        {"code_interpreter": {"file_ids": ["x"]}},
        "Invalid 'tool_resources.code_interpreter.file_ids[0]': 'x'. Expected an ID that begins with 'file'.",
    ),
]


@pytest.mark.parametrize(("resources", "message"), UNKNOWN)
def test_tool_resources_that_do_not_exist_are_refused(
    client: openai.OpenAI, refused: Refused, resources: Any, message: str
) -> None:
    assert refused(lambda: client.beta.threads.create(tool_resources=resources))["message"] == message
    create = client.beta.assistants.create
    assert refused(lambda: create(model="gpt-4o", tool_resources=resources))["message"] == message
    assert client.vector_stores.list().data == []


@pytest.mark.parametrize("id", ["31abac64", "file-x"])
def test_an_attachment_that_does_not_exist_is_refused(client: openai.OpenAI, refused: Refused, id: str) -> None:
    messages: Any = [{"role": "user", "content": "Hi", "attachments": attached(id, "code_interpreter")}]
    prefix = f"Invalid 'messages[0].attachments[0].file_id': '{id}'. Expected an ID that begins with 'file'."
    expected = {"31abac64": prefix, "file-x": "No file found with id 'file-x'."}[id]
    assert refused(lambda: client.beta.threads.create(messages=messages))["message"] == expected
