"""Repair of damaged data directories: keep all that can be read, and say what is lost.

Originals are never written over: damaged files and lines are copied to `FILE.broken`, `FILE.broken-2`, ... first, then
db.json and the journal are replaced one after the other. A kill in between leaves files that can be repaired again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from assistants_emulator.errors import StoreError
from assistants_emulator.ids import Counters
from assistants_emulator.store.disk import replace_file, reported
from assistants_emulator.store.journal import decode
from assistants_emulator.store.model import TABLES, Object, key
from assistants_emulator.store.storage import (
    JournalStorage,
    Tables,
    apply_commit,
    goes_on,
    highest_number,
    is_intact,
    parse_database,
    split_own_documents,
    write_database,
)

_TABLE_LINE = re.compile(r'\{?("[^"\\]*"): \{(\},)?')
_ROW_LINE = re.compile(r'"(-?\d+)": ')


def repair(data_dir: Path) -> list[str]:
    """Repair all projects of a data directory; return a line of text for each damaged file."""
    directories = sorted({path.parent for path in data_dir.glob("*/db.json*")})
    return [report for directory in directories for report in _repair(directory / "db.json")]


def _repair(path: Path) -> list[str]:
    try:
        JournalStorage(path)
        return []
    except StoreError:
        with reported(path):
            return list(_repairs(path, path.with_name(f"{path.name}.journal")))


def _repairs(path: Path, journal: Path) -> Iterator[str]:
    content = _read(path)
    lines = _whole_lines(_read(journal) or b"")
    commits = [entry for line in lines if (entry := _commit(line)) is not None]
    database = _salvage(path, content, commits)
    if database.damage:
        _mend(database, commits)
    kept, lost = _sort_out(lines, database)
    if database.damage:
        copy = f"; the file as it was is {_write_broken(path, content)}" if content is not None else ""
        yield f"{path}: {database.damage}{copy}"
    if lost:
        broken = _write_broken(journal, b"".join(line for _, line in lost))
        yield (
            f"{journal}, line {lost[0][0]}: damaged, or lines before it are missing; "
            f"put {len(lost)} of {len(lines)} lines into {broken}"
        )
    if database.damage:
        write_database(path, database.tables, database.sequence, database.counters.values)
    if lost:
        with replace_file(journal) as file:
            file.write(b"".join(kept))


def _read(path: Path) -> bytes | None:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return None


def _whole_lines(content: bytes) -> list[bytes]:
    """Return the lines without a last one that a kill has cut off."""
    return [line for line in BytesIO(content) if line.endswith(b"\n")]


def _commit(line: bytes) -> dict[str, Any] | None:
    """Return a line's entry; None for one that is damaged or no commit."""
    entry = decode(line)
    try:
        if entry is not None and entry["after"] <= apply_commit({}, Counters(), entry):
            return entry
    except (TypeError, ValueError, AttributeError, KeyError):
        return None
    return None


@dataclass
class _Database:
    """The objects of a db.json as far as they can be read; `damage` says what is lost, "" if nothing is."""

    tables: Tables
    sequence: int
    counters: Counters
    damage: str = ""


def _salvage(path: Path, content: bytes | None, commits: list[dict[str, Any]]) -> _Database:
    first = commits[0]["after"] if commits else 0
    if content is None:
        damage = f"missing; all objects before commit {first} are lost" if first else ""
        return _Database({}, first, Counters(), damage)
    try:
        tables, sequence, values = parse_database(content)
        damage = "" if is_intact(content) else "altered; kept all objects, but some may be wrong"
    except (TypeError, ValueError, AttributeError):
        tables, lost = _readable_rows(content)
        tables, sequence, values = split_own_documents(tables)
        damage = f"damaged; {lost} of its lines cannot be read"
    if damage:
        unknown = (name for name in tables if name not in TABLES)
        damage += "".join(
            f"; table {name!r} is unknown, the {len(tables[name])} objects in it are no longer served"
            for name in unknown
        )
    if damage and not any(sequence in (commit["after"], commit["sequence"]) for commit in commits):
        sequence = first if commits else sequence  # it may be the number that is damaged
    return _Database(tables, sequence, Counters(values), damage)


def _readable_rows(content: bytes) -> tuple[Tables, int]:
    """Return the documents of all lines that can be read, one a line as they are written, and the number of others."""
    tables: Tables = {}
    table, lost = None, 0  # no table after the end of one, so that a damaged name gives its rows to no other
    for line in content.decode("utf-8", "replace").splitlines():
        if match := _ROW_LINE.match(line):
            document, is_last = _document(table, line, match.end())
            if table is None or document is None:
                lost += 1
            else:
                tables.setdefault(table, {})[int(match[1])] = document
            table = None if is_last else table
        elif match := _TABLE_LINE.fullmatch(line):
            table = None if match[2] else json.loads(match[1])
        else:
            table, lost = None, lost + 1
    return tables, lost


def _document(table: str | None, line: str, start: int) -> tuple[Object | None, bool]:
    """Return a line's document, None if it cannot be read, and whether it is the table's last."""
    try:
        document, end = json.JSONDecoder().raw_decode(line, start)
        if table in TABLES:
            key(table, document)
    except (ValueError, TypeError, KeyError):
        return None, line.endswith("}},")
    return document, line[end:].startswith("}")


def _mend(database: _Database, commits: list[dict[str, Any]]) -> None:
    """Add the documents that are lost, but still in the journal: a kill can leave one that db.json has taken in."""
    old = [commit for commit in commits if commit["sequence"] <= database.sequence]
    if not old or old[-1]["sequence"] != database.sequence:
        return
    taken: Tables = {}
    for commit in old:
        apply_commit(taken, database.counters, commit)
    mended = 0
    for table, rows in taken.items():
        missing = {number: row for number, row in rows.items() if number not in database.tables.get(table, {})}
        database.tables.setdefault(table, {}).update(missing)
        mended += len(missing)
    if mended:
        database.damage += f"; {mended} objects were taken from the journal"


def _sort_out(lines: Iterable[bytes], database: _Database) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """Apply the lines that go on after one another; return these, and the others with their numbers."""
    kept: list[bytes] = []
    lost: list[tuple[int, bytes]] = []
    highest = highest_number(database.tables)
    for number, line in enumerate(lines, 1):
        commit = _commit(line)
        if commit is None or not goes_on(commit, database.sequence, highest):
            lost.append((number, line))
            continue
        kept.append(line)
        if commit["sequence"] > database.sequence:
            database.sequence = apply_commit(database.tables, database.counters, commit)
    return kept, lost


def _write_broken(path: Path, content: bytes) -> Path:
    names = (f"{path.name}.broken{'' if number == 1 else f'-{number}'}" for number in count(1))
    broken = next(file for name in names if not (file := path.with_name(name)).exists())
    with replace_file(broken) as target:
        target.write(content)
    return broken
