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

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain, count, islice, repeat, takewhile
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import orjson
from tinydb.storages import Storage

from assistants_emulator.errors import StoreError
from assistants_emulator.ids import Counters
from assistants_emulator.store.disk import ReplacementFile, make_directory, replace_file, reported
from assistants_emulator.store.journal import GONE, REPAIR_HINT, Journal, encode
from assistants_emulator.store.model import TABLES, VOLATILE, Object
from assistants_emulator.store.steps import OBJECTS_AT_ONCE, Steps, run_at_once

CHECKPOINT_BYTES = 8 * 1024 * 1024
LINES_AT_ONCE = 100  # of db.json
BACKGROUND = "background"  # suffix of a db.json that a thread writes; a kill leaves it behind
# numbers of own documents in the table `emulator`; commits count from 1
COUNTERS = 0
CHECKSUM = -1
_CHECKSUM_LINE = b',\n"-1": {"id": "checksum", "crc32": "%08x"}}}\n'
_CHECKSUM_BYTES = len(_CHECKSUM_LINE % 0)

WITH_VOLATILE = ("responses", "items", "response_events")
"""Tables that may have volatile objects."""

Put = tuple[str, int, Object]
Drop = tuple[str, int]
Tables = dict[str, dict[int, Object]]


class JournalStorage(Storage):
    """The tables in memory and, with a path, on disk. StoreError for files that cannot be read or written."""

    def __init__(self, path: Path | None = None, checkpoint_bytes: int = CHECKPOINT_BYTES) -> None:
        self.tables: Tables = {name: {} for name in TABLES}
        self.sequence = 0  # stays in memory, as the counters do, while the tables are unloaded
        self.counters = Counters()
        self._unwritten: dict[str, int] = {}  # counters that have moved since the last line
        self._postponed: dict[Drop, Object] = {}  # documents that the next line writes, by table and number
        self._postponed_drops: list[Drop] = []
        self._written = 0  # the sequence of the last line, or of db.json: behind `sequence` by what is postponed
        self._checkpoint_bytes = checkpoint_bytes
        self._checkpoint_at = checkpoint_bytes
        self._path = path
        self._journal: Journal | None = None
        self._is_without_directory = path is not None  # until there is one: the first write makes it, no look does
        self._absorbed = 0  # bytes at the journal's beginning whose commits are in db.json
        self._writing: NewDatabase | None = None
        self.background: Callable[[Steps[None]], object] = run_at_once
        """Runs a checkpoint that is due, or frees the memory of replaced tables: at once, or in turns of a loop."""
        self.load()

    def load(self) -> None:
        """Read the tables from the directory, if there is one."""
        if self._path is not None:
            self.tables = {name: {} for name in TABLES}
            self.sequence = self._written = self._absorbed = 0
            self._journal = Journal(self._path.with_name(f"{self._path.name}.journal"))
            self._load(self._path, self._journal)

    def unload(self) -> None:
        """Free the tables' memory until they are loaded again; every commit is in the directory already."""
        if self._journal is not None:
            self._write_postponed()
            self.abandon()
            self.tables = {}
            self._journal.close()

    @property
    def is_behind(self) -> bool:
        """Tell whether there are commits that db.json lacks."""
        return self._journal is not None and (self._journal.size > self._absorbed or self._is_behind_tables)

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
        old = self.tables
        self.tables, self.sequence, self.counters.values = tables, sequence, values
        self._all_written()
        self.background(_release({name: rows for name, rows in old.items() if name in TABLES}))

    def append(self, sequence: int, puts: Iterable[Put], drops: Iterable[Drop]) -> None:
        """Write a commit, what was postponed, and the counters that moved.

        StoreError, and nothing has changed, if that fails.
        """
        self._unwritten |= self.counters.take_changed()
        lasting = [put for put in puts if VOLATILE not in put[2]]
        if self._is_behind_tables:
            newest = {**self._postponed, **{(table, number): document for table, number, document in lasting}}
            lasting = [(table, number, document) for (table, number), document in newest.items()]
            drops = [*self._postponed_drops, *drops]
        entry = _commit(self._written, sequence, lasting, drops, self._unwritten)
        if self._journal is not None:
            self.make_directory()
            self._journal.append(encode(entry))
        else:
            orjson.dumps(entry)  # so that memory refuses the same objects
        self.sequence = sequence
        self._all_written()

    def postpone(self, sequence: int, puts: Iterable[Put], drops: Iterable[Drop]) -> None:
        """Leave a commit to the next line that is written: both of them are on the disk then, or neither is."""
        self._postponed |= {(table, number): document for table, number, document in puts if VOLATILE not in document}
        for drop in drops:
            self._postponed.pop(drop, None)
            self._postponed_drops.append(drop)
        self.sequence = sequence

    def checkpoint(self) -> None:
        self._unwritten |= self.counters.take_changed()
        self._save(self.tables, self.sequence, self.counters.values)
        self._all_written()

    def checkpoint_if_due(self) -> None:
        """Checkpoint a journal that outgrew db.json; if that fails nothing is lost, and a later commit tries again."""
        if self._journal is not None and self._journal.size > self._checkpoint_at and self._writing is None:
            self.checkpoint_in_background()

    @property
    def is_writing(self) -> bool:
        """Tell whether a checkpoint, or a replacement of all tables, is under way."""
        return self._writing is not None

    def checkpoint_in_background(self) -> None:
        """Begin a checkpoint of the tables as they are now; commits go on meanwhile."""
        if self._path is not None and self._journal is not None and self._writing is None:
            self._write_postponed()
            self._unwritten |= self.counters.take_changed()
            self._writing = NewDatabase(self._path, {name: _lasting(name, rows) for name, rows in self.tables.items()})
            write = partial(self._writing.write, self.sequence, dict(self.counters.values))
            self.background(self._checkpoint(self._writing, write, self._journal, self.sequence, self._journal.size))

    def _checkpoint(
        self, file: NewDatabase, write: Callable[[], object], journal: Journal, sequence: int, size: int
    ) -> Steps[None]:
        """Write the file in a thread, then put it in place and drop from the journal the commits that it has.

        These are its first `size` bytes, up to `sequence`.
        """
        yield write
        if self._writing is not file:
            file.abandon()  # the tables were replaced meanwhile, or the store is closed
            return
        self._writing = None
        try:
            journal.require_in_place()
            self._checkpoint_at = max(self._checkpoint_bytes, file.commit())
        except StoreError:
            self._checkpoint_at = journal.size + self._checkpoint_bytes
            return
        self._absorbed = size
        with suppress(StoreError):  # otherwise the lines are skipped by their sequence
            line = encode(_commit(sequence, sequence, (), (), {}))
            journal.replace_beginning(size, line)
            self._absorbed = len(line)

    def replacing(self, tables: Tables) -> Steps[Callable[[], None]]:
        """Write a db.json with these tables, in a thread; return the function that makes them the storage's.

        The table `emulator` stays as it is then, and the counters do. Commits in the meantime are of the old tables.
        """
        others = {name: rows for name, rows in tables.items() if name != "emulator"}
        self.make_directory()
        file = None if self._path is None else NewDatabase(self._path, others)
        if file is not None:
            self._writing = file
            yield file.write_others
        highest = highest_number(others)

        def install() -> None:
            sequence = max(self.sequence, highest)
            new = {**others, "emulator": self.tables.get("emulator", {})}
            if file is not None and self._journal is not None:
                self._journal.require_open()
                self._journal.require_in_place()
                file.write_own(sequence, self.counters.values, new["emulator"])
                self._saved(file.commit(), sequence)
            old, self.tables, self.sequence = self.tables, new, sequence
            self._all_written()
            self.background(_release({name: rows for name, rows in old.items() if name != "emulator"}))

        return install

    def abandon(self) -> None:
        """Give up a file that is being written."""
        if self._writing is not None:
            self._writing.abandon()
            self._writing = None

    def close(self) -> None:
        """Checkpoint if the journal has commits. The file is closed even if that fails; may be called again."""
        if self._journal is None:
            return
        try:
            if self.is_behind and not self._journal.closed:
                self.checkpoint()
        finally:
            self.abandon()
            self._journal.close()

    def make_directory(self) -> None:
        """Make the directory before the first write to it; one that was there and is gone is not made again."""
        if self._is_without_directory and self._path is not None:
            make_directory(self._path.parent, parents=False)
            self._is_without_directory = False

    def __str__(self) -> str:
        return "memory" if self._path is None else str(self._path)

    def _load(self, path: Path, journal: Journal) -> None:
        if path.parent.exists():
            make_directory(path.parent)  # an error for what is no directory
            self._is_without_directory = False
        elif not self._is_without_directory:
            raise StoreError(f"{path.parent}: {GONE}")
        for stale in path.parent.glob(f"{path.name}.{BACKGROUND}-*"):
            with suppress(OSError):
                stale.unlink()
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
        self.sequence = self._written = max(self.sequence, highest_number(self.tables))

    @property
    def _is_behind_tables(self) -> bool:
        return self._written != self.sequence

    def _write_postponed(self) -> None:
        if self._is_behind_tables:
            self.append(self.sequence, (), ())

    def _all_written(self) -> None:
        self._unwritten, self._postponed, self._postponed_drops = {}, {}, []
        self._written = self.sequence

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
            self._journal.require_in_place()
            self.abandon()
            self.make_directory()
            with reported(self._path):
                lasting = {name: _lasting(name, rows) for name, rows in tables.items()}
                size = write_database(self._path, lasting, sequence, counters)
            self._saved(size, sequence)

    def _saved(self, size: int, sequence: int) -> None:
        self._writing = None
        self._checkpoint_at = max(self._checkpoint_bytes, size)
        if self._journal is not None:
            with suppress(StoreError):
                self._journal.empty()
                self._journal.append(encode(_commit(sequence, sequence, (), (), {})))
            self._absorbed = self._journal.size


