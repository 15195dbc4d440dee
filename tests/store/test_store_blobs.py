from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Blobs
from assistants_emulator.store.disk import replace_file


@pytest.fixture(params=["temporary", "own"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs(None if request.param == "temporary" else tmp_path / "files")


def test_a_blob_can_be_read_whole_and_in_part(blobs: Blobs) -> None:
    blobs.put("file-a", b"0123456789")
    assert blobs.read("file-a") == b"0123456789"
    assert (blobs.read("file-a", 7), blobs.read("file-a", 2, 3), blobs.read("file-a", 9, 5)) == (b"789", b"234", b"9")
    assert blobs.size("file-a") == 10


def test_iterating_gives_chunks(blobs: Blobs) -> None:
    blobs.put("file-a", b"0123456789")
    assert list(blobs.iterate("file-a", chunk=4)) == [b"0123", b"4567", b"89"]


def test_an_empty_blob_is_one(blobs: Blobs) -> None:
    blobs.put("file-a", b"")
    assert (blobs.read("file-a"), blobs.size("file-a"), blobs.ids()) == (b"", 0, ["file-a"])


def test_a_stream_counts_from_its_commit_on(blobs: Blobs) -> None:
    writer = blobs.new("file-a")
    writer.write(b"one ")
    writer.write(b"two")
    assert blobs.ids() == []
    writer.commit()
    assert blobs.read("file-a") == b"one two"


def test_a_stream_as_context_commits_itself(blobs: Blobs) -> None:
    with blobs.new("file-a") as writer:
        writer.write(b"all")
    assert blobs.read("file-a") == b"all"


def test_an_aborted_stream_leaves_what_was_there(blobs: Blobs) -> None:
    blobs.put("file-a", b"old")
    writer = blobs.new("file-a")
    writer.write(b"new")
    writer.abort()
    writer.commit()
    assert blobs.read("file-a") == b"old"


def test_a_stream_that_an_exception_leaves_is_aborted(blobs: Blobs) -> None:
    with pytest.raises(ZeroDivisionError), blobs.new("file-a") as writer:
        writer.write(b"x" * (1 // 0))
    assert blobs.ids() == []


def test_there_are_no_ids_before_the_first_blob(blobs: Blobs) -> None:
    assert blobs.ids() == []


def test_deleting_removes_and_may_be_repeated(blobs: Blobs) -> None:
    blobs.put("file-a", b"x")
    blobs.delete("file-a")
    blobs.delete("file-a")
    assert blobs.ids() == []


@pytest.mark.parametrize("ask", [Blobs.read, Blobs.size, Blobs.iterate])
def test_a_missing_blob_is_a_key_error(blobs: Blobs, ask) -> None:
    with pytest.raises(KeyError, match="file-a"):
        ask(blobs, "file-a")


@pytest.mark.parametrize("id", ["", "../secret", "a/b", "a.new", "a\n", "x" * 201, "C:x"])
def test_an_id_that_cannot_name_a_file_is_refused(blobs: Blobs, id: str) -> None:
    for ask in (blobs.new, blobs.read, blobs.delete, blobs.size):
        with pytest.raises(ValueError, match="not an id"):
            ask(id)


def test_blobs_are_there_after_a_restart_and_half_written_ones_are_not(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    blobs.put("file-a", b"whole")
    (tmp_path / "file-b.new").write_bytes(b"hal")
    again = Blobs(tmp_path)
    assert (again.ids(), again.read("file-a")) == (["file-a"], b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file-a"]


def test_a_disk_that_refuses_is_an_error_of_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def refuse(*paths: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match=r"file-a: No space left on device$"):
        Blobs(tmp_path).put("file-a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_a_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file: not a directory$"):
        Blobs(tmp_path / "file").put("file-a", b"x")


def test_a_replaced_file_keeps_its_bytes_if_the_writer_fails(tmp_path: Path) -> None:
    path = tmp_path / "weather.json"
    path.write_bytes(b"old")
    with suppress(ZeroDivisionError), replace_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("weather.json", b"old")]


def test_a_replaced_file_has_the_new_bytes_after_the_block(tmp_path: Path) -> None:
    path = tmp_path / "weather.json"
    with replace_file(path, sync=False) as file:
        file.write(b"new")
        assert not path.exists()
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("weather.json", b"new")]
