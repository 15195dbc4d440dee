from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Event, Store
from assistants_emulator.store.journal import decode


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "db.json.journal"


def threads(store: Store) -> list[str]:
    return [thread["id"] for thread in store.all("threads")]


def drop(store: Store, id: str) -> None:
    store.commit(Event("deleted", {}, drops=(("threads", id),)))


def fail_with(error: int):
    def write(fd: int, data: bytes) -> int:
        raise OSError(error, os.strerror(error))

    return write


def test_every_commit_is_there_after_a_kill(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b", "c")
    drop(store, "b")
    assert threads(opened()) == ["a", "c"]


def test_every_commit_is_there_after_a_checkpoint_and_more_commits(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    store.checkpoint()
    insert(store, "threads", "c")
    drop(store, "a")
    assert threads(opened()) == ["b", "c"]


def test_a_commit_is_one_line_and_an_event_without_change_none(opened, insert, journal: Path) -> None:
    store = opened()
    store.counters.next("thread")
    insert(store, "threads", "a")
    store.commit(Event("delta", {}))
    puts = [["threads", 1, {"id": "a"}]]
    assert [decode(line) for line in journal.read_bytes().splitlines(keepends=True)] == [
        {"sequence": 1, "after": 0, "puts": puts, "drops": [], "counters": {"thread": 1}}
    ]


def test_closing_leaves_a_journal_without_changes_and_may_be_repeated(opened, insert, journal: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    store.close()
    store.close()
    assert decode(journal.read_bytes()) == {"sequence": 1, "after": 1, "puts": [], "drops": [], "counters": {}}
    assert threads(opened()) == ["a"]


def test_closing_without_a_commit_writes_nothing(opened, tmp_path: Path) -> None:
    opened().close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_store_takes_no_commit(opened, insert) -> None:
    store = opened()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        insert(store, "threads", "a")
    with pytest.raises(StoreError, match="closed"):
        store.checkpoint()


@pytest.mark.parametrize("checkpoint", [False, True])
def test_counters_are_kept_with_the_objects(opened, insert, checkpoint: bool) -> None:
    store = opened()
    for id in "ab":
        store.counters.next("thread")
        insert(store, "threads", id)
    if checkpoint:
        store.checkpoint()
    assert opened().counters.values == {"thread": 2}


def test_a_document_number_is_not_given_again_after_drop_and_restart(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    drop(store, "b")
    store.close()
    store = opened()
    insert(store, "threads", "c")
    assert store.database.table("threads").all()[-1].doc_id == 4


@pytest.mark.parametrize("tail", [b'{"sequence": 3, "pu', b"\0\0\0\0", b"{}"])
def test_a_torn_last_line_is_dropped_and_written_over(opened, insert, journal: Path, tail: bytes) -> None:
    insert(opened(), "threads", "a", "b")
    journal.write_bytes(journal.read_bytes() + tail)
    store = opened()
    insert(store, "threads", "c")
    assert threads(opened()) == ["a", "b", "c"]


def test_a_journal_cut_off_anywhere_holds_every_commit_before(opened, insert, journal: Path) -> None:
    insert(opened(), "threads", "a", "b", "c")
    whole = journal.read_bytes()
    for length in range(len(whole) + 1):
        journal.write_bytes(whole[:length])
        assert len(threads(opened())) == whole[:length].count(b"\n")


@pytest.mark.parametrize("bad", [b'{"sequence": 2, "pu', b"", b'{"sequence": 2}', b"[]", b"null"])
def test_a_corrupted_line_in_the_middle_is_named(opened, insert, journal: Path, bad: bytes) -> None:
    insert(opened(), "threads", "a", "b", "c")
    lines = journal.read_bytes().splitlines()
    journal.write_bytes(b"\n".join([lines[0], bad, lines[2], b""]))
    with pytest.raises(StoreError, match=r"db\.json\.journal, line 2: "):
        opened()


def test_a_duplicated_line_counts_once(opened, insert, journal: Path) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    drop(store, "a")
    first, second, third = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first + first + second + second + third + first)
    assert threads(opened()) == ["b"]


def test_a_crash_between_the_new_file_and_the_emptied_journal_repeats_nothing(opened, insert, journal: Path) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    drop(store, "a")
    lines = journal.read_bytes()
    store.checkpoint()
    journal.write_bytes(lines)
    store = opened()
    insert(store, "threads", "c")
    assert threads(store) == threads(opened()) == ["b", "c"]


def test_a_crash_while_the_new_file_is_written_loses_nothing(opened, insert, monkeypatch, tmp_path: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_with(errno.ENOSPC))
        with pytest.raises(StoreError, match="No space left"):
            store.checkpoint()
    (tmp_path / "db.json.new").write_bytes(b'{"threads": {"1": {"i')
    insert(store, "threads", "b")
    assert threads(opened()) == ["a", "b"]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"threads": 1}', b'{"threads": {"x": {}}}', b'{"threads": {"1": {}}}']
)
def test_an_invalid_db_json_is_named(opened, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"db\.json: [^\n]+$"):
        opened()


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file: not a directory$"):
        Store(tmp_path / "file")


def test_a_journal_that_outgrows_limit_and_database_is_absorbed(opened, insert, journal: Path, tmp_path: Path) -> None:
    store = opened(checkpoint_bytes=1000)
    insert(store, "threads", *map(str, range(200)))
    assert journal.stat().st_size <= (tmp_path / "db.json").stat().st_size
    assert threads(opened()) == list(map(str, range(200)))


def test_an_automatic_checkpoint_that_fails_does_not_fail_the_commit(opened, insert, monkeypatch) -> None:
    store = opened(checkpoint_bytes=10)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_with(errno.ENOSPC))
        insert(store, "threads", "a", "b")
    assert threads(opened()) == threads(store) == ["a", "b"]


