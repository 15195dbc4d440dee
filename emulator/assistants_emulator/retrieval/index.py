"""Ranked search over the chunks of vector stores, in memory: derived from the files, and rebuilt from them.

`Index` holds the stores of a project, `StoreIndex` one store in an FTS5 table of its own, so that no store's words
weigh in another's ranking. A row's id is `file number << 20 | chunk number`: rows sort by the order of addition, and a
file is a range of rows. The table is contentless; the texts are in Python only, and handed to SQLite again to delete
their rows.
"""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias

from assistants_emulator.errors import EmulatorError
from assistants_emulator.retrieval.chunks import Chunk
from assistants_emulator.retrieval.words import selective_terms, words_of

CHUNK_BITS = 20  # 5,000,000 tokens in steps of 25, the smallest that chunks can take, are 200,000
_TABLE = "CREATE VIRTUAL TABLE chunks USING fts5(text, content='', tokenize='porter unicode61')"
ROWS_AT_ONCE = 128  # some hundredths of a second
_INSERT = "INSERT INTO chunks(rowid, text) VALUES (?, ?)"
_DELETE = "INSERT INTO chunks(chunks, rowid, text) VALUES ('delete', ?, ?)"
_K1 = 1.2  # a constant of FTS5's bm25(), as the next is
_LEAST_WEIGHT = 1e-6


Writes: TypeAlias = Iterator[Callable[[], object]]
"""The writes of a change, some hundredths of a second each: to be called one after the other, in any thread."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk in a search's result; `score` is 0..1, `chunk_number` counts from 0 within the file."""

    file_id: str
    filename: str
    score: float
    attributes: Mapping[str, Any]
    text: str
    chunk_number: int


@dataclass(slots=True)
class IndexedFile:
    file_id: str
    filename: str
    attributes: Mapping[str, Any]
    chunks: Sequence[Chunk]


class Index:
    """The vector stores of one project, for one thread at a time; `close` when done.

    EmulatorError on the first file if this Python's SQLite has no FTS5. Unknown stores and files are empty ones.
    """

    def __init__(self) -> None:
        self._stores: dict[str, StoreIndex] = {}

    def add(
        self, store_id: str, file_id: str, filename: str, attributes: Mapping[str, Any], chunks: Sequence[Chunk]
    ) -> None:
        """Put a file last in a store's order; one of the same id is replaced."""
        _call_all(self.adding(store_id, file_id, filename, attributes, chunks))

    def adding(
        self, store_id: str, file_id: str, filename: str, attributes: Mapping[str, Any], chunks: Sequence[Chunk]
    ) -> Writes:
        """As `add`, by the writes that this yields."""
        if store_id not in self._stores:
            self._stores[store_id] = StoreIndex()
        return self._stores[store_id].add(IndexedFile(file_id, filename, attributes, chunks))

    def update(self, store_id: str, file_id: str, attributes: Mapping[str, Any]) -> None:
        """Set a file's attributes; its place and chunks stay."""
        store = self._stores.get(store_id)
        if store is not None and (file := store.file(file_id)) is not None:
            file.attributes = attributes

    def remove(self, store_id: str, file_id: str) -> None:
        _call_all(self.removing(store_id, file_id))

    def removing(self, store_id: str, file_id: str) -> Writes:
        """Find the file no more from now on; its chunks weigh in the ranking until the writes have been called."""
        return self._stores[store_id].remove(file_id) if store_id in self._stores else iter(())

    def is_being_written(self, store_id: str) -> bool:
        """Tell whether chunks of the store are being added or removed, for which a search has to wait."""
        return store_id in self._stores and self._stores[store_id].is_being_written

    def drop(self, store_id: str) -> None:
        store = self._stores.pop(store_id, None)
        if store is not None:
            store.close()

    def close(self) -> None:
        for store_id in list(self._stores):
            self.drop(store_id)

    def search(
        self,
        store_ids: Sequence[str],
        queries: Sequence[str],
        max_num_results: int,
        filters: Mapping[str, Any] | None = None,
        score_threshold: float = 0.0,
    ) -> list[Hit]:
        """Return the best chunks, best first; equal ones by store as given, file as added, chunk number.

        A chunk's score is its best over the queries. Chunks without a word of the queries fill the remaining places,
        with score 0.
        """
        stores = [self._stores[id] for id in dict.fromkeys(store_ids) if id in self._stores]
        hits = [hit for store in stores for hit in _hits(store, queries, max_num_results, filters)]
        hits.sort(key=lambda hit: -hit.score)  # stable
        return [hit for hit in hits[:max_num_results] if hit.score >= score_threshold]


