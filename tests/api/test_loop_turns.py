"""Long operations are done in steps: other requests are answered in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.resources import threads as thread_operations
from assistants_emulator.retrieval import index as retrieval_index
from assistants_emulator.store import Store

AUTH = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}
TEXT = b"Cake is eaten. " * 20_000


def long_thread(messages: int) -> dict[str, Any]:
    content = {"thread_id": "thread_1", "content": "Hello"}
    return {
        "threads": [{"id": "thread_1"}],
        "messages": [{"id": f"msg_{number}", **content} for number in range(messages)],
    }


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(settle_seconds=0.2) as emulator:  # what is held longer is let go by the tests
        yield emulator


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=emulator.base_url, headers=AUTH, timeout=60) as wire:
        yield wire


class Turns:
    """Counts the turns of a server's loop, from one call on the loop to the end of the `with` block."""

    def __init__(self, emulator: Emulator) -> None:
        self.count = 0
        self._soon: Callable[[Callable[[], object]], None] = emulator._server.loop.soon
        self._is_over = False

    def __enter__(self) -> Turns:
        self._soon(self._turn)
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over = True

    def _turn(self) -> None:
        self.count += 1
        if not self._is_over:
            asyncio.get_running_loop().call_soon(self._turn)


def test_a_long_thread_is_deleted_in_turns(emulator: Emulator, wire: httpx2.Client) -> None:
    emulator.load_state(long_thread(5 * thread_operations.MOST_DROPS))
    sizes: list[int] = []
    emulator._do(lambda project: project.context.store.subscribe("*", lambda event: sizes.append(len(event.drops))))
    with Turns(emulator) as turns:
        assert wire.delete("/threads/thread_1").json()["deleted"] is True
    assert max(sizes) <= thread_operations.MOST_DROPS + 1
    assert turns.count > len(sizes) >= 5
    assert emulator.state()["messages"] == []


def test_a_thread_under_deletion_is_gone_for_others(emulator: Emulator, wire: httpx2.Client) -> None:
    emulator.load_state(long_thread(3 * thread_operations.MOST_DROPS))
    seen: list[Any] = []

    def look(event: Any) -> None:
        store = emulator.open_project("default").context.store
        seen.append((event.name, store.get("threads", "thread_1")))

    emulator._do(lambda project: project.context.store.subscribe("*", look))
    wire.delete("/threads/thread_1")
    assert seen[0] == ("thread.deleted", None)
    assert {name for name, _ in seen[1:]} == {"thread.swept"}


def test_objects_without_a_parent_are_dropped_when_a_directory_is_used_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "default")
    store.replace(
        {
            "threads": [{"id": "thread_1"}],
            "messages": [{"id": "msg_1", "thread_id": "thread_1"}, {"id": "msg_2", "thread_id": "thread_2"}],
            "runs": [{"id": "run_1", "thread_id": "thread_2", "status": "completed"}],
            "steps": [{"id": "step_1", "run_id": "run_1"}],
        }
    )
    store.close()
    with Emulator(data_dir=tmp_path) as emulator:
        ids = emulator._do(lambda project: [row["id"] for row in project.context.store.all("messages")])
        counts = emulator._do(lambda project: [project.context.store.count(name) for name in ("runs", "steps")])
    assert (ids, counts) == (["msg_1"], [0, 0])


class HeldWrites:
    """Writes to the index that wait, in their thread, until they are released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        write = retrieval_index.StoreIndex._write

        def wait_and_write(index: Any, *arguments: Any) -> None:
            self.begun.set()
            self.released.wait()
            write(index, *arguments)

        monkeypatch.setattr(retrieval_index.StoreIndex, "_write", wait_and_write)


@pytest.fixture
def searched(emulator: Emulator, wire: httpx2.Client) -> tuple[str, str]:
    """The ids of a file and of a vector store that has it."""
    file = upload(wire)
    store = wire.post("/vector_stores", json={"file_ids": [file]}).json()["id"]
    assert len(search(wire, store)) == 10
    return file, store


def upload(wire: httpx2.Client) -> str:
    form: dict[str, Any] = {"data": {"purpose": "assistants"}, "files": {"file": ("a.txt", TEXT)}}
    id: str = wire.post("/files", **form).json()["id"]
    return id


def search(wire: httpx2.Client, store: str) -> list[Any]:
    hits: list[Any] = wire.post(f"/vector_stores/{store}/search", json={"query": "cake"}).json()["data"]
    return hits


def test_requests_are_answered_while_chunks_are_indexed(wire: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    file, held = upload(wire), HeldWrites(monkeypatch)
    store = wire.post("/vector_stores", json={"file_ids": [file]}).json()["id"]
    with ThreadPoolExecutor() as threads:
        searching = threads.submit(search, wire, store)
        held.begun.wait()
        assert wire.get(f"/files/{file}").status_code == 200
        held.released.set()
        assert len(searching.result()) == 10


@pytest.mark.parametrize("path", ["/files/{file}", "/vector_stores/{store}/files/{file}"])
def test_requests_are_answered_while_chunks_are_removed(
    searched: tuple[str, str], wire: httpx2.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (file, store), held = searched, HeldWrites(monkeypatch)
    with ThreadPoolExecutor() as threads:
        deleting = threads.submit(wire.delete, path.format(file=file, store=store))
        held.begun.wait()
        assert wire.get(f"/vector_stores/{store}").json()["file_counts"]["total"] == 0
        searching = threads.submit(search, wire, store)
        held.released.set()
        assert deleting.result().json()["deleted"] is True
        assert searching.result() == []


def test_a_file_that_is_deleted_while_it_is_indexed_is_not_found(
    wire: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, held = upload(wire), HeldWrites(monkeypatch)
    store = wire.post("/vector_stores", json={"file_ids": [file]}).json()["id"]
    with ThreadPoolExecutor() as threads:
        searching = threads.submit(search, wire, store)
        held.begun.wait()
        deleting = threads.submit(wire.delete, f"/files/{file}")
        held.released.set()
        assert deleting.result().status_code == 200
        assert searching.result() == []


@pytest.mark.parametrize("end", ["reset", "delete"])
def test_an_index_that_is_dropped_while_it_is_written_is_closed(
    emulator: Emulator, wire: httpx2.Client, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    file, held = upload(wire), HeldWrites(monkeypatch)
    store = wire.post("/vector_stores", json={"file_ids": [file]}).json()["id"]
    with ThreadPoolExecutor() as threads:
        searching = threads.submit(wire.post, f"/vector_stores/{store}/search", json={"query": "cake"})
        held.begun.wait()
        emulator.reset() if end == "reset" else wire.delete(f"/vector_stores/{store}")
        held.released.set()
        assert searching.result().status_code == 404
