"""TinyDB's storage of the tables: db.json as stock TinyDB reads it, and a journal of the commits since.

    db.json           {"messages": {"17": {...}, ...}, ..., "emulator": {"0": {"id": "counters", "sequence", "values"},
                      ..., "-1": {"id": "checksum", "crc32"}}}
    db.json.journal   {"sequence": 18, "after": 17, "puts": [["messages", 18, {...}]], "drops": [["messages", 4]],
                      "counters": {...}, "crc32"}

A document's number is the sequence at its creation. A commit moves the sequence by one for each new document, and by
one if it has none: a line whose sequence is not above that of the tables is in them already, and any other line is
`after` the sequence of the tables, so that missing lines and a missing db.json are errors. The first line after a
checkpoint has no changes: it ties the journal to its db.json. Damage is a StoreError (see `repair.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import orjson
from tinydb.storages import Storage

from assistants_emulator.errors import StoreError
from assistants_emulator.ids import Counters
from assistants_emulator.store.disk import make_directory, replace_file, reported
from assistants_emulator.store.journal import REPAIR_HINT, Journal, encode
from assistants_emulator.store.model import TABLES, Object

CHECKPOINT_BYTES = 8 * 1024 * 1024
LINES_AT_ONCE = 100  # of db.json
# numbers of own documents in the table `emulator`; commits count from 1
COUNTERS = 0
CHECKSUM = -1
_CHECKSUM_LINE = b',\n"-1": {"id": "checksum", "crc32": "%08x"}}}\n'
_CHECKSUM_BYTES = len(_CHECKSUM_LINE % 0)

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
        self._is_without_directory = False  # the first write makes it, so that looking at a project leaves no trace
        self._absorbed = 0  # bytes at the journal's beginning whose commits are in db.json
        self.load()

    def load(self) -> None:
        """Read the tables from the directory, if there is one."""
        if self._path is not None:
            self.tables = {name: {} for name in TABLES}
            self.sequence = self._absorbed = 0
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
        return self._journal is not None and self._journal.size > self._absorbed

    def read(self) -> dict[str, dict[Any, Any]]:
        """Return the live tables; their keys are numbers, not text."""
        return self.tables

    def write(self, data: Mapping[str, Mapping[Any, Any]], counters: dict[str, int] | None = None) -> None:
        """Replace all tables, and the counters unless None, atomically, and checkpoint them."""
        self._unwritten |= self.counters.take_changed()
        tables = _numbered(data)
        sequence = max(self.sequence, highest_number(tables))
        values = dict(self.counters.values if counters is None else counters)
        self._save(tables, sequence, values)
        self.tables, self.sequence, self.counters.values = tables, sequence, values

    def append(self, sequence: int, puts: Iterable[Put], drops: Iterable[Drop]) -> None:
        """Write a commit and the counters that moved. StoreError, and nothing has changed, if that fails."""
        self._unwritten |= self.counters.take_changed()
        entry = _commit(self.sequence, sequence, puts, drops, self._unwritten)
        if self._journal is not None:
            self._make_directory()
            self._journal.append(encode(entry))
        else:
            orjson.dumps(entry)  # so that memory refuses the same objects
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
            if self.is_behind and not self._journal.closed:
                self.checkpoint()
        finally:
            self._journal.close()

    def _make_directory(self) -> None:
        if self._is_without_directory and self._path is not None:
            make_directory(self._path.parent)
            self._is_without_directory = False

    def __str__(self) -> str:
        return "memory" if self._path is None else str(self._path)

    def _load(self, path: Path, journal: Journal) -> None:
        if path.parent.exists():
            make_directory(path.parent)  # an error for what is no directory
        else:
            self._is_without_directory = True
        with reported(path), suppress(FileNotFoundError):
            self._read_database(path)
        highest = highest_number(self.tables)
        for number, entry in journal.read():
            place = f"{journal.path}, line {number}"
            try:
                if not goes_on(entry, self.sequence, highest):
                    raise StoreError(f"{place}: {_gap(path, entry['after'], self.sequence)}; {REPAIR_HINT}")
                if entry["sequence"] > self.sequence:
                    self.sequence = apply_commit(self.tables, self.counters, entry)
                else:
                    self._absorbed = journal.size
            except (TypeError, ValueError, AttributeError, KeyError):
                raise StoreError(f"{place}: not a commit; {REPAIR_HINT}") from None
        self.sequence = max(self.sequence, highest_number(self.tables))

    def _read_database(self, path: Path) -> None:
        content = path.read_bytes()
        self._checkpoint_at = max(self._checkpoint_bytes, len(content))
        if not is_intact(content):
            raise StoreError(f"{path}: damaged, its checksum is wrong; {REPAIR_HINT}")
        try:
            tables, self.sequence, values = parse_database(content)
            self.tables |= tables
            self.counters.catch_up(values)
        except (TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{path}: not a TinyDB file: {error}") from None

    def _save(self, tables: Tables, sequence: int, counters: dict[str, int]) -> None:
        """Write db.json, then empty the journal: if it is not emptied, its lines are skipped by their sequence."""
        if self._is_without_directory and not counters and not any(tables.values()):
            return
        if self._path is not None and self._journal is not None:
            self._journal.require_open()
            self._make_directory()
            with reported(self._path):
                size = write_database(self._path, tables, sequence, counters)
            self._checkpoint_at = max(self._checkpoint_bytes, size)
        self._unwritten = {}
        if self._journal is not None:
            with suppress(StoreError):
                self._journal.empty()
                self._journal.append(encode(_commit(sequence, sequence, (), (), {})))
            self._absorbed = self._journal.size


def _commit(
    after: int, sequence: int, puts: Iterable[Put], drops: Iterable[Drop], counters: Mapping[str, int]
) -> dict[str, Any]:
    return {"sequence": sequence, "after": after, "puts": puts, "drops": drops, "counters": counters}


def _gap(path: Path, after: int, sequence: int) -> str:
    if not sequence and not path.exists():
        return f"goes on after commit {after}, but {path} is missing"
    return f"goes on after commit {after}, not after commit {sequence}: lines are missing or out of order"


def goes_on(entry: Mapping[str, Any], sequence: int, highest: int) -> bool:
    """Tell whether tables at `sequence` have the journal's entry already, or it is the next one.

    `highest` is the highest number in db.json, above its sequence only if stock TinyDB has inserted documents.
    """
    return entry["sequence"] <= sequence or entry["after"] in (sequence, max(sequence, highest))


def apply_commit(tables: Tables, counters: Counters, entry: Mapping[str, Any]) -> int:
    """Apply a journal's entry, and return its sequence; TypeError, ValueError or KeyError if it is no commit."""
    for table, number, document in entry["puts"]:
        tables.setdefault(table, {})[number] = document
    for table, number in entry["drops"]:
        tables.setdefault(table, {}).pop(number, None)
    counters.catch_up(entry["counters"])
    sequence: int = entry["sequence"]
    return sequence


