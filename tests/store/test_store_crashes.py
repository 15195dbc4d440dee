"""A kill at every write, rename, truncation and deletion of commits, checkpoints, replacements and repairs.

The calls of `os` that change the disk are counted; the process is killed at one of them after the other, before it and
after it, by an exception that nothing catches and files that are not flushed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator.store import Event, Store, repair
from assistants_emulator.store.steps import run_at_once

CALLS = ("write", "replace", "ftruncate", "fsync", "unlink")
MOST_CALLS = 200
# what is killed closes no files
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


class Killed(BaseException):
    """The end of the process."""


class Kill:
    """Ends the process at its call number `number`, before it is made or after; counts the calls."""

    def __init__(self, patch: pytest.MonkeyPatch, number: int, before: bool) -> None:
        self.count = 0
        self._number = number
        self._before = before
        for name in CALLS:
            patch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count > self._number or (self.count == self._number and self._before):
                raise Killed  # no call is made after the process has ended, not even to clean up
            result = call(*arguments, **options)
            if self.count == self._number:
                raise Killed
            return result

        return counted


def kill_at_every_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Callable[[Path], None], check: Callable[[Path], None]
) -> int:
    """Run in a new directory for each kill, and check what it left; return the number of kills."""
    kills = 0
    for number in range(1, MOST_CALLS):
        for before in (True, False):
            directory = tmp_path / f"{number}-{before}" / "project"
            directory.parent.mkdir()
            with monkeypatch.context() as patch:
                kill = Kill(patch, number, before)
                with suppress(Killed):
                    run(directory)
            check(directory)
            kills += kill.count >= number
        if kill.count < number:
            return kills
    raise AssertionError(f"more than {MOST_CALLS} calls")


def put(store: Store, id: str, table: str = "threads") -> None:
    store.commit(Event("created", {}, puts=((table, {"id": id, "text": "x" * 50}),)))


@contextmanager
def alive(directory: Path, **options: Any) -> Iterator[Store]:
    """A store whose end is a kill: nothing is written."""
    store = Store(directory, **options)
    try:
        yield store
    finally:
        store._storage._journal.close()


def threads(directory: Path) -> str:
    with alive(directory) as store:
        return "".join(thread["id"] for thread in store.all("threads"))


def put_each(store: Store, id: str) -> None:
    put(store, id)


def put_behind_a_postponed_one(store: Store, id: str) -> None:
    store.commit(Event("made", {}, puts=(("threads", {"id": id.upper()}),), is_unseen=True))
    put(store, id)
    if id == "c":
        store.unload()


@pytest.mark.parametrize("checkpoint_bytes", [400, 10**9])
@pytest.mark.parametrize(("commit", "stored"), [(put_each, "{0}"), (put_behind_a_postponed_one, "{1}{0}")])
def test_no_commit_is_lost_by_a_kill_at_any_call(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpoint_bytes: int,
    commit: Callable[[Store, str], None],
    stored: str,
) -> None:
    """A postponed commit is kept with the next one, or lost with it."""
    acknowledged: list[str] = []

    def run(directory: Path) -> None:
        acknowledged.clear()
        with alive(directory, checkpoint_bytes=checkpoint_bytes) as store:
            for id in "abcdefgh":
                commit(store, id)
                acknowledged.append(id)
            store.close()

    def check(directory: Path) -> None:
        whole = ["".join(stored.format(id, id.upper()) for id in "abcdefgh"[:count]) for count in range(9)]
        assert threads(directory) in whole[len(acknowledged) : len(acknowledged) + 2]

    assert kill_at_every_call(monkeypatch, tmp_path, run, check) > 20


@pytest.mark.parametrize("in_steps", [True, False])
def test_a_kill_at_any_call_leaves_the_old_objects_or_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_steps: bool
) -> None:
    def run(directory: Path) -> None:
        new = {"threads": [{"id": "y"}, {"id": "z"}]}
        with alive(directory) as store:
            for id in "abc":
                put(store, id)
            run_at_once(store.replacing(new))() if in_steps else store.replace(new)
            put(store, "!")
            store.close()

    def check(directory: Path) -> None:
        assert threads(directory) in ("", "a", "ab", "abc", "yz", "yz!")

    assert kill_at_every_call(monkeypatch, tmp_path, run, check) > 10


def test_a_repair_that_is_killed_at_any_call_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "damaged"
    with alive(damaged) as store:
        for id in "abc":
            put(store, id)
        store.checkpoint()
        for id in "def":
            put(store, id)
    database, journal = damaged / "db.json", damaged / "db.json.journal"
    database.write_bytes(database.read_bytes().replace(b'{"id":"b"', b'{"id":b"'))
    journal.write_bytes(journal.read_bytes().replace(b'"f"', b'"x"'))
    before = {database.read_bytes(), journal.read_bytes()}

    def run(directory: Path) -> None:
        shutil.copytree(damaged, directory)
        repair(directory.parent)

    def check(directory: Path) -> None:
        repair(directory.parent)
        assert threads(directory) == "acde"
        copies = b"".join(file.read_bytes() for file in directory.glob("*.broken*"))
        assert b'{"id":b"' in copies
        assert b'"x"' in copies

    assert kill_at_every_call(monkeypatch, tmp_path, run, check) > 10
    assert {database.read_bytes(), journal.read_bytes()} == before
