"""A data directory that is deleted, moved or replaced while a server uses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from assistants_emulator import Emulator
from assistants_emulator.errors import StoreError

AUTH = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """One whose directory `data` the test removes: its stop cannot write either."""
    emulator = Emulator(data_dir=tmp_path / "data").start()
    emulator.client().beta.threads.create()
    yield emulator
    with pytest.raises(StoreError, match=r"data/default/db\.json"):
        emulator.stop()


@pytest.fixture
def wire(emulator: Emulator) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=emulator.base_url, headers=AUTH) as wire:
        yield wire


@pytest.mark.parametrize("removed", ["deleted", "moved", "replaced"])
def test_a_commit_to_a_directory_that_is_gone_is_an_error(wire: httpx2.Client, tmp_path: Path, removed: str) -> None:
    (tmp_path / "data").rename(tmp_path / "moved")
    if removed == "deleted":
        shutil.rmtree(tmp_path / "moved")
    if removed == "replaced":
        shutil.copytree(tmp_path / "moved", tmp_path / "data")
    answer = wire.post("/threads", json={})
    assert answer.status_code == 500
    assert "db.json.journal: it was deleted or replaced while in use" in answer.json()["error"]["message"]


def test_an_upload_to_a_directory_that_is_gone_is_an_error_and_makes_none(wire: httpx2.Client, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "data")
    answer = wire.post("/files", data={"purpose": "assistants"}, files={"file": ("a.txt", b"cake")})
    assert answer.status_code == 500
    assert not (tmp_path / "data").exists()


def test_a_stop_after_the_directory_was_deleted_still_stops(tmp_path: Path) -> None:
    emulator = Emulator(data_dir=tmp_path / "data").start()
    emulator.client().beta.threads.create()
    emulator.project("other").client().beta.threads.create()
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(StoreError, match=r"db\.json"):
        emulator.stop()
    with Emulator(data_dir=tmp_path / "data") as again:
        assert again.state()["threads"] == []


def test_a_project_that_was_unloaded_is_not_empty_after_its_directory_was_deleted(tmp_path: Path) -> None:
    emulator = Emulator(data_dir=tmp_path / "data", loaded_projects=1).start()
    emulator.client().beta.threads.create()
    emulator.project("other").client().beta.threads.create()
    shutil.rmtree(tmp_path / "data" / "default")
    with pytest.raises(StoreError, match="it was deleted or replaced while in use"):
        emulator.state()
    with pytest.raises(openai.InternalServerError):
        emulator.client(max_retries=0).beta.threads.create()
    emulator.stop()
    assert not (tmp_path / "data" / "default").exists()


def test_the_first_write_to_a_project_may_be_an_upload_which_makes_its_directory_once(tmp_path: Path) -> None:
    emulator = Emulator(data_dir=tmp_path / "data").start()
    client = emulator.client(max_retries=0)
    client.models.list()
    assert not (tmp_path / "data" / "default").exists()
    client.files.create(file=("a.txt", b"cake"), purpose="assistants")
    shutil.rmtree(tmp_path / "data" / "default")
    with pytest.raises(openai.InternalServerError):
        client.files.create(file=("b.txt", b"cake"), purpose="assistants")
    assert not (tmp_path / "data" / "default").exists()
    with pytest.raises(StoreError, match="data/default"):
        emulator.stop()


def test_a_project_is_not_made_in_a_data_directory_that_is_gone(tmp_path: Path) -> None:
    with Emulator(data_dir=tmp_path / "data") as emulator:
        shutil.rmtree(tmp_path / "data")
        with pytest.raises(openai.InternalServerError):
            emulator.client(max_retries=0).beta.threads.create()
        assert not (tmp_path / "data").exists()
