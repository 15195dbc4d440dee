"""Projects on disk: each key has a directory of its own, and only keys that write have one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx2
import openai
import pytest

from assistants_emulator import Emulator


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def folders(data_dir: Path) -> list[str]:
    return sorted(path.name for path in data_dir.iterdir() if path.is_dir())


def test_the_hash_of_a_name_is_another_project(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        emulator.project("Alice").client().beta.threads.create()
        emulator.project("Alice").client().beta.assistants.create(model="gpt-4o")
        assert emulator.project(digest("Alice")).client().beta.assistants.list().data == []
        assert emulator.project(f"hashed.{digest('Alice')}").client().beta.assistants.list().data == []
    with Emulator(tmp_path) as emulator:
        assert len(emulator.project("Alice").client().beta.assistants.list().data) == 1
        assert emulator.project(digest("Alice")).client().beta.assistants.list().data == []


def unmarked(tmp_path: Path) -> None:
    """A data directory as older versions wrote it, with a project Alice."""
    with Emulator(tmp_path) as emulator:
        emulator.project("Alice").client().beta.assistants.create(model="gpt-4o")
    (tmp_path / f"hashed.{digest('Alice')}").rename(tmp_path / digest("Alice"))


def test_the_directory_of_an_older_version_is_renamed(tmp_path: Path) -> None:
    unmarked(tmp_path)
    with Emulator(tmp_path) as emulator:
        assert len(emulator.project("Alice").client().beta.assistants.list().data) == 1
    assert folders(tmp_path) == [f"hashed.{digest('Alice')}"]


def test_the_directory_of_an_older_version_is_not_given_to_its_hash(tmp_path: Path) -> None:
    unmarked(tmp_path)
    with Emulator(tmp_path) as emulator:
        headers = {"Authorization": f"Bearer sk-emulator-{digest('Alice')}", "OpenAI-Beta": "assistants=v2"}
        answer = httpx2.get(f"{emulator.base_url}/assistants", headers=headers)
        assert answer.status_code == 500
        assert "rename it to hashed" in answer.json()["error"]["message"]
        assert len(emulator.project("Alice").client().beta.assistants.list().data) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/assistants"), ("POST", "/v1/threads/x"), ("GET", "/_emulator/state"), ("POST", "/_emulator/reset")],
)
def test_a_key_that_writes_nothing_leaves_no_directory(tmp_path: Path, method: str, path: str) -> None:
    with Emulator(tmp_path) as emulator:
        headers = {"Authorization": "Bearer sk-emulator-random", "OpenAI-Beta": "assistants=v2"}
        httpx2.request(method, emulator.base_url.removesuffix("/v1") + path, headers=headers)
    assert folders(tmp_path) == []


def test_an_upload_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, pytest.raises(openai.BadRequestError):
        emulator.client().files.create(file=("a", b"x"), purpose="wrong")  # type: ignore[arg-type]
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name == "files"] == []


def test_a_key_that_writes_has_one(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        emulator.project("random").client().beta.threads.create()
    assert folders(tmp_path) == ["random"]
