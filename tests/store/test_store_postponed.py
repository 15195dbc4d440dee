"""Commits that no request has seen: applied at once, on the disk with the next line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Event, Store


def unseen(store: Store, *ids: str) -> None:
    store.commit(Event("made", {}, tuple(("threads", {"id": id}) for id in ids), is_unseen=True))


def ids(store: Store) -> list[str]:
    return [thread["id"] for thread in store.all("threads")]


def lines(tmp_path: Path) -> int:
    return (tmp_path / "db.json.journal").read_bytes().count(b"\n")


def test_a_postponed_commit_is_found_at_once_and_written_with_the_next(opened, insert, tmp_path: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    assert (ids(store), lines(tmp_path)) == (["a", "b"], 1)
    insert(store, "threads", "c")
    assert lines(tmp_path) == 2
    assert ids(opened()) == ["a", "b", "c"]


def test_a_kill_before_the_next_commit_leaves_none_of_it(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    killed = opened()
    insert(killed, "threads", "c")
    assert ids(opened()) == ["a", "c"]


def test_a_postponed_object_that_is_replaced_is_written_once(opened, insert, tmp_path: Path) -> None:
    store = opened()
    unseen(store, "a")
    store.commit(Event("changed", {}, (("threads", {"id": "a", "metadata": {"b": "c"}}),)))
    assert (tmp_path / "db.json.journal").read_bytes().count(b'"id":"a"') == 1
    assert opened().get("threads", "a") == {"id": "a", "metadata": {"b": "c"}}


def test_a_postponed_drop_of_a_written_object_is_written_with_the_next_commit(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    store.commit(Event("taken back", {}, drops=(("threads", "a"),), is_unseen=True))
    assert (ids(store), ids(opened())) == (["b"], ["a", "b"])
    insert(store, "threads", "c")
    assert ids(opened()) == ["b", "c"]


@pytest.mark.parametrize("write", [Store.checkpoint, Store.unload, Store.close])
def test_what_is_postponed_is_written_by(write, opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    write(store)
    assert ids(opened()) == ["a", "b"]


def test_commits_go_on_after_a_postponed_one_was_checkpointed(opened, insert) -> None:
    store = opened()
    unseen(store, "a")
    store.checkpoint()
    insert(store, "threads", "b")
    assert ids(opened()) == ["a", "b"]


def test_objects_that_replace_all_others_replace_postponed_ones_too(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    store.replace({"threads": [{"id": "c"}]})
    insert(store, "threads", "d")
    assert ids(store) == ids(opened()) == ["c", "d"]


def test_a_refused_line_leaves_what_is_postponed_to_the_one_after(
    opened, insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")

    def refuse(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StoreError):
            insert(store, "threads", "c")
    insert(store, "threads", "d")
    assert ids(opened()) == ["a", "b", "d"]
