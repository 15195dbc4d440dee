"""TinyDB's table over live documents, indexed: a put or a drop touches one document, never the whole table.

`Listing` is a view of a table's objects in creation order, by their sorted document numbers, and `Page` a part of one;
neither copies the list.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn, cast, overload

import tinydb
from tinydb.storages import Storage

from assistants_emulator.errors import StoreError
from assistants_emulator.store.model import TABLES, Object, key
from assistants_emulator.store.steps import OBJECTS_AT_ONCE, Steps, run_at_once

MANY = 16  # from so many on, one pass over an index is cheaper than a deletion each
MOST_DROPPED = 1000  # dropped keys that remain cursors, for programs that delete what they are paging through


class Table(tinydb.table.Table):
    """A table to read by TinyDB's methods; its writing ones raise StoreError, since they would bypass the journal."""

    def __init__(self, storage: Storage, name: str, **options: Any) -> None:
        super().__init__(storage, name, **options)
        self._fields = TABLES.get(name, ())
        self.reload()

    def reload(self) -> None:
        """Index the storage's documents. StoreError for one without id."""
        tables: dict[str, dict[Any, Object]] = self._storage.read() or {}
        run_at_once(self.reloading(tables.get(self._name, {})))()

    def reloading(self, documents: dict[int, Object]) -> Steps[Callable[[], None]]:
        """Index documents; return the function that makes them the table's. StoreError for one without id."""
        order = sorted(documents)
        numbers: dict[str, int] = {}
        children: dict[str, defaultdict[Any, list[int]]] = {field: defaultdict(list) for field in self._fields}

        def install() -> None:
            self._documents, self._order, self._numbers, self._children = documents, order, numbers, children
            self.dropped: dict[str, int] = {}
            self.clear_cache()

        if self._name in TABLES:
            for position, number in enumerate(order, 1):
                self._index(number, documents[number], numbers, children)
                if position % OBJECTS_AT_ONCE == 0:
                    yield None
        return install

    def number(self, key: str) -> int | None:
        """Return the document number of an object, which no other object gets even after it is dropped."""
        return self._numbers.get(key)

    def position(self, key: str) -> int | None:
        """Return the document number of a cursor: of an object, or of one that was dropped recently."""
        return self._numbers.get(key, self.dropped.get(key))

    def object(self, key: str) -> Object | None:
        number = self._numbers.get(key)
        return None if number is None else self._documents[number]

    def listing(self, field: str | None = None, parent: str | None = None) -> Listing:
        """Return all objects, or those whose `field` is `parent`. KeyError for a field without index."""
        numbers = self._order if field is None else self._children[field].get(parent, ())
        return Listing(numbers, self._documents)

    def parents(self, field: str) -> Iterable[str]:
        """Return the values of a field with an index."""
        return self._children[field].keys()

    def put(self, number: int, document: Object) -> None:
        """Insert under a number above all others, or replace the document that has it."""
        old = self._documents.get(number)
        self._documents[number] = document
        if old is None:
            self._order.append(number)
            self._index(number, document, self._numbers, self._children)
        else:
            self._move(number, old, document)
        self.clear_cache()

    def drop(self, numbers: Iterable[int]) -> None:
        documents = {number: self._documents.pop(number) for number in numbers}
        for number, document in documents.items():
            name = key(self._name, document)
            del self._numbers[name]
            self.dropped[name] = number
        for name in list(islice(self.dropped, max(0, len(self.dropped) - MOST_DROPPED))):
            del self.dropped[name]
        _remove(self._order, documents)
        for field in self._fields:
            for parent, children in _grouped(documents, field).items():
                self._unlink(field, parent, children)
        self.clear_cache()

    def _index(
        self, number: int, document: Object, numbers: dict[str, int], children: dict[str, defaultdict[Any, list[int]]]
    ) -> None:
        try:
            numbers[key(self._name, document)] = number
        except (KeyError, TypeError):
            where = f"{self._storage}: table {self._name}, document {number}"
            raise StoreError(f"{where}: not an object with an id") from None
        for field in self._fields:
            if (parent := document.get(field)) is not None:
                children[field][parent].append(number)

    def _move(self, number: int, old: Object, new: Object) -> None:
        for field in self._fields:
            old_parent, new_parent = old.get(field), new.get(field)
            if old_parent != new_parent:
                if old_parent is not None:
                    self._unlink(field, old_parent, [number])
                if new_parent is not None:
                    insort(self._children[field][new_parent], number)

    def _unlink(self, field: str, parent: str, numbers: Collection[int]) -> None:
        children = self._children[field]
        _remove(children[parent], numbers)
        if not children[parent]:
            del children[parent]

    def _read_table(self) -> Any:
        return TextKeys(self._documents)

    def _update_table(self, updater: Callable[..., None]) -> NoReturn:
        raise StoreError(f"table {self._name}: only Store.commit writes")


