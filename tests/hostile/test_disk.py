"""A disk that is full, a directory that cannot be written, a journal that was damaged."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, FunctionCall

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