def is_intact(content: bytes) -> bool:
    """Compare the checksum of a db.json. One that stock TinyDB wrote has none: it is a single line, or indented."""
    if b"\n" not in content or content.startswith(b"{\n"):
        return True
    body = memoryview(content)[:-_CHECKSUM_BYTES]
    return content[-_CHECKSUM_BYTES:] == _CHECKSUM_LINE % crc32(body)


def parse_database(content: bytes) -> tuple[Tables, int, dict[str, int]]:
    """Return tables, sequence and counters; TypeError, ValueError or AttributeError if it is no TinyDB file.

    An empty file is an empty database, as stock TinyDB creates one.
    """
    return split_own_documents(_numbered(orjson.loads(content or b"{}")))


def split_own_documents(tables: Tables) -> tuple[Tables, int, dict[str, int]]:
    own_documents = tables.get("emulator", {})
    own_documents.pop(CHECKSUM, None)
    counters = own_documents.pop(COUNTERS, {})
    return tables, int(counters.get("sequence", 0)), counters.get("values", {})


def write_database(path: Path, tables: Tables, sequence: int, counters: Mapping[str, int]) -> int:
    """Replace db.json, and return its size in bytes. OSError if the disk refuses."""
    document: Object = {"id": "counters", "sequence": sequence, "values": counters}
    others = {name: rows for name, rows in tables.items() if name != "emulator"}
    with replace_file(path) as file:
        _dump(others | {"emulator": {COUNTERS: document, **tables.get("emulator", {})}}, file)
        return file.tell()


def _numbered(data: Mapping[str, Mapping[Any, Any]]) -> Tables:
    return {name: {int(number): row for number, row in rows.items()} for name, rows in data.items()}


def highest_number(tables: Tables) -> int:
    return max((max(rows, default=0) for rows in tables.values()), default=0)


def _dump(tables: Tables, file: BinaryIO) -> None:
    """Write one document a line, without the whole text in memory; the checksum is the last document of the last."""
    checksum = 0
    lines = _lines(tables)
    while piece := b"".join(islice(lines, LINES_AT_ONCE)):
        checksum = crc32(piece, checksum)
        file.write(piece)
    file.write(_CHECKSUM_LINE % checksum)


def _lines(tables: Tables) -> Iterator[bytes]:
    for first, (name, rows) in enumerate(tables.items()):
        yield (b"},\n" if first else b"{") + orjson.dumps(name) + b": {"
        for separator, (number, row) in zip(chain([b"\n"], repeat(b",\n")), rows.items(), strict=False):
            yield b'%b"%d": %b' % (separator, number, orjson.dumps(row))
