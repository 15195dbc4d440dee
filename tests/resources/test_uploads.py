"""Uploads: create, parts, complete, cancel, expiry."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx2
import openai
import pytest
from tests.resources.conftest import MakeFile, Refused


@pytest.fixture
def upload(client: openai.OpenAI) -> Any:
    return client.uploads.create(filename="a.jsonl", purpose="batch", bytes=6, mime_type="text/plain")


def add(client: openai.OpenAI, upload: Any, *contents: bytes) -> list[str]:
    return [client.uploads.parts.create(upload.id, data=content).id for content in contents]


def test_an_upload_is_pending_for_an_hour(wire: httpx2.Client) -> None:
    body = {"filename": "a.txt", "purpose": "assistants", "bytes": 6, "mime_type": "text/plain"}
    created = wire.post("/uploads", json=body).json()
    assert list(created) == ["id", "object", "bytes", "created_at", "filename", "purpose", "status", "expires_at"]
    assert (created["status"], created["expires_at"]) == ("pending", created["created_at"] + 3600)


def test_a_part_names_its_upload(client: openai.OpenAI, upload: Any) -> None:
    part = client.uploads.parts.create(upload.id, data=b"one")
    assert (part.object, part.upload_id) == ("upload.part", upload.id)
    assert part.id.startswith("part_")


def test_the_order_of_part_ids_is_the_order_of_the_bytes(client: openai.OpenAI, upload: Any) -> None:
    two, one = add(client, upload, b"two", b"one")
    completed = client.uploads.complete(upload.id, part_ids=[one, two])
    assert completed.status == "completed"
    assert client.files.content(completed.file.id).read() == b"onetwo"


def test_the_file_of_a_completed_upload_is_a_file_like_others(client: openai.OpenAI, upload: Any) -> None:
    completed = client.uploads.complete(upload.id, part_ids=add(client, upload, b"onetwo"))
    assert client.files.retrieve(completed.file.id) == completed.file
    assert (completed.file.filename, completed.file.bytes, completed.file.status) == ("a.jsonl", 6, "processed")


def test_parts_that_are_not_named_are_left_out(client: openai.OpenAI, upload: Any, project: Any) -> None:
    _, wanted = add(client, upload, b"draft", b"onetwo")
    completed = client.uploads.complete(upload.id, part_ids=[wanted])
    assert client.files.content(completed.file.id).read() == b"onetwo"
    assert len(project._do(lambda project: project.context.contents.ids())) == 1


def test_the_sdk_uploads_a_file_in_chunks(client: openai.OpenAI) -> None:
    content = bytes(range(256)) * 1000
    uploaded = client.uploads.upload_file_chunked(
        file=content,
        filename="a.bin",
        bytes=len(content),
        mime_type="x",
        purpose="batch",
        part_size=100_000,
        md5=hashlib.md5(content).hexdigest(),
    )
    assert client.files.content(uploaded.file.id).read() == content


def test_the_parts_must_have_the_bytes_that_were_announced(
    client: openai.OpenAI, upload: Any, refused: Refused
) -> None:
    parts = add(client, upload, b"one")
    error = refused(lambda: client.uploads.complete(upload.id, part_ids=parts))
    assert error["message"] == "Expected the parts to have 6 bytes in total, but got 3 bytes instead."


def test_the_parts_must_have_the_md5_that_was_given(client: openai.OpenAI, upload: Any, refused: Refused) -> None:
    parts = add(client, upload, b"onetwo")
    error = refused(lambda: client.uploads.complete(upload.id, part_ids=parts, md5="0" * 32))
    assert (error["param"], error["code"]) == ("md5", "invalid_value")


def test_a_refused_completion_can_be_tried_again(client: openai.OpenAI, upload: Any, refused: Refused) -> None:
    parts = add(client, upload, b"one")
    refused(lambda: client.uploads.complete(upload.id, part_ids=parts))
    assert client.uploads.complete(upload.id, part_ids=[*parts, *add(client, upload, b"two")]).status == "completed"


def test_a_part_cannot_be_named_twice(client: openai.OpenAI, upload: Any, refused: Refused) -> None:
    (part,) = add(client, upload, b"one")
    assert refused(lambda: client.uploads.complete(upload.id, part_ids=[part, part]))["param"] == "part_ids[1]"


def test_a_part_of_another_upload_is_unknown(client: openai.OpenAI, upload: Any, refused: Refused) -> None:
    other = client.uploads.create(filename="b.jsonl", purpose="batch", bytes=6, mime_type="x")
    (part,) = add(client, other, b"onetwo")
    assert refused(lambda: client.uploads.complete(upload.id, part_ids=[part]))["status"] == 404


def test_a_part_needs_data(wire: httpx2.Client, upload: Any) -> None:
    answer = wire.post(f"/uploads/{upload.id}/parts", files={"file": b"one"})
    assert answer.json()["error"]["message"] == "Missing required parameter: 'data'."


def test_cancel_removes_the_parts(client: openai.OpenAI, upload: Any, project: Any) -> None:
    add(client, upload, b"one")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    assert project._do(lambda project: project.context.contents.ids()) == []


@pytest.mark.parametrize("end", ["cancelled", "completed", "expired"])
def test_an_upload_that_is_over_takes_nothing(
    client: openai.OpenAI, upload: Any, project: Any, refused: Refused, end: str
) -> None:
    if end == "cancelled":
        client.uploads.cancel(upload.id)
    elif end == "completed":
        client.uploads.complete(upload.id, part_ids=add(client, upload, b"onetwo"))
    else:
        project.clock.advance(3600)
    error = refused(lambda: client.uploads.parts.create(upload.id, data=b"x"))
    assert (error["status"], error["message"]) == (400, f"Cannot add parts to upload with status '{end}'.")
    assert refused(lambda: client.uploads.complete(upload.id, part_ids=[]))["status"] == 400


def test_an_expired_upload_leaves_no_bytes(client: openai.OpenAI, upload: Any, project: Any) -> None:
    add(client, upload, b"one")
    project.clock.advance(3600)
    assert project._do(lambda project: project.context.contents.ids()) == []


def test_the_files_own_expiry_counts_from_its_creation(client: openai.OpenAI, project: Any) -> None:
    expires_after: Any = {"anchor": "created_at", "seconds": 7200}
    upload = client.uploads.create(
        filename="a.jsonl", purpose="batch", bytes=3, mime_type="x", expires_after=expires_after
    )
    project.clock.advance(60)
    completed = client.uploads.complete(upload.id, part_ids=add(client, upload, b"one"))
    assert completed.file.expires_at == completed.file.created_at + 7200 == upload.created_at + 7260


def test_unknown_uploads_are_refused(client: openai.OpenAI, refused: Refused) -> None:
    assert refused(lambda: client.uploads.cancel("upload_x"))["message"] == "No upload found with id 'upload_x'."


def test_an_uploads_name_is_checked_as_a_files_is(client: openai.OpenAI, make_file: MakeFile, refused: Refused) -> None:
    def create() -> object:
        return client.uploads.create(filename="a.vb", purpose="assistants", bytes=1, mime_type="x")

    assert refused(create)["message"] == refused(lambda: make_file("a.vb"))["message"]
