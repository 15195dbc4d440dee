"""The chunks of one vector store in an FTS5 table of its own, so that no store's words weigh in another's ranking.

A row's id is `file number << 20 | chunk number`: rows sort by the order of addition, and a file is a range of rows. The
table is contentless; the texts are kept once, in Python, and handed to SQLite again to forget them.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from emulator.errors import EmulatorError
from emulator.retrieval.chunks import Chunk
from emulator.retrieval.words import telling, words_of

CHUNK_BITS = 20  # 5,000,000 tokens in steps of 25, the smallest that chunks can take, are 200,000
_K1 = 1.2  # of FTS5's bm25(), as is 1e-6 below
_TABLE = "CREATE VIRTUAL TABLE chunks USING fts5(text, content='', tokenize='porter unicode61')"


@dataclass(slots=True)
class ShelvedFile:
    file_id: str
    filename: str
    attributes: Mapping[str, Any]
    chunks: Sequence[Chunk]


class Shelf:
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
        words = telling(words_of(query), self._count, self._size)
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
