"""Vector stores: create, list, retrieve, modify, delete, expiry."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from tests.resources.conftest import MakeFile, Refused

from assistants_emulator.clock import MANUAL_START

DAY = 86400
NO_FILES = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}
A_DAY: Any = {"anchor": "last_active_at", "days": 1}


def test_an_empty_store_is_completed_and_has_the_wires_keys(wire: httpx2.Client) -> None:
    body = wire.post("/vector_stores", json={}).json()
    assert body.pop("id").startswith("vs_")
    assert list(body.items()) == [
        ("object", "vector_store"),
        ("created_at", MANUAL_START),
        ("name", None),
        ("description", None),
        ("usage_bytes", 0),
        ("file_counts", NO_FILES),
        ("status", "completed"),
        ("expires_after", None),
        ("expires_at", None),
        ("last_active_at", MANUAL_START),
        ("metadata", {}),
    ]


def test_bodies_of_vector_stores_end_without_a_newline(wire: httpx2.Client) -> None:
    assert wire.get("/vector_stores").text.endswith("}")


def test_a_store_with_files_is_in_progress_and_settled_when_it_is_looked_at(
    client: openai.OpenAI, make_file: MakeFile
) -> None:
    store = client.vector_stores.create(file_ids=[make_file(), make_file()])
    assert (store.status, store.usage_bytes) == ("in_progress", 0)
    assert (store.file_counts.in_progress, store.file_counts.total) == (2, 2)
    settled = client.vector_stores.retrieve(store.id)
    assert (settled.status, settled.usage_bytes) == ("completed", 2 * len(b"Cake is good."))
    assert (settled.file_counts.completed, settled.file_counts.total) == (2, 2)


def test_unfinished_stores_tell_when_to_poll_again(wire: httpx2.Client, make_file: MakeFile) -> None:
    created = wire.post("/vector_stores", json={"file_ids": [make_file()]})
    assert created.headers["openai-poll-after-ms"] == "10"
    assert "openai-poll-after-ms" not in wire.get(f"/vector_stores/{created.json()['id']}").headers


def test_the_list_shows_settled_stores_too(client: openai.OpenAI, make_file: MakeFile) -> None:
    client.vector_stores.create(file_ids=[make_file()])
    assert [store.status for store in client.vector_stores.list()] == ["completed"]


def test_the_list_has_the_newest_first(client: openai.OpenAI) -> None:
    ids = [client.vector_stores.create().id for _ in range(3)]
    assert [store.id for store in client.vector_stores.list(limit=2)] == ids[::-1]


def test_a_file_named_twice_counts_once(client: openai.OpenAI, make_file: MakeFile) -> None:
    id = make_file()
    assert client.vector_stores.create(file_ids=[id, id]).file_counts.total == 1


def test_modify_changes_what_is_given_and_merges_metadata(client: openai.OpenAI) -> None:
    store = client.vector_stores.create(name="Old", metadata={"a": "1"})
    modified = client.vector_stores.update(store.id, name="New", metadata={"b": "2"}, expires_after=A_DAY)
    assert (modified.name, modified.metadata) == ("New", {"a": "1", "b": "2"})
    assert modified.expires_at == store.created_at + DAY


def test_modify_with_null_clears(client: openai.OpenAI) -> None:
    store = client.vector_stores.create(name="Old", expires_after=A_DAY)
    cleared = client.vector_stores.update(store.id, name=None, expires_after=None)
    assert (cleared.name, cleared.expires_after, cleared.expires_at) == (None, None, None)


def test_delete_takes_the_store_and_leaves_its_files(
    client: openai.OpenAI, wire: httpx2.Client, make_file: MakeFile
) -> None:
    file_id = make_file()
    store = client.vector_stores.create(file_ids=[file_id])
    deleted = {"id": store.id, "object": "vector_store.deleted", "deleted": True}
    assert wire.delete(f"/vector_stores/{store.id}").json() == deleted
    assert wire.get(f"/vector_stores/{store.id}").status_code == 404
    assert client.files.retrieve(file_id).id == file_id


ERRORS = [
    ("GET", "/vector_stores/vs_x", 404, "No vector store found with id 'vs_x'."),
    ("GET", "/vector_stores/x", 400, "Invalid 'vector_store_id': 'x'. Expected an ID that begins with 'vs_'."),
    ("GET", "/vector_stores?after=vs_x", 404, "No vector store found with id 'vs_x'."),
]


@pytest.mark.parametrize(("method", "path", "status", "message"), ERRORS)
def test_unknown_stores_are_refused(wire: httpx2.Client, method: str, path: str, status: int, message: str) -> None:
    answer = wire.request(method, path)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


def test_unknown_files_are_refused_and_nothing_is_created(client: openai.OpenAI, refused: Refused) -> None:
    error = refused(lambda: client.vector_stores.create(file_ids=["file-unknown"]))
    assert (error["status"], error["message"]) == (404, "Files [file-unknown] were not found")
    error = refused(lambda: client.vector_stores.create(file_ids=["x"]))
    assert error["message"] == "Invalid 'file_ids[0]': 'x'. Expected an ID that begins with 'file'."
    assert client.vector_stores.list().data == []


@pytest.mark.parametrize(("name", "shown"), [("a.csv", ".csv"), ("a.PDF", ".PDF"), ("noextension", "none")])
def test_files_that_cannot_be_searched_are_refused(
    client: openai.OpenAI, make_file: MakeFile, refused: Refused, name: str, shown: str
) -> None:
    id = make_file(name)
    error = refused(lambda: client.vector_stores.create(file_ids=[id]))
    link = "https://platform.openai.com/docs/assistants/tools/file-search/supported-files"
    assert error["message"] == f"Files with extensions [{shown}] are not supported for retrieval. See {link}"
    assert (error["param"], error["code"]) == ("file_ids", "unsupported_file")


def test_a_store_expires_after_its_last_activity(client: openai.OpenAI, project: Any, make_file: MakeFile) -> None:
    store = client.vector_stores.create(expires_after=A_DAY)
    project.clock.advance(DAY - 1)
    client.vector_stores.files.create(store.id, file_id=make_file())
    project.clock.advance(DAY - 1)
    assert client.vector_stores.retrieve(store.id).status == "completed"
    project.clock.advance(1)
    assert client.vector_stores.retrieve(store.id).status == "expired"


def test_looking_at_a_store_is_no_activity(client: openai.OpenAI, project: Any) -> None:
    store = client.vector_stores.create(expires_after=A_DAY)
    project.clock.advance(100)
    assert client.vector_stores.retrieve(store.id) == store


def test_a_search_is_activity(client: openai.OpenAI, project: Any) -> None:
    store = client.vector_stores.create(expires_after=A_DAY)
    project.clock.advance(100)
    client.vector_stores.search(store.id, query="cake")
    assert client.vector_stores.retrieve(store.id).expires_at == store.created_at + 100 + DAY


def test_a_shorter_expiry_counts_at_once(client: openai.OpenAI, project: Any) -> None:
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 10})
    client.vector_stores.update(store.id, expires_after=A_DAY)
    project.clock.advance(DAY)
    assert client.vector_stores.retrieve(store.id).status == "expired"


def test_an_expired_store_is_of_no_use(
    client: openai.OpenAI, project: Any, make_file: MakeFile, refused: Refused
) -> None:
    store = client.vector_stores.create(expires_after=A_DAY)
    project.clock.advance(DAY)
    message = f"Vector store '{store.id}' has expired."
    assert refused(lambda: client.vector_stores.search(store.id, query="cake"))["message"] == message
    assert refused(lambda: client.vector_stores.files.create(store.id, file_id=make_file()))["message"] == message


def test_deleting_a_file_takes_it_out_of_its_stores(client: openai.OpenAI, make_file: MakeFile) -> None:
    gone, kept = make_file(), make_file()
    store = client.vector_stores.create(file_ids=[gone, kept])
    client.vector_stores.retrieve(store.id)
    client.files.delete(gone)
    assert [file.id for file in client.vector_stores.files.list(store.id)] == [kept]
    assert client.vector_stores.retrieve(store.id).file_counts.total == 1
    assert [hit.file_id for hit in client.vector_stores.search(store.id, query="cake")] == [kept]
