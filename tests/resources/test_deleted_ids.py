"""Ids that objects hold of others: settings lose the id of what is deleted, records of what happened keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from tests.resources.conftest import MakeFile

from assistants_emulator import ProjectHandle

BOTH: Any = [{"type": "file_search"}, {"type": "code_interpreter"}]


@pytest.fixture
def beta(project: ProjectHandle) -> Iterator[Callable[..., Any]]:
    """`beta(version, method, path, json=...)`: the body of an answer under that beta header."""
    headers = {"Authorization": f"Bearer {project.api_key}"}
    with httpx2.Client(base_url=project.base_url, headers=headers, trust_env=False) as http:

        def beta(version: str, method: str, path: str, **options: Any) -> Any:
            return http.request(method, path, headers={"OpenAI-Beta": f"assistants={version}"}, **options).json()

        yield beta


def resources_of(client: openai.OpenAI, assistant: Any) -> Any:
    return client.beta.assistants.retrieve(assistant.id).to_dict()["tool_resources"]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["file_search"], {"file_search": {"vector_store_ids": []}}),
        (["code_interpreter"], {"code_interpreter": {"file_ids": []}}),
        (
            ["file_search", "code_interpreter"],
            {"code_interpreter": {"file_ids": []}, "file_search": {"vector_store_ids": []}},
        ),
        ([], {}),
    ],
)
def test_an_assistant_shows_the_empty_resources_of_its_tools(
    client: openai.OpenAI, types: list[str], expected: Any
) -> None:
    tools: Any = [{"type": type} for type in types]
    created = client.beta.assistants.create(model="gpt-4o", tools=tools)
    modified = client.beta.assistants.update(client.beta.assistants.create(model="gpt-4o").id, tools=tools)
    shown = [created.to_dict()["tool_resources"], modified.to_dict()["tool_resources"], resources_of(client, created)]
    assert shown == [expected] * 3


def test_an_empty_list_of_a_tool_that_the_assistant_lacks_is_not_shown(client: openai.OpenAI) -> None:
    resources: Any = {"file_search": {"vector_store_ids": []}}
    assistant = client.beta.assistants.create(model="gpt-4o", tool_resources=resources)
    assert (assistant.to_dict()["tool_resources"], resources_of(client, assistant)) == ({}, {})


def test_threads_show_no_empty_resources(client: openai.OpenAI) -> None:
    assert client.beta.threads.create().to_dict()["tool_resources"] == {}


def test_an_assistant_of_a_state_file_shows_the_empty_resources_of_its_tools(
    project: ProjectHandle, client: openai.OpenAI
) -> None:
    project.load_state({"assistants": [{"id": "asst_1", "tools": [{"type": "file_search"}]}]})
    assert client.beta.assistants.retrieve("asst_1").to_dict()["tool_resources"] == {
        "file_search": {"vector_store_ids": []}
    }


def test_a_deleted_vector_store_leaves_assistants_and_threads(client: openai.OpenAI) -> None:
    store = client.vector_stores.create()
    resources: Any = {"file_search": {"vector_store_ids": [store.id]}}
    assistant = client.beta.assistants.create(model="gpt-4o", tools=BOTH, tool_resources=resources)
    thread = client.beta.threads.create(tool_resources=resources)
    client.vector_stores.delete(store.id)
    assert resources_of(client, assistant)["file_search"] == {"vector_store_ids": []}
    left = client.beta.threads.retrieve(thread.id).to_dict()["tool_resources"]
    assert left == {"file_search": {"vector_store_ids": []}}


def test_what_was_read_after_a_deletion_can_be_sent_back(client: openai.OpenAI, make_file: MakeFile) -> None:
    store, file = client.vector_stores.create(), make_file()
    resources: Any = {
        "code_interpreter": {"file_ids": [file]},
        "file_search": {"vector_store_ids": [store.id]},
    }
    assistant = client.beta.assistants.create(model="gpt-4o", tools=BOTH, tool_resources=resources)
    client.vector_stores.delete(store.id)
    client.files.delete(file)
    read = resources_of(client, assistant)
    assert client.beta.assistants.update(assistant.id, tool_resources=read).to_dict()["tool_resources"] == read


def test_a_deleted_file_leaves_the_code_interpreter_of_assistants_and_threads(
    client: openai.OpenAI, make_file: MakeFile
) -> None:
    gone, stays = make_file(), make_file()
    resources: Any = {"code_interpreter": {"file_ids": [gone, stays]}}
    assistant = client.beta.assistants.create(model="gpt-4o", tools=BOTH, tool_resources=resources)
    thread = client.beta.threads.create(tool_resources=resources)
    client.files.delete(gone)
    assert resources_of(client, assistant)["code_interpreter"] == {"file_ids": [stays]}
    left = client.beta.threads.retrieve(thread.id).to_dict()["tool_resources"]
    assert left == {"code_interpreter": {"file_ids": [stays]}}


def test_a_file_that_expires_leaves_them_too(project: ProjectHandle, client: openai.OpenAI) -> None:
    lifetime: Any = {"anchor": "created_at", "seconds": 3600}
    file = client.files.create(file=("a.txt", b"one"), purpose="assistants", expires_after=lifetime)
    resources: Any = {"code_interpreter": {"file_ids": [file.id]}}
    assistant = client.beta.assistants.create(model="gpt-4o", tools=BOTH, tool_resources=resources)
    project.clock.advance(3601)
    assert resources_of(client, assistant)["code_interpreter"] == {"file_ids": []}


def test_a_deleted_file_leaves_the_file_ids_of_v1(beta: Callable[..., Any], make_file: MakeFile) -> None:
    gone, stays = make_file(), make_file()
    body = {"model": "gpt-4", "tools": [{"type": "retrieval"}], "file_ids": [gone, stays]}
    assistant = beta("v1", "POST", "/assistants", json=body)
    beta("v1", "DELETE", f"/files/{gone}")
    path = f"/assistants/{assistant['id']}"
    assert beta("v1", "GET", path)["file_ids"] == [stays]
    assert [file["id"] for file in beta("v1", "GET", f"{path}/files")["data"]] == [stays]


def test_an_assistant_that_v1_made_shows_the_empty_resources_of_its_tools(beta: Callable[..., Any]) -> None:
    body = {"model": "gpt-4", "tools": [{"type": "retrieval"}]}
    assistant = beta("v1", "POST", "/assistants", json=body)
    v2 = beta("v2", "GET", f"/assistants/{assistant['id']}")
    assert v2["tool_resources"] == {"file_search": {"vector_store_ids": []}}


def test_a_store_is_deleted_while_objects_of_a_state_file_name_none(
    project: ProjectHandle, client: openai.OpenAI
) -> None:
    nothing: Any = {"tool_resources": {"file_search": None, "code_interpreter": None}}
    project.load_state({"threads": [{"id": "thread_1", **nothing}], "assistants": [{"id": "asst_1", **nothing}]})
    assert client.vector_stores.delete(client.vector_stores.create().id).deleted


def test_a_message_keeps_the_id_of_a_deleted_file(client: openai.OpenAI, make_file: MakeFile) -> None:
    file = make_file()
    attachments: Any = [{"file_id": file, "tools": [{"type": "code_interpreter"}]}]
    image: Any = [{"type": "image_file", "image_file": {"file_id": file}}]
    thread = client.beta.threads.create(messages=[{"role": "user", "content": image, "attachments": attachments}])
    client.files.delete(file)
    (message,) = client.beta.threads.messages.list(thread.id)
    assert message.attachments is not None
    assert [attachment.file_id for attachment in message.attachments] == [file]
    assert message.content[0].to_dict() == {"type": "image_file", "image_file": {"file_id": file, "detail": "auto"}}


def test_a_batch_goes_on_counting_a_deleted_file_but_does_not_list_it(
    client: openai.OpenAI, make_file: MakeFile
) -> None:
    store, file = client.vector_stores.create(), make_file()
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file])
    client.files.delete(file)
    assert client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id).file_counts.total == 1
    assert not client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id).data


def test_a_completed_upload_keeps_its_deleted_file(client: openai.OpenAI, wire: httpx2.Client) -> None:
    upload = client.uploads.create(bytes=3, filename="a.txt", mime_type="text/plain", purpose="assistants")
    part = client.uploads.parts.create(upload.id, data=b"one")
    completed = client.uploads.complete(upload.id, part_ids=[part.id])
    assert completed.file is not None
    client.files.delete(completed.file.id)
    answer = wire.post(f"/uploads/{upload.id}/cancel").json()
    assert answer["error"]["message"] == "Cannot cancel upload with status 'completed'."