def _lasting(table: str, rows: dict[int, Object]) -> dict[int, Object]:
    """A copy of the table without what is in memory only."""
    if table not in WITH_VOLATILE:
        return dict(rows)
    return {number: row for number, row in rows.items() if VOLATILE not in row}


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
    with replace_file(path) as file:
        writer = _Writer(file)
        writer.write(_lines(_others(tables)))
        writer.finish(_lines(_own(tables.get("emulator", {}), sequence, counters), writer.is_empty))
        return file.tell()


class NewDatabase:
    """A new db.json with these tables, not in place until `commit`: written in any thread, as long as none abandons it.

    `commit` raises the StoreError of a disk that refused.
    """

    _numbers = count(1)

    def __init__(self, path: Path, tables: Tables) -> None:
        self._path = path
        self._tables = tables
        self._is_abandoned = False
        self._error: OSError | None = None
        self._replacement: ReplacementFile | None = None
        self._writer: _Writer | None = None
        self._suffix = f"{BACKGROUND}-{os.getpid()}-{next(self._numbers)}"

    def write(self, sequence: int, counters: Mapping[str, int]) -> None:
        self.write_others()
        self.write_own(sequence, counters, self._tables.get("emulator", {}))

    def write_others(self) -> None:
        """Write all tables but `emulator`."""
        try:
            self._replacement = ReplacementFile(self._path, suffix=self._suffix)
            self._writer = _Writer(self._replacement.file)
            self._writer.write(takewhile(lambda line: not self._is_abandoned, _lines(_others(self._tables))))
            self._sync(self._replacement)
        except OSError as error:
            self._error = error
        if self._is_abandoned:
            self.abandon()

    def write_own(self, sequence: int, counters: Mapping[str, int], rows: dict[int, Object]) -> None:
        if self._writer is None or self._replacement is None or self._error is not None or self._is_abandoned:
            return
        try:
            self._writer.finish(_lines(_own(rows, sequence, counters), self._writer.is_empty))
            self._sync(self._replacement)
        except OSError as error:
            self._error = error

    def commit(self) -> int:
        """Put it in place, and return its size in bytes."""
        with reported(self._path):
            if self._error is not None or self._replacement is None or self._is_abandoned:
                self.abandon()
                raise self._error or OSError("nothing was written")
            size = self._replacement.file.tell()
            self._replacement.commit()
            return size

    def abandon(self) -> None:
        """Remove what has been written; a thread that is writing stops soon, and then removes it."""
        self._is_abandoned = True
        if self._replacement is not None:
            self._replacement.abort()

    def _sync(self, replacement: ReplacementFile) -> None:
        replacement.file.flush()
        os.fsync(replacement.file.fileno())


