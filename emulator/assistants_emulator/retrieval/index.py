"""Ranked search over the chunks of vector stores: derived data, kept in memory and built anew from the files."""

from __future__ import annotations

import math
import operator
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from assistants_emulator.errors import EmulatorError
from assistants_emulator.retrieval.chunks import Chunk
from assistants_emulator.retrieval.words import selective_terms, words_of

CHUNK_BITS = 20  # 5,000,000 tokens in steps of 25, the smallest that chunks can take, are 200,000
_K1 = 1.2  # of FTS5's bm25(), as is 1e-6 below
_TABLE = "CREATE VIRTUAL TABLE chunks USING fts5(text, content='', tokenize='porter unicode61')"


@dataclass(slots=True)
class ShelvedFile:
    file_id: str
    filename: str
    attributes: Mapping[str, Any]
    chunks: Sequence[Chunk]


class StoreIndex:
    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._db.execute(_TABLE)
        except sqlite3.OperationalError as error:
            self._db.close()
            raise EmulatorError(f"file search needs a Python whose SQLite has FTS5: {error}") from None
        self._db.execute("CREATE TABLE wanted (number INTEGER PRIMARY KEY)")
        self._next = 0
        self._size = 0
        self._numbers: dict[str, int] = {}
        self._files: dict[int, ShelvedFile] = {}

    def add(self, file: ShelvedFile) -> None:
        """Last in order; a file that was here already comes anew."""
        self.remove(file.file_id)
        number, self._next = self._next, self._next + 1
        self._write("INSERT INTO chunks(rowid, text) VALUES (?, ?)", _rows(number, file))
        self._numbers[file.file_id] = number
        self._files[number] = file
        self._size += len(file.chunks)

    def remove(self, file_id: str) -> None:
        """Removing what is not there is no error."""
        number = self._numbers.pop(file_id, None)
        if number is not None:
            file = self._files.pop(number)
            self._size -= len(file.chunks)
            self._write("INSERT INTO chunks(chunks, rowid, text) VALUES ('delete', ?, ?)", _rows(number, file))

    def file(self, file_id: str) -> ShelvedFile | None:
        number = self._numbers.get(file_id)
        return None if number is None else self._files[number]

    def files(self) -> Iterator[tuple[int, ShelvedFile]]:
        """With their numbers, in order of addition."""
        return iter(self._files.items())

    def chunk(self, row: int) -> tuple[ShelvedFile, int]:
        return self._files[row >> CHUNK_BITS], row & (1 << CHUNK_BITS) - 1

    def close(self) -> None:
        self._db.close()

    def search(self, query: str, wanted: Collection[int], limit: int) -> dict[int, float]:
        """Rows of the wanted files and their scores: the best `limit` of those that hold a word of the query.

        The score is the square root of what share BM25 gave of the most that it can give for these words in this store:
        0..1, growing with BM25, and alike in meaning from store to store.
        """
        words = selective_terms(words_of(query), self._count, self._size)
        if not words:
            return {}
        most = (_K1 + 1) * sum(_weight(number, self._size) for number in words.values())
        ranked = self._rank(" OR ".join(map(_quoted, words)), wanted, limit)
        # rounded, since the last bits of a logarithm differ between machines
        return {row: round(math.sqrt(min(1.0, max(0.0, -rank / most))), 6) for row, rank in ranked}

    def first(self, wanted: Collection[int], limit: int) -> list[int]:
        """The first rows of the wanted files, whatever they say."""
        rows = (row for number in wanted for row in _range(number, self._files[number]))
        return list(islice(rows, limit))

    def _count(self, word: str) -> int:
        asked = "SELECT count(*) FROM chunks WHERE chunks MATCH ?"
        return int(self._db.execute(asked, (_quoted(word),)).fetchone()[0])

    def _rank(self, match: str, wanted: Collection[int], limit: int) -> list[tuple[int, float]]:
        """`ORDER BY rank` would sort every row; by the value SQLite keeps only the best, in half the time."""
        among = ""
        if len(wanted) < len(self._files):
            among = f"AND (rowid >> {CHUNK_BITS}) IN (SELECT number FROM wanted)"
            self._db.execute("DELETE FROM wanted")
            self._write("INSERT INTO wanted VALUES (?)", ((number,) for number in wanted))
        asked = f"SELECT rowid, bm25(chunks) AS found FROM chunks WHERE chunks MATCH ? {among}"
        return self._db.execute(f"{asked} ORDER BY found, rowid LIMIT ?", (match, limit)).fetchall()

    def _write(self, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
        with self._db:  # ends what BEGIN began
            self._db.execute("BEGIN")
            self._db.executemany(statement, rows)


def _range(number: int, file: ShelvedFile) -> range:
    return range(number << CHUNK_BITS, (number << CHUNK_BITS) + len(file.chunks))


def _rows(number: int, file: ShelvedFile) -> Iterator[tuple[int, str]]:
    return ((row, chunk.text) for row, chunk in zip(_range(number, file), file.chunks, strict=True))


def _quoted(word: str) -> str:
    return f'"{word}"'


def _weight(number: int, chunks: int) -> float:
    """FTS5's inverse document frequency of a word that stands in `number` of so many chunks."""
    weight = math.log((chunks - number + 0.5) / (number + 0.5))
    return weight if weight > 0 else 1e-6


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def matches(filter: Mapping[str, Any], attributes: Mapping[str, Any] | None) -> bool:
    """Whether a file with these attributes is wanted; the filter is one that the contract let through."""
    kind: str = filter["type"]
    if kind not in ("and", "or"):
        return _compares(kind, (attributes or {}).get(filter["key"]), filter["value"])
    for part in filter["filters"]:  # no generator: filters may be nested as deep as the stack allows
        if matches(part, attributes) is (kind == "or"):
            return kind == "or"
    return kind == "and"


def _compares(kind: str, has: Any, wanted: Any) -> bool:
    if kind in ("eq", "ne"):
        return _equal(has, wanted) is (kind == "eq")
    if kind in ("in", "nin"):
        among = any(_equal(has, value) for value in wanted) if isinstance(wanted, list) else False
        return among is (kind == "in")
    ordered = _type(has) == _type(wanted) in ("number", "string")
    return ordered and _ORDERS[kind](has, wanted)


def _equal(has: Any, wanted: Any) -> bool:
    return _type(has) == _type(wanted) and bool(has == wanted)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string" if isinstance(value, str) else "other"


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found; `score` is 0..1, `chunk_number` counts from 0 within the file."""

    file_id: str
    filename: str
    score: float
    attributes: Mapping[str, Any]
    text: str
    chunk_number: int


class Index:
    """The stores of one project. Used by one thread at a time; `close` when done.

    EmulatorError on the first file if this Python's SQLite has no FTS5. Unknown stores and files are empty ones.
    """

    def __init__(self) -> None:
        self._shelves: dict[str, StoreIndex] = {}

    def add(
        self, store_id: str, file_id: str, filename: str, attributes: Mapping[str, Any], chunks: Sequence[Chunk]
    ) -> None:
        """Put a file last in a store's order; one that was there is replaced."""
        if store_id not in self._shelves:
            self._shelves[store_id] = StoreIndex()
        self._shelves[store_id].add(ShelvedFile(file_id, filename, attributes, chunks))

    def update(self, store_id: str, file_id: str, attributes: Mapping[str, Any]) -> None:
        """New attributes of a file; its place and chunks stay."""
        shelf = self._shelves.get(store_id)
        if shelf is not None and (file := shelf.file(file_id)) is not None:
            file.attributes = attributes

    def remove(self, store_id: str, file_id: str) -> None:
        if store_id in self._shelves:
            self._shelves[store_id].remove(file_id)

    def drop(self, store_id: str) -> None:
        shelf = self._shelves.pop(store_id, None)
        if shelf is not None:
            shelf.close()

    def close(self) -> None:
        for store_id in list(self._shelves):
            self.drop(store_id)

    def search(
        self,
        store_ids: Sequence[str],
        queries: Sequence[str],
        max_num_results: int,
        filters: Mapping[str, Any] | None = None,
        score_threshold: float = 0.0,
    ) -> list[Hit]:
        """The best chunks, best first; equal ones by store as given, file as added, chunk number.

        A chunk's score is its best over the queries. Chunks that hold no word asked for fill up what is left, at 0.
        """
        shelves = [self._shelves[id] for id in dict.fromkeys(store_ids) if id in self._shelves]
        found = [hit for shelf in shelves for hit in _search(shelf, queries, max_num_results, filters)]
        found.sort(key=lambda hit: -hit.score)  # stable
        return [hit for hit in found[:max_num_results] if hit.score >= score_threshold]


def _search(shelf: StoreIndex, queries: Sequence[str], limit: int, filters: Mapping[str, Any] | None) -> Iterator[Hit]:
    """The hits of one store in its own order, enough of them to fill `limit` by itself."""
    wanted = [number for number, file in shelf.files() if filters is None or matches(filters, file.attributes)]
    if not wanted:
        return
    scores = dict.fromkeys(shelf.first(wanted, limit), 0.0)
    for query in dict.fromkeys(queries):
        for row, score in shelf.search(query, wanted, limit).items():
            scores[row] = max(score, scores.get(row, 0.0))
    for row, score in sorted(scores.items()):
        file, number = shelf.chunk(row)
        yield Hit(file.file_id, file.filename, score, file.attributes, file.chunks[number].text, number)
