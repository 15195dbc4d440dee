"""Pages of what is computed and not stored: the files of an assistant or a message."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.contract import ListQuery
from emulator.errors import no_such
from emulator.store import Object, Page


def page_of(items: Sequence[Object], query: ListQuery) -> Page:
    """`items` are in order of addition; 404 for a cursor that is none of them."""
    ordered = list(reversed(items)) if query.descending else list(items)
    places = {item["id"]: place for place, item in enumerate(ordered)}
    for cursor in (query.after, query.before):
        if cursor is not None and cursor not in places:
            raise no_such("file", cursor)
    first = places[query.after] + 1 if query.after is not None else 0
    end = places[query.before] if query.before is not None else len(ordered)
    return Page(ordered[first:end][: query.limit], len(ordered[first:end]) > query.limit)