def test_a_write_that_fails_changes_nothing_and_says_why(opened, insert, monkeypatch, journal: Path) -> None:
    store, told = opened(), []
    store.subscribe("*", told.append)
    monkeypatch.setattr(os, "write", fail_with(errno.EROFS))
    with pytest.raises(StoreError, match=r"db\.json\.journal: Read-only file system$"):
        insert(store, "threads", "a")
    assert (threads(store), told, journal.read_bytes()) == ([], [], b"")


def test_a_partial_write_leaves_the_journal_as_it_was(opened, insert, monkeypatch, journal: Path) -> None:
    store, write = opened(), os.write
    insert(store, "threads", "a")
    before = journal.read_bytes()
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
    with pytest.raises(StoreError, match="only 20 of"):
        insert(store, "threads", "b")
    assert (journal.read_bytes(), threads(store)) == (before, ["a"])


def test_a_partial_line_is_cut_off_before_the_next_write(opened, insert, monkeypatch) -> None:
    store, write = opened(), os.write
    insert(store, "threads", "a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
        patch.setattr(os, "ftruncate", fail_with(errno.EIO))
        with pytest.raises(StoreError):
            insert(store, "threads", "b")
    insert(store, "threads", "c")
    assert threads(opened()) == ["a", "c"]


def test_counters_of_a_failed_commit_are_written_with_the_next(opened, insert, monkeypatch) -> None:
    store = opened()
    store.counters.next("thread")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail_with(errno.ENOSPC))
        with pytest.raises(StoreError):
            insert(store, "threads", "a")
    store.counters.next("message")
    insert(store, "threads", "b")
    assert opened().counters.values == {"thread": 1, "message": 1}


def test_replace_is_there_after_a_kill_and_commits_go_on(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    store.replace({"threads": [{"id": "x"}]}, counters={"thread": 7})
    insert(store, "threads", "y")
    again = opened()
    assert (threads(again), again.counters.values) == (["x", "y"], {"thread": 7})


def test_a_reset_store_does_not_remember_its_old_journal(opened, insert, journal: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    lines = journal.read_bytes()
    store.replace({}, counters={})
    journal.write_bytes(lines)
    assert threads(opened()) == []


def test_a_replace_that_fails_changes_nothing(opened, insert, monkeypatch) -> None:
    store = opened()
    store.counters.next("thread")
    insert(store, "threads", "a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_with(errno.ENOSPC))
        with pytest.raises(StoreError):
            store.replace({"threads": [{"id": "x"}]}, counters={})
    insert(store, "threads", "b")
    again = opened()
    assert (threads(store), threads(again), again.counters.values) == (["a", "b"], ["a", "b"], {"thread": 1})


def test_only_a_checkpoint_forces_bytes_onto_the_disk(opened, insert, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    store = opened()
    insert(store, "threads", *"abc")
    assert synced == []
    store.checkpoint()
    assert len(synced) == 1


# Commits that no request has seen: applied at once, on the disk with the next line


def unseen(store: Store, *ids: str) -> None:
    store.commit(Event("made", {}, tuple(("threads", {"id": id}) for id in ids), is_unseen=True))


def test_a_postponed_commit_is_found_at_once_and_written_with_the_next(opened, insert, journal: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    assert (threads(store), journal.read_bytes().count(b"\n")) == (["a", "b"], 1)
    insert(store, "threads", "c")
    assert journal.read_bytes().count(b"\n") == 2
    assert threads(opened()) == ["a", "b", "c"]


def test_a_kill_before_the_next_commit_leaves_none_of_it(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    killed = opened()
    insert(killed, "threads", "c")
    assert threads(opened()) == ["a", "c"]


def test_a_postponed_object_that_is_replaced_is_written_once(opened, insert, journal: Path) -> None:
    store = opened()
    unseen(store, "a")
    store.commit(Event("changed", {}, (("threads", {"id": "a", "metadata": {"b": "c"}}),)))
    assert journal.read_bytes().count(b'"id":"a"') == 1
    assert opened().get("threads", "a") == {"id": "a", "metadata": {"b": "c"}}


def test_a_postponed_drop_of_a_written_object_is_written_with_the_next_commit(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a", "b")
    store.commit(Event("taken back", {}, drops=(("threads", "a"),), is_unseen=True))
    assert (threads(store), threads(opened())) == (["b"], ["a", "b"])
    insert(store, "threads", "c")
    assert threads(opened()) == ["b", "c"]


@pytest.mark.parametrize("write", [Store.checkpoint, Store.unload, Store.close])
def test_what_is_postponed_is_written_by(write, opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    write(store)
    assert threads(opened()) == ["a", "b"]


def test_commits_go_on_after_a_postponed_one_was_checkpointed(opened, insert) -> None:
    store = opened()
    unseen(store, "a")
    store.checkpoint()
    insert(store, "threads", "b")
    assert threads(opened()) == ["a", "b"]


def test_objects_that_replace_all_others_replace_postponed_ones_too(opened, insert) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")
    store.replace({"threads": [{"id": "c"}]})
    insert(store, "threads", "d")
    assert threads(store) == threads(opened()) == ["c", "d"]


def test_a_refused_line_leaves_what_is_postponed_to_the_one_after(
    opened, insert, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    insert(store, "threads", "a")
    unseen(store, "b")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail_with(errno.ENOSPC))
        with pytest.raises(StoreError):
            insert(store, "threads", "c")
    insert(store, "threads", "d")
    assert threads(opened()) == ["a", "b", "d"]
