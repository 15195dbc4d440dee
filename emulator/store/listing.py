"""Objects in creation order without copying them: a view over sorted document numbers, and pages of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import overload

from emulator.store.event import Object


@dataclass(frozen=True, slots=True)
class Page:
    """`has_more`: whether the requested range goes on after the last item."""

    items: list[Object]
    has_more: bool


class Listing(Sequence[Object]):
    """A live view: `len` and `[i]` cost O(1), both directions of iteration nothing up front.

    Committing while iterating is safe: every step looks up where it is, so nothing is skipped or seen twice.
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
        """The first `limit` objects, in the order asked for, that follow the number `after` and precede `before`.

        A number that is not in this list bounds it all the same. O(limit + log n), but for what `keep` refuses.
        """
        walk = self._downwards(after, before) if descending else self._upwards(after, before)
        kept: Iterable[Object] = walk if keep is None else filter(keep, walk)
        items = list(islice(kept, limit + 1))
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