def _remove(numbers: list[int], dropped: Collection[int]) -> None:
    """Remove from a sorted list in place, since listings are views of it; many must be in a set or a dict."""
    first = bisect_left(numbers, min(dropped)) if dropped else 0
    if len(dropped) < MANY:
        for number in dropped:
            del numbers[bisect_left(numbers, number)]
    elif numbers[first + len(dropped) - 1 : first + len(dropped)] == [max(dropped)]:
        del numbers[first : first + len(dropped)]  # neighbours, as a thread's messages mostly are
    else:
        numbers[:] = [number for number in numbers if number not in dropped]


def _grouped(documents: Mapping[int, Object], field: str) -> dict[Any, set[int]]:
    """Group document numbers by the value of `field`, without those where it is null."""
    groups: defaultdict[Any, set[int]] = defaultdict(set)
    for number, document in documents.items():
        if (parent := document.get(field)) is not None:
            groups[parent].add(number)
    return groups


class TextKeys(Mapping[str, Object]):
    """A view of a table as TinyDB's reading methods expect it, with document ids as text."""

    __slots__ = ("_documents",)

    def __init__(self, documents: dict[int, Object]) -> None:
        self._documents = documents

    def __getitem__(self, number: str) -> Object:
        return self._documents[int(number)]

    def __iter__(self) -> Iterator[str]:
        return map(str, self._documents)

    def __len__(self) -> int:
        return len(self._documents)


class Database(tinydb.TinyDB):
    """A TinyDB whose tables are `Table`s."""

    table_class: type[tinydb.table.Table] = Table

    def table(self, name: str, **options: Any) -> Table:
        return cast(Table, super().table(name, **options))

    def drop_tables(self) -> NoReturn:
        raise StoreError("only Store.replace empties tables")

    def drop_table(self, name: str) -> NoReturn:
        raise StoreError(f"table {name}: only Store.replace empties tables")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing; `has_more` if the requested range goes on after the last item."""

    items: list[Object]
    has_more: bool


class Listing(Sequence[Object]):
    """A live view of objects: `len` and `[i]` take O(1), iteration in either direction O(log n) a step.

    Commits during an iteration are safe: each step looks up its position, so no object is skipped or repeated.
    """

    __slots__ = ("_documents", "_numbers")

    def __init__(self, numbers: Sequence[int], documents: Mapping[int, Object]) -> None:
        self._numbers = numbers
        self._documents = documents

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Object: ...
    @overload
    def __getitem__(self, index: slice) -> list[Object]: ...
    def __getitem__(self, index: int | slice) -> Object | list[Object]:
        if isinstance(index, slice):
            return [self._documents[number] for number in self._numbers[index]]
        return self._documents[self._numbers[index]]

    def __iter__(self) -> Iterator[Object]:
        return self._upwards(None, None)

    def __reversed__(self) -> Iterator[Object]:
        return self._downwards(None, None)

    def page(
        self,
        limit: int,
        descending: bool,
        after: int | None = None,
        before: int | None = None,
        keep: Callable[[Object], bool] | None = None,
    ) -> Page:
        """Return the first `limit` objects after the number `after` and before `before`, in either direction.

        These numbers need not be in the list. Objects that `keep` rejects are skipped; without them O(limit + log n).
        """
        walk = self._downwards(after, before) if descending else self._upwards(after, before)
        matching: Iterable[Object] = walk if keep is None else filter(keep, walk)
        items = list(islice(matching, limit + 1))
        return Page(items[:limit], len(items) > limit)

    def _upwards(self, after: int | None, before: int | None) -> Iterator[Object]:
        numbers = self._numbers
        position = 0 if after is None else bisect_right(numbers, after)
        while position < len(numbers) and (before is None or numbers[position] < before):
            number = numbers[position]
            yield self._documents[number]
            position = bisect_right(numbers, number)  # not + 1: the caller may have committed meanwhile

    def _downwards(self, after: int | None, before: int | None) -> Iterator[Object]:
        numbers = self._numbers
        position = (len(numbers) if after is None else bisect_left(numbers, after)) - 1
        while position >= 0 and (before is None or numbers[position] > before):
            number = numbers[position]
            yield self._documents[number]
            position = bisect_left(numbers, number) - 1
