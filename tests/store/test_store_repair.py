from __future__ import annotations

import os
from pathlib import Path

import pytest

from assistants_emulator.store import Store, repair
from assistants_emulator.store.journal import encode


@pytest.fixture
def project(tmp_path: Path, insert) -> Path:
    """The directory of a killed project: threads a to c in db.json, d to f in the journal."""
    store = Store(tmp_path / "weather")
    insert(store, "threads", *"abc")
    store.checkpoint()
    insert(store, "threads", *"def")
    store._storage._journal.close()
    return tmp_path / "weather"


def threads(project: Path) -> str:
    store = Store(project)
    found = "".join(thread["id"] for thread in store.all("threads"))
    store._storage._journal.close()
    return found


def change(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def test_an_undamaged_project_is_left_alone(project: Path) -> None:
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    assert repair(project.parent) == []
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


def test_a_torn_last_line_is_no_damage(project: Path) -> None:
    with (project / "db.json.journal").open("ab") as journal:
        journal.write(b'{"sequence": 7, "af')
    assert repair(project.parent) == []
    assert threads(project) == "abcdef"


def test_lines_after_a_damaged_one_are_put_aside(project: Path) -> None:
    journal = project / "db.json.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    change(journal, b'"e"', b'"x"')
    broken = project / "db.json.journal.broken"
    message = f"{journal}, line 3: damaged, or lines before it are missing; put 2 of 4 lines into {broken}"
    assert repair(project.parent) == [message]
    assert broken.read_bytes() == lines[2].replace(b'"e"', b'"x"') + lines[3]
    assert threads(project) == "abcd"


@pytest.mark.parametrize("line", [b"garbage\n", encode({"sequence": 9}), encode({"sequence": "5", "after": 4})])
def test_an_inserted_line_that_is_no_commit_loses_no_other(project: Path, line: bytes) -> None:
    journal = project / "db.json.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    assert len(repair(project.parent)) == 1
    assert (project / "db.json.journal.broken").read_bytes() == line
    assert threads(project) == "abcdef"


def test_broken_files_are_numbered(project: Path) -> None:
    for _ in range(3):
        with (project / "db.json.journal").open("ab") as journal:
            journal.write(b"garbage\n")
        repair(project.parent)
    names = sorted(path.name for path in project.glob("*.broken*"))
    assert names == [f"db.json.journal.broken{number}" for number in ("", "-2", "-3")]


def test_a_damaged_document_is_lost_and_the_others_are_kept(project: Path) -> None:
    database = project / "db.json"
    change(database, b'{"id":"b"}', b'{"id":b"}')
    damaged = database.read_bytes()
    broken = project / "db.json.broken"
    lost = "damaged; 1 of its lines cannot be read"
    assert repair(project.parent) == [f"{database}: {lost}; the file as it was is {broken}"]
    assert broken.read_bytes() == damaged
    assert threads(project) == "acdef"


def test_a_damaged_table_gives_its_rows_to_no_other(project: Path) -> None:
    change(project / "db.json", b'"threads": {', b'"threads: {')
    (report,) = repair(project.parent)
    assert "; 4 of its lines cannot be read" in report
    assert threads(project) == "def"


def test_a_document_that_the_journal_has_too_is_mended(tmp_path: Path, insert) -> None:
    project = tmp_path / "weather"
    store = Store(project)
    insert(store, "threads", *"abc")
    lines = (project / "db.json.journal").read_bytes()
    store.close()
    (project / "db.json.journal").write_bytes(lines)
    change(project / "db.json", b'{"id":"b"}', b'{"id":b"}')
    (report,) = repair(tmp_path)
    assert "1 of its lines cannot be read; 1 objects were taken from the journal; the file" in report
    assert threads(project) == "abc"


def test_an_altered_database_is_kept_with_a_warning(project: Path) -> None:
    change(project / "db.json", b'"id":"b"', b'"id":"x"')
    (report,) = repair(project.parent)
    assert "db.json: altered; kept all objects, but some may be wrong; the file as it was is" in report
    assert threads(project) == "axcdef"


@pytest.mark.parametrize("sequence", [b"1", b"900"])
def test_an_altered_sequence_hides_no_commit(project: Path, sequence: bytes) -> None:
    change(project / "db.json", b'"sequence":3', b'"sequence":' + sequence)
    repair(project.parent)
    assert threads(project) == "abcdef"


def test_a_missing_database_loses_what_the_journal_does_not_have(project: Path) -> None:
    (project / "db.json").unlink()
    assert repair(project.parent) == [f"{project / 'db.json'}: missing; all objects before commit 3 are lost"]
    assert threads(project) == "def"


def test_commits_go_on_after_a_repair(project: Path, insert) -> None:
    change(project / "db.json", b'{"id":"b"}', b'{"id":b"}')
    change(project / "db.json.journal", b'"f"', b'"x"')
    assert len(repair(project.parent)) == 2
    store = Store(project)
    insert(store, "threads", "g")
    store._storage._journal.close()
    assert threads(project) == "acdeg"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("function", ["os.replace", "os.fsync"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_repair_that_is_killed_can_be_repeated(
    project: Path, monkeypatch: pytest.MonkeyPatch, function: str, number: int
) -> None:
    change(project / "db.json", b'{"id":"b"}', b'{"id":b"}')
    change(project / "db.json.journal", b'"f"', b'"x"')
    calls, call = [], getattr(os, function.removeprefix("os."))

    def kill(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == number:
            raise Killed
        call(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(function, kill)
        with pytest.raises(Killed):
            repair(project.parent)
    repair(project.parent)
    assert threads(project) == "acde"
    assert b'{"id":b"}' in b"".join(path.read_bytes() for path in project.glob("db.json.broken*"))


def test_a_damaged_table_name_is_reported(project: Path) -> None:
    change(project / "db.json", b'"threads": {', b'"thxeads": {')
    (report,) = repair(project.parent)
    assert "; table 'thxeads' is unknown, the 3 objects in it are no longer served" in report
    assert threads(project) == "def"
