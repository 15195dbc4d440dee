"""File batches: create, retrieve, cancel, list files."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from tests.resources.conftest import MakeFile, Refused


@pytest.fixture
def store(client: openai.OpenAI) -> str:
    return client.vector_stores.create().id


def test_a_new_batch_has_the_wires_keys(wire: httpx2.Client, store: str, make_file: MakeFile) -> None:
    answer = wire.post(f"/vector_stores/{store}/file_batches", json={"file_ids": [make_file(), make_file()]})
    body = answer.json()
    assert answer.headers["openai-poll-after-ms"] == "10"
    assert list(body) == ["id", "object", "created_at", "status", "vector_store_id", "file_counts"]
    assert (body["object"], body["status"]) == ("vector_store.file_batch", "in_progress")
    assert body["file_counts"] == {"in_progress": 2, "completed": 0, "failed": 0, "cancelled": 0, "total": 2}


def test_the_sdk_creates_and_polls(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    batch = client.vector_stores.file_batches.create_and_poll(store, file_ids=[make_file(), make_file()])
    assert (batch.status, batch.file_counts.completed) == ("completed", 2)


def test_the_sdk_uploads_and_polls(client: openai.OpenAI, store: str) -> None:
    files: Any = [("a.txt", b"one"), ("b.txt", b"\xff")]
    batch = client.vector_stores.file_batches.upload_and_poll(store, files=files)
    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == ("completed", 1, 1)


def test_the_files_of_file_ids_share_the_batchs_settings(
    client: openai.OpenAI, store: str, make_file: MakeFile
) -> None:
    ids = [make_file(), make_file()]
    client.vector_stores.file_batches.create(store, file_ids=ids, attributes={"year": 2024})
    assert [file.attributes for file in client.vector_stores.files.list(store)] == [{"year": 2024}] * 2


def test_each_of_files_has_its_own_settings(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    files: Any = [{"file_id": make_file(), "attributes": {"n": n}} for n in range(2)]
    client.vector_stores.file_batches.create(store, files=files)
    assert [file.attributes for file in client.vector_stores.files.list(store, order="asc")] == [{"n": 0}, {"n": 1}]


def test_a_batch_lists_its_own_files(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    client.vector_stores.files.create(store, file_id=make_file())
    ids = [make_file() for _ in range(3)]
    batch = client.vector_stores.file_batches.create(store, file_ids=ids)
    files = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store, limit=2, order="asc")
    assert [file.id for file in files] == ids


def test_before_with_asc_answers_from_the_start(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    ids = [make_file() for _ in range(3)]
    batch = client.vector_stores.file_batches.create(store, file_ids=ids)
    list_files = client.vector_stores.file_batches.list_files
    page = list_files(batch.id, vector_store_id=store, before=ids[2], order="asc")
    assert ([file.id for file in page.data], page.has_more) == (ids[:2], False)


def test_a_finished_batch_is_not_cancelled(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    batch = client.vector_stores.file_batches.create(store, file_ids=[make_file()])
    assert client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store).status == "completed"


def test_a_batch_of_nothing_known_is_refused(client: openai.OpenAI, store: str, refused: Refused) -> None:
    create = client.vector_stores.file_batches.create
    message = "Files [file-x] were not found"
    assert refused(lambda: create(store, file_ids=["file-x"]))["message"] == message
    assert refused(lambda: create(store, files=[{"file_id": "file-x"}]))["message"] == message


def test_unknown_batches_are_refused(client: openai.OpenAI, store: str, refused: Refused) -> None:
    def message(id: str) -> Any:
        return refused(lambda: client.vector_stores.file_batches.retrieve(id, vector_store_id=store))["message"]

    assert message("vsfb_x") == "No file batch found with id 'vsfb_x'."
    assert message(store) == f"Invalid 'batch_id': '{store}'. Expected an ID that begins with 'vsfb_'."
