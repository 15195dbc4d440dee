"""Checkpoints and replacements that are written while commits go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Event, Store
from assistants_emulator.store.steps import Steps, run_at_once

ROW = {"text": "x" * 100}


class Background:
    """Holds the checkpoints that are due until `run` runs them."""

    def __init__(self) -> None:
        self.waiting: list[Steps[None]] = []

    def __call__(self, steps: Steps[None]) -> None:
        self.waiting.append(steps)

    def run(self) -> None:
        waiting, self.waiting = self.waiting, []
        for steps in waiting:
            run_at_once(steps)


@pytest.fixture
def background() -> Background:
    return Background()


@pytest.fixture
def store(opened: Callable[..., Store], background: Background, insert: Any) -> Store:
    """A store with a checkpoint of the threads a to d waiting to be written."""
    store = opened(checkpoint_bytes=700)
    store.run_in_background(background)
    while not store.is_writing:
        insert(store, "threads", "abcde"[store.count("threads")], **ROW)
    assert store.count("threads") == 4
    insert(store, "threads", "e", **ROW)
    return store


def threads(store: Store) -> str:
    return "".join(thread["id"] for thread in store.all("threads"))


def test_commits_go_on_during_a_checkpoint(
    store: Store, opened: Any, insert: Any, background: Background, tmp_path: Path
) -> None:
    insert(store, "threads", *"fg", **ROW)
    store.commit(Event("deleted", {}, drops=(("threads", "a"),)))
    assert not (tmp_path / "db.json").exists()
    background.run()
    assert b'"id":"f"' not in (tmp_path / "db.json").read_bytes()
    assert (tmp_path / "db.json.journal").read_bytes().count(b"\n") == 1 + 4
    insert(store, "threads", "h", **ROW)
    assert threads(store) == threads(opened()) == "bcdefgh"


def test_a_kill_before_the_journal_is_cut_loses_nothing(
    store: Store, opened: Any, insert: Any, background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(store, "threads", *"fg", **ROW)
    with monkeypatch.context() as patch:
        patch.setattr("assistants_emulator.store.journal.Journal.replace_beginning", lambda *arguments: None)
        background.run()
    assert threads(opened()) == "abcdefg"


def test_a_replacement_gives_up_a_checkpoint_under_way(
    store: Store, opened: Any, background: Background, tmp_path: Path
) -> None:
    store.replace({"threads": [{"id": "z"}]}, {})
    background.run()
    assert threads(store) == threads(opened()) == "z"
    assert not list(tmp_path.glob("*.background-*"))


def test_a_close_gives_up_a_checkpoint_under_way(store: Store, opened: Any, background: Background) -> None:
    store.close()
    background.run()
    assert threads(opened()) == "abcde"


def test_a_full_disk_during_a_checkpoint_loses_nothing(
    store: Store, opened: Any, insert: Any, background: Background, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        background.run()
    assert not store.is_writing
    assert not list(tmp_path.glob("*.background-*"))
    insert(store, "threads", *"fghijklmn", **ROW)
    background.run()
    assert (tmp_path / "db.json").exists()
    assert threads(opened()) == "abcdefghijklmn"


def test_what_a_kill_left_of_a_checkpoint_is_removed(opened: Any, tmp_path: Path) -> None:
    (tmp_path / f"db.json.background-{os.getpid()}-7").write_bytes(b"{")
    opened()
    assert not list(tmp_path.glob("*.background-*"))


def test_commits_during_a_replacement_are_of_the_old_objects(opened: Any, insert: Any) -> None:
    store = opened()
    insert(store, "threads", *"abc")
    steps = store.replacing({"threads": [{"id": "y"}, {"id": "z"}]})
    (write := next(steps))()
    insert(store, "threads", *"defghijk")
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert threads(store) == "abcdefghijk"
    end.value.value()
    insert(store, "threads", "l")
    assert write is not None
    assert threads(store) == threads(opened()) == "yzl"


def test_a_replacement_keeps_the_clock_as_it_is_then(opened: Any) -> None:
    store = opened()
    steps = store.replacing({"threads": [{"id": "z"}]})
    (next(steps) or AssertionError)()
    store.commit(Event("moved", {}, (("emulator", {"id": "clock", "time": 5}),)))
    with pytest.raises(StopIteration) as end:
        next(steps)
    end.value.value()
    assert store.get("emulator", "clock") == opened().get("emulator", "clock") == {"id": "clock", "time": 5}


def test_a_replacement_after_a_full_disk_changes_nothing(
    opened: Any, insert: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    insert(store, "threads", "a")

    def refuse(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refuse)
        install = run_at_once(store.replacing({"threads": [{"id": "z"}]}))
        with pytest.raises(StoreError, match="No space left on device"):
            install()
    insert(store, "threads", "b")
    assert threads(store) == threads(opened()) == "ab"