class _Writer:
    """Writes lines of db.json without the whole text in memory; the checksum is the last document of the last table."""

    def __init__(self, file: BinaryIO) -> None:
        self.is_empty = True
        self._file = file
        self._checksum = 0

    def write(self, lines: Iterable[bytes]) -> None:
        lines = iter(lines)
        while piece := b"".join(islice(lines, LINES_AT_ONCE)):
            self.is_empty = False
            self._checksum = crc32(piece, self._checksum)
            self._file.write(piece)

    def finish(self, lines: Iterable[bytes]) -> None:
        self.write(lines)
        self._file.write(_CHECKSUM_LINE % self._checksum)


def _others(tables: Tables) -> Tables:
    return {name: rows for name, rows in tables.items() if name != "emulator"}


def _own(rows: dict[int, Object], sequence: int, counters: Mapping[str, int]) -> Tables:
    document: Object = {"id": "counters", "sequence": sequence, "values": counters}
    return {"emulator": {COUNTERS: document, **rows}}


def _release(tables: Tables) -> Steps[None]:
    """Free the memory of tables that are no longer used, in steps."""
    for rows in tables.values():
        while rows:
            for _ in range(min(len(rows), OBJECTS_AT_ONCE)):
                rows.popitem()
            yield None


def _numbered(data: Mapping[str, Mapping[Any, Any]]) -> Tables:
    return {name: {int(number): row for number, row in rows.items()} for name, rows in data.items()}


def highest_number(tables: Tables) -> int:
    return max((max(rows, default=0) for rows in tables.values()), default=0)


def _lines(tables: Tables, is_first: bool = True) -> Iterator[bytes]:
    for name, rows in tables.items():
        yield (b"{" if is_first else b"},\n") + orjson.dumps(name) + b": {"
        is_first = False
        for separator, (number, row) in zip(chain([b"\n"], repeat(b",\n")), rows.items(), strict=False):
            yield b'%b"%d": %b' % (separator, number, orjson.dumps(row))
