"""Requests while a document is being read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from assistants_emulator import Emulator
from assistants_emulator.resources import vector_store_indexing


class SlowDocument:
    """A document whose reading takes until it is released."""

    def __init__(self) -> None:
        self.begun, self.released, self.readings = threading.Event(), threading.Event(), 0

    def extract(self, filename: str, content: bytes) -> str:
        self.readings += 1
        self.begun.set()
        self.released.wait()
        return content.decode()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDocument]:
    slow = SlowDocument()
    monkeypatch.setattr(vector_store_indexing, "extract_apart", slow.extract)
    yield slow
    slow.released.set()


def test_other_requests_go_on_and_those_that_wait_share_one_reading(client: openai.OpenAI, slow: SlowDocument) -> None:
    file = client.files.create(file=("a.txt", b"cake"), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(client.vector_stores.retrieve, store.id) for _ in range(3)]
        slow.begun.wait()
        assert client.files.retrieve(file.id) == file
        slow.released.set()
        assert [one.result().status for one in waiting] == ["completed"] * 3
    assert slow.readings == 1


def test_no_request_waits_forever(slow: SlowDocument) -> None:
    with Emulator(settle_seconds=0.01) as emulator, emulator.client() as client:
        file = client.files.create(file=("a.txt", b"cake"), purpose="assistants")
        store = client.vector_stores.create(file_ids=[file.id])
        assert client.vector_stores.retrieve(store.id).status == "in_progress"
        slow.released.set()
        assert client.vector_stores.files.poll(file.id, vector_store_id=store.id).status == "completed"
    assert slow.readings == 1


def test_a_file_deleted_while_it_is_read_is_gone(client: openai.OpenAI, slow: SlowDocument) -> None:
    file = client.files.create(file=("a.txt", b"cake"), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(client.vector_stores.retrieve, store.id)
        slow.begun.wait()
        client.files.delete(file.id)
        slow.released.set()
        assert waiting.result().file_counts.total == 0
