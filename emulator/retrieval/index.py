"""Ranked search over the chunks of vector stores: derived data, kept in memory and built anew from the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.retrieval.chunks import Chunk
from emulator.retrieval.filters import matches
from emulator.retrieval.shelf import Shelf, ShelvedFile


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
        self._shelves: dict[str, Shelf] = {}

    def add(
        self, store_id: str, file_id: str, filename: str, attributes: Mapping[str, Any], chunks: Sequence[Chunk]
    ) -> None:
        """Put a file last in a store's order; one that was there is replaced."""
        if store_id not in self._shelves:
            self._shelves[store_id] = Shelf()
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


def _search(shelf: Shelf, queries: Sequence[str], limit: int, filters: Mapping[str, Any] | None) -> Iterator[Hit]:
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