def _call_all(writes: Writes) -> None:
    for write in writes:
        write()


def _hits(store: StoreIndex, queries: Sequence[str], limit: int, filters: Mapping[str, Any] | None) -> Iterator[Hit]:
    """Yield the hits of one store in its own order, enough of them to fill `limit`."""
    numbers = [number for number, file in store.files() if filters is None or matches(filters, file.attributes)]
    if not numbers:
        return
    scores = dict.fromkeys(store.first(numbers, limit), 0.0)
    for query in dict.fromkeys(queries):
        for row, score in store.search(query, numbers, limit).items():
            scores[row] = max(score, scores.get(row, 0.0))
    for row, score in sorted(scores.items()):
        file, number = store.chunk(row)
        yield Hit(file.file_id, file.filename, score, file.attributes, file.chunks[number].text, number)


class StoreIndex:
    """The chunks of one vector store. EmulatorError if this Python's SQLite has no FTS5."""

    def __init__(self) -> None:
        import sqlite3

        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._db.execute(_TABLE)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise EmulatorError(f"file search needs a Python whose SQLite has FTS5: {error}") from None
        self._db.execute("CREATE TABLE searched_files (number INTEGER PRIMARY KEY)")
        self._next_number = 0
        self._chunk_count = 0
        self._numbers: dict[str, int] = {}
        self._files: dict[int, IndexedFile] = {}
        self._in_use = threading.Lock()  # by a write in another thread
        self._is_closed = False
        self._changes = 0  # of files, under way
        self._arriving: set[int] = set()  # files whose rows are being inserted
        self._leaving: set[int] = set()  # removed files of which the table still has rows

    @property
    def is_being_written(self) -> bool:
        return self._changes > 0

    def add(self, file: IndexedFile) -> Writes:
        """Put the file last in order, in place of one of the same id."""
        removal = self.remove(file.file_id)
        number, self._next_number = self._next_number, self._next_number + 1
        self._numbers[file.file_id] = number
        self._files[number] = file
        self._arriving.add(number)
        return chain(removal, self._insert(number, file))

    def remove(self, file_id: str) -> Writes:
        """Remove the file; no error if there is none. One that is being added is removed by the writes of that."""
        number = self._numbers.pop(file_id, None)
        if number is None:
            return iter(())
        file = self._files.pop(number)
        self._leaving.add(number)
        return iter(()) if number in self._arriving else self._delete(number, file, len(file.chunks))

    def _insert(self, number: int, file: IndexedFile) -> Writes:
        self._changes += 1
        inserted, rows = 0, _rows(number, file)
        try:
            while number in self._files and (batch := list(islice(rows, ROWS_AT_ONCE))):
                self._chunk_count += len(batch)  # never below the number of rows
                yield partial(self._write_unless_closed, _INSERT, batch)
                inserted += len(batch)
            if number not in self._files:
                yield from self._delete(number, file, inserted)
        except BaseException:  # it broke off: some rows may stay, and no search looks at them
            if self._files.pop(number, None) is not None:
                del self._numbers[file.file_id]
                self._leaving.add(number)
            raise
        finally:
            self._arriving.discard(number)
            self._changes -= 1

    def _delete(self, number: int, file: IndexedFile, count: int) -> Writes:
        """Delete the file's first `count` rows; FTS5 must not be told to delete others."""
        self._changes += 1
        rows = islice(_rows(number, file), count)
        try:
            while batch := list(islice(rows, ROWS_AT_ONCE)):
                yield partial(self._write_unless_closed, _DELETE, batch)
                self._chunk_count -= len(batch)
            self._leaving.discard(number)
        finally:
            self._changes -= 1

    def _write_unless_closed(self, statement: str, rows: list[tuple[int, str]]) -> None:
        with self._in_use:
            if not self._is_closed:
                self._write(statement, iter(rows))
        if self._is_closed:
            self.close()

    def file(self, file_id: str) -> IndexedFile | None:
        number = self._numbers.get(file_id)
        return None if number is None else self._files[number]

    def files(self) -> Iterator[tuple[int, IndexedFile]]:
        """Yield (number, file) in order of addition."""
        return iter(self._files.items())

    def chunk(self, row: int) -> tuple[IndexedFile, int]:
        """Return a row's file and its chunk number within it."""
        return self._files[row >> CHUNK_BITS], row & (1 << CHUNK_BITS) - 1

    def close(self) -> None:
        """Close, or let a write that is under way do it: this does not wait."""
        self._is_closed = True
        if self._in_use.acquire(blocking=False):
            self._db.close()
            self._in_use.release()

    def search(self, query: str, numbers: Collection[int], limit: int) -> dict[int, float]:
        """Return the best `limit` rows of these files that hold a word of the query, and their scores.

        The score is the square root of BM25's share of the most that it can be for these words in this store: 0..1,
        growing with BM25, and comparable between stores.
        """
        words = selective_terms(words_of(query), self._count, self._chunk_count)
        if not words:
            return {}
        most = (_K1 + 1) * sum(_weight(count, self._chunk_count) for count in words.values())
        ranked = self._rank(" OR ".join(map(_quoted, words)), numbers, limit)
        # rounded, since the last bits of a logarithm differ between machines
        return {row: round(math.sqrt(min(1.0, max(0.0, -rank / most))), 6) for row, rank in ranked}

    def first(self, numbers: Collection[int], limit: int) -> list[int]:
        """Return the first `limit` rows of the files of these numbers."""
        rows = (row for number in numbers for row in _range(number, self._files[number]))
        return list(islice(rows, limit))

    def _count(self, word: str) -> int:
        """Count the chunks that hold the word."""
        statement = "SELECT count(*) FROM chunks WHERE chunks MATCH ?"
        return int(self._db.execute(statement, (_quoted(word),)).fetchone()[0])

    def _rank(self, match: str, numbers: Collection[int], limit: int) -> list[tuple[int, float]]:
        """Return (row, rank), best first. `ORDER BY rank` would sort all rows, which takes twice the time."""
        condition = ""
        if len(numbers) < len(self._files) or self._leaving:
            condition = f"AND (rowid >> {CHUNK_BITS}) IN (SELECT number FROM searched_files)"
            self._db.execute("DELETE FROM searched_files")
            self._write("INSERT INTO searched_files VALUES (?)", ((number,) for number in numbers))
        statement = f"SELECT rowid, bm25(chunks) AS score FROM chunks WHERE chunks MATCH ? {condition}"
        return self._db.execute(f"{statement} ORDER BY score, rowid LIMIT ?", (match, limit)).fetchall()

    def _write(self, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
        with self._db:  # commits what BEGIN began
            self._db.execute("BEGIN")
            self._db.executemany(statement, rows)


def _range(number: int, file: IndexedFile) -> range:
    return range(number << CHUNK_BITS, (number << CHUNK_BITS) + len(file.chunks))


def _rows(number: int, file: IndexedFile) -> Iterator[tuple[int, str]]:
    return ((row, chunk.text) for row, chunk in zip(_range(number, file), file.chunks, strict=True))


def _quoted(word: str) -> str:
    return f'"{word}"'


def _weight(count: int, chunks: int) -> float:
    """Return FTS5's inverse document frequency of a word that is in `count` of so many chunks."""
    weight = math.log((chunks - count + 0.5) / (count + 0.5))
    return weight if weight > 0 else _LEAST_WEIGHT


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def matches(filter: Mapping[str, Any], attributes: Mapping[str, Any] | None) -> bool:
    """Compare a file's attributes with a validated filter, {type: eq, key, value} or {type: and, filters}.

    A missing attribute equals nothing: it matches `ne` and `nin` and no other. Values of different types are never
    equal and never in an order; numbers are one type, true and false are no numbers.
    """
    kind: str = filter["type"]
    if kind not in ("and", "or"):
        return _compares(kind, (attributes or {}).get(filter["key"]), filter["value"])
    for part in filter["filters"]:  # no generator: filters may be nested as deep as the stack allows
        if matches(part, attributes) is (kind == "or"):
            return kind == "or"
    return kind == "and"


def _compares(kind: str, value: Any, operand: Any) -> bool:
    if kind in ("eq", "ne"):
        return _equal(value, operand) is (kind == "eq")
    if kind in ("in", "nin"):
        is_in = any(_equal(value, item) for item in operand) if isinstance(operand, list) else False
        return is_in is (kind == "in")
    is_ordered = _type(value) == _type(operand) in ("number", "string")
    return is_ordered and _ORDERS[kind](value, operand)


def _equal(value: Any, operand: Any) -> bool:
    return _type(value) == _type(operand) and bool(value == operand)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string" if isinstance(value, str) else "other"
