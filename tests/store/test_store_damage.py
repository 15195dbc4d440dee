"""Damage to a journal or a db.json by anything other than a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistants_emulator.errors import StoreError
from assistants_emulator.store import Event, Store


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "db.json.journal"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "db.json"


@pytest.fixture
def lines(opened, insert, journal: Path) -> list[bytes]:
    """The journal's lines of threads a to e."""
    insert(opened(), "threads", *"abcde")
    return journal.read_bytes().splitlines(keepends=True)


@pytest.fixture
def checkpointed(opened, insert) -> None:
    """Threads a to c in db.json, and d and e in the journal."""
    store = opened()
    insert(store, "threads", *"abc")
    store.checkpoint()
    insert(store, "threads", *"de")


def threads(store: Store) -> str:
    return "".join(thread["id"] for thread in store.all("threads"))


def problem_of(directory: Path) -> str | None:
    try:
        Store(directory)
    except StoreError as error:
        return str(error)
    return None


@pytest.mark.parametrize("missing", [2, 3, 4])
def test_missing_lines_are_an_error_at_the_line_after_them(lines, opened, journal: Path, missing: int) -> None:
    journal.write_bytes(b"".join(lines[: missing - 1] + lines[missing:]))
    with pytest.raises(StoreError, match=rf"journal, line {missing}: goes on after commit {missing}, not"):
        opened()


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_swapped_lines_are_an_error(lines, opened, journal: Path, first: int) -> None:
    lines[first : first + 2] = reversed(lines[first : first + 2])
    journal.write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=rf"journal, line {first + 1}: goes on after"):
        opened()


def test_a_damaged_last_line_with_its_newline_is_an_error(lines, opened, journal: Path) -> None:
    journal.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b'"e"', b'"x"')]))
    with pytest.raises(StoreError, match=r"journal, line 5: damaged, its checksum is wrong; start with --repair"):
        opened()


@pytest.mark.slow
def test_a_flip_of_any_byte_of_the_journal_is_an_error(checkpointed, journal: Path, tmp_path: Path) -> None:
    content = journal.read_bytes()
    for position in range(len(content) - 1):
        for flipped in (*(content[position] ^ 1 << bit for bit in range(8)), ord("\n")):
            if flipped != content[position]:
                journal.write_bytes(content[:position] + bytes([flipped]) + content[position + 1 :])
                assert "db.json.journal, line " in (problem_of(tmp_path) or ""), f"byte {position} to {flipped}"


@pytest.mark.slow
def test_a_flip_of_any_byte_of_the_database_is_an_error(checkpointed, database: Path, tmp_path: Path) -> None:
    content = database.read_bytes()
    for position in range(len(content)):
        for flipped in (*(content[position] ^ 1 << bit for bit in range(8)), ord("\n")):
            if flipped != content[position]:
                database.write_bytes(content[:position] + bytes([flipped]) + content[position + 1 :])
                assert "db.json: " in (problem_of(tmp_path) or ""), f"byte {position} to {flipped}"


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_missing_database_beside_its_journal_is_an_error(opened, insert, database: Path, is_closed: bool) -> None:
    store = opened()
    insert(store, "threads", "a")
    store.close() if is_closed else store.checkpoint()
    database.unlink()
    with pytest.raises(StoreError, match=r"journal, line 1: goes on after commit 1, but .*db\.json is missing"):
        opened()


def test_an_older_database_beside_its_journal_is_an_error(opened, insert, database: Path) -> None:
    store = opened()
    insert(store, "threads", "a")
    store.checkpoint()
    older = database.read_bytes()
    insert(store, "threads", "b")
    store.checkpoint()
    database.write_bytes(older)
    with pytest.raises(StoreError, match=r"journal, line 1: goes on after commit 2, not after commit 1"):
        opened()


def test_commits_go_on_after_stock_tinydb_gave_numbers(opened, insert, database: Path, tmp_path: Path) -> None:
    from tinydb import TinyDB

    insert(store := opened(), "threads", "a")
    store.close()
    with TinyDB(database) as stock:
        for name in "bc":
            stock.table("threads").insert({"id": name})
    insert(opened(), "threads", "d")
    assert threads(opened()) == "abcd"


def test_a_failed_commit_leaves_no_gap(opened, insert, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened()
    insert(store, "threads", "a")
    with monkeypatch.context() as patch:
        patch.setattr("os.write", lambda fd, data: 3)
        with pytest.raises(StoreError):
            insert(store, "threads", "b")
    store.commit(Event("deleted", {}, drops=(("threads", "a"),)))
    insert(store, "threads", "c")
    assert threads(opened()) == "c"
