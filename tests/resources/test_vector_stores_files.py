"""Files in a vector store: create, list, retrieve, update, delete, content, and files that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from tests.resources.conftest import MakeFile, Refused

from assistants_emulator.clock import MANUAL_START
from assistants_emulator.processes import READERS

AUTO = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}


@pytest.fixture
def store(client: openai.OpenAI) -> str:
    return client.vector_stores.create().id


def test_a_new_file_has_the_wires_keys(wire: httpx2.Client, store: str, make_file: MakeFile) -> None:
    id = make_file()
    answer = wire.post(f"/vector_stores/{store}/files", json={"file_id": id})
    assert answer.headers["openai-poll-after-ms"] == "10"
    assert list(answer.json().items()) == [
        ("id", id),
        ("object", "vector_store.file"),
        ("usage_bytes", 0),
        ("created_at", MANUAL_START),
        ("vector_store_id", store),
        ("status", "in_progress"),
        ("last_error", None),
        ("chunking_strategy", AUTO),
        ("attributes", {}),
    ]


def test_the_sdk_uploads_and_polls(client: openai.OpenAI, store: str) -> None:
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store, file=("a.md", b"# Cake"))
    assert (file.status, file.usage_bytes, file.last_error) == ("completed", 6, None)


def test_a_chunking_strategy_is_shown_as_it_was_given(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    static: Any = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20}}
    file = client.vector_stores.files.create_and_poll(make_file(), vector_store_id=store, chunking_strategy=static)
    assert file.chunking_strategy.to_dict() == static


def test_auto_chunking_is_shown_as_what_it_means(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    file = client.vector_stores.files.create(store, file_id=make_file(), chunking_strategy={"type": "auto"})
    assert file.chunking_strategy.to_dict() == AUTO


def test_attributes_are_replaced_by_an_update(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    file = client.vector_stores.files.create(store, file_id=make_file(), attributes={"year": 2024, "draft": True})
    assert file.attributes == {"year": 2024, "draft": True}
    updated = client.vector_stores.files.update(file.id, vector_store_id=store, attributes={"year": 2025.5})
    assert updated.attributes == {"year": 2025.5}
    cleared = client.vector_stores.files.update(file.id, vector_store_id=store, attributes=None)
    assert cleared.attributes == {}


def test_delete_takes_the_file_out_and_leaves_it(
    wire: httpx2.Client, client: openai.OpenAI, store: str, make_file: MakeFile
) -> None:
    id = make_file()
    client.vector_stores.files.create_and_poll(id, vector_store_id=store)
    deleted = {"id": id, "object": "vector_store.file.deleted", "deleted": True}
    assert wire.delete(f"/vector_stores/{store}/files/{id}").json() == deleted
    assert wire.get(f"/vector_stores/{store}/files/{id}").status_code == 404
    assert client.vector_stores.retrieve(store).file_counts.total == 0
    assert client.files.retrieve(id).id == id


def test_one_file_may_be_in_several_stores(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    id, other = make_file(), client.vector_stores.create().id
    for one in (store, other):
        client.vector_stores.files.create(one, file_id=id, attributes={"store": one})
    assert client.vector_stores.files.retrieve(id, vector_store_id=other).attributes == {"store": other}
    assert client.vector_stores.files.retrieve(id, vector_store_id=store).attributes == {"store": store}


def test_adding_a_file_again_counts_once(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    id = make_file()
    client.vector_stores.files.create_and_poll(id, vector_store_id=store)
    again = client.vector_stores.files.create(store, file_id=id, attributes={"again": True})
    assert again.status == "in_progress"
    settled = client.vector_stores.retrieve(store)
    assert (settled.file_counts.completed, settled.file_counts.total, settled.usage_bytes) == (1, 1, 13)


def test_the_list_is_walked_in_pages(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    ids = [make_file() for _ in range(5)]
    for id in ids:
        client.vector_stores.files.create(store, file_id=id)
    assert [file.id for file in client.vector_stores.files.list(store, limit=2, order="asc")] == ids
    assert [file.id for file in client.vector_stores.files.list(store, before=ids[2], order="asc")] == ids[:2]


def test_the_list_can_be_of_one_status(client: openai.OpenAI, store: str, make_file: MakeFile) -> None:
    good, bad = make_file(), make_file("a.txt", b"\xff\xff")
    for id in (good, bad):
        client.vector_stores.files.create(store, file_id=id)
    assert [file.id for file in client.vector_stores.files.list(store, filter="failed")] == [bad]
    assert [file.id for file in client.vector_stores.files.list(store, filter="completed")] == [good]


def test_an_unknown_status_is_refused(wire: httpx2.Client, store: str) -> None:
    error = wire.get(f"/vector_stores/{store}/files?filter=lost").json()["error"]
    assert error["message"].startswith("Invalid value: 'lost'. Supported values are: 'in_progress', 'completed',")


def test_content_is_the_text_that_was_read(wire: httpx2.Client, client: openai.OpenAI, store: str) -> None:
    page = b"<html><style>p{}</style><p>Cake &amp; pie</p></html>"
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store, file=("a.html", page))
    body = wire.get(f"/vector_stores/{store}/files/{file.id}/content").json()
    assert list(body) == ["object", "data", "has_more", "next_page"]
    assert [part["text"].strip() for part in body["data"]] == ["Cake & pie"]


UNREADABLE = [
    ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<<", "invalid_file"),
    ("no.docx", b"PK\x03\x04 not a zip", "invalid_file"),
    ("binary.txt", bytes(range(256)), "invalid_file"),
    ("blank.txt", b" \n ", "invalid_file"),
    ("old.doc", b"\xd0\xcf\x11\xe0", "unsupported_file"),
]


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Take a library away from helper processes, which have this process's path at their start."""

    def take_away(library: str) -> None:
        (tmp_path / f"{library}.py").write_text("raise ImportError")
        monkeypatch.syspath_prepend(tmp_path)
        READERS.close()

    yield take_away
    READERS.close()


@pytest.mark.parametrize(("name", "library"), [("a.pdf", "pypdf"), ("a.docx", "docx"), ("a.pptx", "pptx")])
def test_a_document_without_its_library_fails_and_names_the_extra(
    client: openai.OpenAI, store: str, make_file: MakeFile, without: Callable[[str], None], name: str, library: str
) -> None:
    without(library)
    file = client.vector_stores.files.create_and_poll(make_file(name, b"%PDF-1.7"), vector_store_id=store)
    assert (file.status, file.last_error.code) == ("failed", "unsupported_file")
    assert file.last_error.message.endswith("pip install 'assistants-emulator[documents]'.")


@pytest.mark.parametrize(("name", "content", "code"), UNREADABLE)
def test_a_file_that_cannot_be_read_fails_with_its_reason(
    client: openai.OpenAI, store: str, make_file: MakeFile, name: str, content: bytes, code: str
) -> None:
    file = client.vector_stores.files.create_and_poll(make_file(name, content), vector_store_id=store)
    assert (file.status, file.usage_bytes, file.last_error.code) == ("failed", 0, code)
    settled = client.vector_stores.retrieve(store)
    assert (settled.status, settled.file_counts.failed) == ("completed", 1)


def test_unknown_files_of_a_store_are_refused(client: openai.OpenAI, store: str, refused: Refused) -> None:
    def message(id: str) -> Any:
        return refused(lambda: client.vector_stores.files.retrieve(id, vector_store_id=store))["message"]

    assert message("file-x") == f"No file found with id 'file-x' in vector store '{store}'."
    assert message("x") == "Invalid 'file_id': 'x'. Expected an ID that begins with 'file'."
