"""A disk that is full, a directory that cannot be written, a journal that was damaged."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import CodeInterpreter, Emulator, FunctionCall, Image
from assistants_emulator.errors import StoreError
from assistants_emulator.runs.events import END_HELD
from assistants_emulator.store import Event, Store
from assistants_emulator.store.blobs import Contents

AUTH = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}
SERVE = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0"]
NOTHING = ["--", sys.executable, "-c", "pass"]


class FullDisk:
    """`os.write` of a disk that accepts this many more bytes of a journal, and then none."""

    def __init__(self, left: int) -> None:
        self.left = left
        self._write = os.write

    def __call__(self, fd: int, data: bytes) -> int:
        if not data.startswith(b'{"sequence"'):
            return self._write(fd, data)
        if len(data) <= self.left:
            self.left -= len(data)
            return self._write(fd, data)
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_an_error_and_nothing_is_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(data_dir=tmp_path) as emulator, httpx2.Client(base_url=emulator.base_url, headers=AUTH) as wire:
        kept = wire.post("/threads", json={}).json()["id"]
        with monkeypatch.context() as patch:
            patch.setattr("os.write", FullDisk(0))
            answer = wire.post("/threads", json={})
        assert answer.status_code == 500
        assert answer.json()["error"]["message"].endswith("No space left on device")
        after = wire.post("/threads", json={}).json()["id"]
    with Emulator(data_dir=tmp_path) as emulator:
        assert len(emulator.state()["threads"]) == 2
        assert {thread["id"] for thread in emulator.state()["threads"]} == {kept, after}


def test_a_response_that_the_disk_refuses_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(data_dir=tmp_path) as emulator:
        client = emulator.client(max_retries=0)
        conversation = client.conversations.create().id
        with monkeypatch.context() as patch:
            patch.setattr("os.write", FullDisk(0))
            with pytest.raises(openai.InternalServerError, match="No space left on device"):
                client.responses.create(model="gpt-4o", input="Hello", conversation=conversation)
        after = client.responses.create(model="gpt-4o", input="Hello", conversation=conversation).id
        assert [failure.error for failure in emulator.failures] == []
    with Emulator(data_dir=tmp_path) as emulator:
        assert [response["id"] for response in emulator.state()["responses"]] == [after]
        assert len(emulator.client().conversations.items.list(conversation).data) == 2


def test_a_run_that_the_disk_stopped_goes_on_when_the_directory_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(data_dir=tmp_path) as emulator:
        beta = emulator.client(max_retries=0).beta
        assistant = beta.assistants.create(model="gpt-4o")
        thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        with monkeypatch.context() as patch:
            patch.setattr("os.write", FullDisk(3000))
            run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
            stopped = beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id).status
        assert stopped in ("queued", "in_progress")
    with Emulator(data_dir=tmp_path) as emulator:
        again = emulator.client().beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id)
        assert again.status == "completed"


@pytest.mark.parametrize("left", [2_000, 2_500, 3_000, 3_500, 4_000])
def test_a_run_that_the_disk_stopped_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    with Emulator(data_dir=tmp_path) as emulator:
        beta = emulator.client(max_retries=0).beta
        assistant = beta.assistants.create(model="gpt-4o")
        thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        with monkeypatch.context() as patch:
            patch.setattr("os.write", FullDisk(left))
            run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
            for _ in range(3):
                beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id)
        assert beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id).status == "completed"
        assert len(beta.threads.messages.list(thread.id).data) == 2
        assert [type(failure.error).__name__ for failure in emulator.failures] in ([], ["StoreError"])


def test_a_run_that_the_disk_stopped_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(data_dir=tmp_path, responder=FunctionCall("f")) as emulator:
        beta = emulator.client(max_retries=0).beta
        assistant = beta.assistants.create(model="gpt-4o")
        thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        with monkeypatch.context() as patch:
            patch.setattr("os.write", FullDisk(1_800))
            run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
            stopped = beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id)
            assert stopped.status in ("queued", "in_progress")
            with pytest.raises(openai.InternalServerError, match="No space left"):
                beta.threads.runs.cancel(run_id=run.id, thread_id=thread.id)
        beta.threads.runs.cancel(run_id=run.id, thread_id=thread.id)
        assert beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id).status == "cancelled"
        emulator.failures.clear()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Emulator, Any]]:
    """An emulator, and a run that is over; no request has seen its end yet."""
    with Emulator(data_dir=tmp_path) as emulator:
        over = threading.Event()

        def hear(event: Event) -> None:
            if event.name == END_HELD:
                over.set()

        emulator._do(lambda project: project.context.store.subscribe("*", hear))
        beta = emulator.client(max_retries=0).beta
        assistant = beta.assistants.create(model="gpt-4o")
        run = beta.threads.create_and_run(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
        )
        over.wait()
        yield emulator, run


def status_of(emulator: Emulator, run: Any) -> str:
    runs = emulator.client(max_retries=0).beta.threads.runs
    return runs.retrieve(run_id=run.id, thread_id=run.thread_id).status


def test_an_end_that_a_full_disk_holds_back_comes_once_there_is_room(
    held: tuple[Emulator, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, run = held
    with monkeypatch.context() as patch:
        patch.setattr("os.write", FullDisk(0))
        assert [status_of(emulator, run) for _ in range(2)] == ["in_progress"] * 2
        assert [str(failure.error).rpartition(": ")[2] for failure in emulator.failures] == ["No space left on device"]
    assert status_of(emulator, run) == "completed"
    assert len(emulator.client().beta.threads.messages.list(run.thread_id).data) == 2
    emulator.failures.clear()


def test_a_run_whose_end_a_full_disk_holds_back_can_be_cancelled(
    held: tuple[Emulator, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, run = held
    cancel = emulator.client(max_retries=0).beta.threads.runs.cancel
    with monkeypatch.context() as patch:
        patch.setattr("os.write", FullDisk(0))
        with pytest.raises(openai.InternalServerError, match="No space left"):
            cancel(run.id, thread_id=run.thread_id)
    cancel(run.id, thread_id=run.thread_id)
    assert status_of(emulator, run) == "cancelled"


def test_an_end_that_a_full_disk_holds_back_comes_after_a_restart(
    held: tuple[Emulator, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, run = held
    with monkeypatch.context() as patch:
        patch.setattr("os.write", FullDisk(0))
        emulator.stop()
    with Emulator(data_dir=emulator.config.data_dir) as restarted:
        assert status_of(restarted, run) == "completed"


def refusing_files() -> tuple[Callable[[Store, Event], None], list[Event]]:
    """A `Store.commit` that refuses every event with an object that has bytes, and these events."""
    commit, refused = Store.commit, []

    def refuse_files(store: Store, event: Event) -> None:
        if any("_content" in object for _, object in event.puts):
            refused.append(event)
            raise StoreError("No space left on device")
        commit(store, event)

    return refuse_files, refused


def run_code(emulator: Emulator, client: openai.OpenAI) -> None:
    run = client.beta.threads.create_and_run(assistant_id="asst_1")
    client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


CODE = CodeInterpreter("1", images=[Image(content=b"a")], files=[Image(content=b"b", filename="b.csv")])
COPY: Any = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}}
ADDITIONS: dict[str, Callable[[Emulator, openai.OpenAI], object]] = {
    "file": lambda _, client: client.files.create(file=("a.txt", b"x"), purpose="assistants"),
    "part": lambda _, client: client.uploads.parts.create("upload_1", data=b"x"),
    "completed upload": lambda _, client: client.uploads.complete("upload_1", part_ids=["part_1"]),
    "added file": lambda emulator, _: emulator.add_file(b"x"),
    "container": lambda _, client: client.containers.create(name="a", file_ids=["file-1"]),
    "container file": lambda _, client: client.containers.files.create("cntr_1", file=("a.txt", b"x")),
    "copy": lambda _, client: client.containers.files.create("cntr_1", file_id="file-1"),
    "code of a run": run_code,
    "code of a response": lambda _, client: client.responses.create(model="gpt-4o", input="Hi", tools=[COPY]),
}
STATE = {
    "assistants": [
        {"id": "asst_1", "model": "gpt-4o", "instructions": "Help.", "tools": [{"type": "code_interpreter"}]}
    ],
    "files": [{"id": "file-1", "filename": "a.txt", "content_base64": "Y2FrZQ=="}],
    "uploads": [{"id": "upload_1", "bytes": 3, "parts": [{"id": "part_1", "content_base64": "dGVh"}]}],
    "containers": [{"id": "cntr_1"}],
}


@pytest.mark.parametrize("addition", ADDITIONS)
def test_bytes_whose_object_cannot_be_written_are_dropped(monkeypatch: pytest.MonkeyPatch, addition: str) -> None:
    with Emulator(state=STATE, responder=[CODE, "Done."], settle_seconds=0.2) as emulator:
        client = emulator.client(max_retries=0, timeout=2)
        before = emulator._do(lambda project: project.context.contents.ids())
        refuse_files, refused = refusing_files()
        with monkeypatch.context() as patch, suppress(openai.APIError, StoreError):
            patch.setattr(Store, "commit", refuse_files)
            ADDITIONS[addition](emulator, client)
        assert refused
        assert emulator._do(lambda project: project.context.contents.ids()) == before
        emulator.failures.clear()


@pytest.mark.parametrize("addition", ["container", "code of a run", "code of a response", "two added files"])
def test_bytes_are_dropped_if_those_after_them_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, addition: str
) -> None:
    files = [{"id": "file-2", "content_base64": "eA=="}, {"id": "file-3", "content_base64": "eA=="}]
    additions = ADDITIONS | {
        "container": lambda _, client: client.containers.create(name="a", file_ids=["file-1", "file-1"]),
        "two added files": lambda emulator, _: emulator._add_state({"files": files}),
    }
    with Emulator(state=STATE, responder=[CODE, "Done."], settle_seconds=0.2) as emulator:
        client = emulator.client(max_retries=0, timeout=2)
        before = emulator._do(lambda project: project.context.contents.ids())
        added = []
        add = Contents.add

        def add_once(contents: Contents, content: bytes) -> list[str]:
            if added:
                raise StoreError("No space left on device")
            added.append(content)
            return add(contents, content)

        with monkeypatch.context() as patch, suppress(openai.APIError, StoreError):
            patch.setattr(Contents, "add", add_once)
            additions[addition](emulator, client)
        assert len(added) == 1
        assert emulator._do(lambda project: project.context.contents.ids()) == before
        emulator.failures.clear()


def test_a_directory_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    ran = subprocess.run([*SERVE, "--data-dir", str(tmp_path / "data"), *NOTHING], capture_output=True, text=True)
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1
    assert "data" in ran.stderr


def damaged(tmp_path: Path) -> Path:
    """A journal of four lines whose third is garbage; what a kill leaves is imitated by a copy."""
    with Emulator(data_dir=tmp_path / "before") as emulator:
        client = emulator.client()
        for _ in range(4):
            client.beta.threads.create()
        journal = (tmp_path / "before/default/db.json.journal").read_bytes().splitlines(keepends=True)
    folder = tmp_path / "data/default"
    folder.mkdir(parents=True)
    folder.joinpath("db.json.journal").write_bytes(b"".join([*journal[:2], b"{garbage\n", *journal[3:]]))
    return tmp_path / "data"


def test_a_damaged_journal_is_refused_with_its_line(tmp_path: Path) -> None:
    ran = subprocess.run([*SERVE, "--data-dir", str(damaged(tmp_path)), *NOTHING], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "db.json.journal, line 3: damaged, its checksum is wrong; start with --repair" in ran.stderr


def test_repair_keeps_everything_before_the_damage(tmp_path: Path) -> None:
    folder = damaged(tmp_path)
    command = [*SERVE, "--data-dir", str(folder), "--repair", *NOTHING]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0
    assert "line 3: damaged, or lines before it are missing; put 2 of 4 lines into" in ran.stderr
    assert (folder / "default/db.json.journal.broken").read_bytes().startswith(b"{garbage\n")
    with Emulator(data_dir=folder) as emulator:
        assert len(emulator.state()["threads"]) == 2


def test_a_damaged_project_leaves_the_others_usable(tmp_path: Path) -> None:
    folder = damaged(tmp_path)
    (folder / "default").rename(folder / "other")
    with Emulator(data_dir=folder) as emulator:
        answer = httpx2.post(
            f"{emulator.base_url}/threads", headers={**AUTH, "Authorization": "Bearer sk-emulator-other"}
        )
        assert answer.status_code == 500
        assert "line 3: damaged, its checksum is wrong" in answer.json()["error"]["message"]
        assert httpx2.post(f"{emulator.base_url}/threads", headers=AUTH).status_code == 200
