"""TinyDB's storage of the tables: db.json as stock TinyDB reads it, and a journal of the commits since.

    db.json           {"messages": {"17": {...}, ...}, ..., "emulator": {"0": {"id": "counters", "sequence", "values"}}}
    db.json.journal   {"sequence": 18, "puts": [["messages", 18, {...}]], "drops": [["messages", 4]], "counters": {...}}

A document's number is the sequence at its creation. A commit moves the sequence by one for each new document, and by
one if it has none: a line whose sequence is not above that of the tables is in them already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from tinydb.storages import Storage

from assistants_emulator.errors import StoreError
from assistants_emulator.ids import Counters
from assistants_emulator.store.disk import make_directory, replace_file, reported
from assistants_emulator.store.journal import Journal
from assistants_emulator.store.model import TABLES, Object

CHECKPOINT_BYTES = 8 * 1024 * 1024
COUNTERS = 0  # number of the document `counters` in the table `emulator`; commits count from 1

Put = tuple[str, int, Object]
Drop = tuple[str, int]
Tables = dict[str, dict[int, Object]]


class JournalStorage(Storage):
    """The tables in memory and, with a path, on disk. StoreError for files that cannot be read or written."""

    def __init__(self, path: Path | None = None, checkpoint_bytes: int = CHECKPOINT_BYTES) -> None:
        self.tables: Tables = {name: {} for name in TABLES}
        self.sequence = 0  # stays in memory, as the counters do, while the tables are unloaded
        self.counters = Counters()
        self._unwritten: dict[str, int] = {}
        self._checkpoint_bytes = checkpoint_bytes
        self._checkpoint_at = checkpoint_bytes
        self._path = path
        self._journal: Journal | None = None
        self.load()

    def load(self) -> None:
        """Read the tables from the directory, if there is one."""
        if self._path is not None:
            self.tables = {name: {} for name in TABLES}
            self.sequence = 0
            self._journal = Journal(self._path.with_name(f"{self._path.name}.journal"))
            self._load(self._path, self._journal)

    def unload(self) -> None:
        """Free the tables' memory until they are loaded again; every commit is in the directory already."""
        if self._journal is not None:
            self.tables = {}
            self._journal.close()

    @property
    def is_behind(self) -> bool:
        """Tell whether the journal has commits that db.json lacks."""
        return self._journal is not None and self._journal.size > 0

    def read(self) -> dict[str, dict[Any, Any]]:
        """Return the live tables; their keys are numbers, not text."""
        return self.tables

    def write(self, data: Mapping[str, Mapping[Any, Any]], counters: dict[str, int] | None = None) -> None:
        """Replace all tables, and the counters unless None, atomically, and checkpoint them."""
        self._unwritten |= self.counters.take_changed()
        tables = _numbered(data)
        sequence = max(self.sequence, _highest(tables))
        values = dict(self.counters.values if counters is None else counters)
        self._save(tables, sequence, values)
        self.tables, self.sequence, self.counters.values = tables, sequence, values

    def append(self, sequence: int, puts: Iterable[Put], drops: Iterable[Drop]) -> None:
        """Write a commit and the counters that moved. StoreError, and nothing has changed, if that fails."""
        self._unwritten |= self.counters.take_changed()
        entry = {"sequence": sequence, "puts": puts, "drops": drops, "counters": self._unwritten}
        line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
        if self._journal is not None:
            self._journal.append(line)
        self._unwritten = {}
        self.sequence = sequence

    def checkpoint(self) -> None:
        self._unwritten |= self.counters.take_changed()
        self._save(self.tables, self.sequence, self.counters.values)

    def checkpoint_if_due(self) -> None:
        """Checkpoint a journal that outgrew db.json; if that fails nothing is lost, and a later commit tries again."""
        if self._journal is None or self._journal.size <= self._checkpoint_at:
            return
        try:
            self.checkpoint()
        except StoreError:
            self._checkpoint_at = self._journal.size + self._checkpoint_bytes

    def close(self) -> None:
        """Checkpoint if the journal has commits. The file is closed even if that fails; may be called again."""
        if self._journal is None:
            return
        try:
            if self._journal.size and not self._journal.closed:
                self.checkpoint()
        finally:
            self._journal.close()

    def __str__(self) -> str:
        return "memory" if self._path is None else str(self._path)

    def _load(self, path: Path, journal: Journal) -> None:
        make_directory(path.parent)
        with reported(path), suppress(FileNotFoundError):
            self._read_database(path)
        for line, entry in journal.read():
            try:
                self._replay(**entry)
            except (TypeError, ValueError, AttributeError):
                raise StoreError(f"{journal.path}, line {line}: not a commit") from None
        self.sequence = max(self.sequence, _highest(self.tables))

    def _read_database(self, path: Path) -> None:
        """Read db.json. An empty file is an empty database, as stock TinyDB creates one."""
        content = path.read_bytes()
        self._checkpoint_at = max(self._checkpoint_bytes, len(content))
        try:
            self.tables |= _numbered(orjson.loads(content or b"{}"))
            counters = self.tables["emulator"].pop(COUNTERS, {})
            self.sequence = int(counters.get("sequence", 0))
            self.counters.catch_up(counters.get("values", {}))
        except (TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{path}: not a TinyDB file: {error}") from None

    def _replay(self, sequence: int, puts: list[Put], drops: list[Drop], counters: dict[str, int]) -> None:
        if sequence <= self.sequence:
            return
        for table, number, document in puts:
            self.tables.setdefault(table, {})[number] = document
        for table, number in drops:
            self.tables.setdefault(table, {}).pop(number, None)
        self.counters.catch_up(counters)
        self.sequence = sequence

    def _save(self, tables: Tables, sequence: int, counters: dict[str, int]) -> None:
        """Write db.json, then empty the journal: if it is not emptied, its lines are skipped by their sequence."""
        if self._path is not None and self._journal is not None:
            self._journal.require_open()
            with reported(self._path):
                document = {"id": "counters", "sequence": sequence, "values": counters}
                own_documents = {COUNTERS: document, **tables.get("emulator", {})}
                self._replace_database(self._path, {**tables, "emulator": own_documents})
        self._unwritten = {}
        if self._journal is not None:
            with suppress(StoreError):
                self._journal.empty()

    def _replace_database(self, path: Path, tables: Tables) -> None:
        with replace_file(path) as file:
            _dump(tables, file)
            size = file.tell()
        self._checkpoint_at = max(self._checkpoint_bytes, size)


def _numbered(data: Mapping[str, Mapping[Any, Any]]) -> Tables:
    return {name: {int(number): row for number, row in rows.items()} for name, rows in data.items()}


def _highest(tables: Tables) -> int:
    return max((max(rows, default=0) for rows in tables.values()), default=0)


def _dump(tables: Tables, file: BinaryIO) -> None:
    """Write one document a line, without the whole text in memory."""
    for first, (name, rows) in enumerate(tables.items()):
        file.write((b",\n" if first else b"{") + orjson.dumps(name) + b": {")
        for separator, (number, row) in zip(chain([b"\n"], repeat(b",\n")), rows.items(), strict=False):
            file.write(b'%b"%d": %b' % (separator, number, orjson.dumps(row)))
        file.write(b"}")
    file.write(b"}\n")
