"""Cursor pages: what every list of the API shares (behaviour.md section 9)."""

from __future__ import annotations

from collections.abc import Callable

from emulator.context import Context
from emulator.contract import ListQuery
from emulator.resources.lookup import Kind, require
from emulator.store import Object, Page


def page(
    context: Context,
    kind: Kind,
    query: ListQuery,
    *,
    field: str | None = None,
    parent: str | None = None,
    keep: Callable[[Object], bool] | None = None,
    within: str | None = None,
) -> Page:
    """The page that the query asks for; unknown cursors are the API's 400 or 404, as unknown ids are.

    `within` is the vector store whose files the cursors name, which the caller has looked up.
    """
    for param in ("after", "before"):
        cursor = getattr(query, param)
        if cursor is not None and within is None and not context.store.has_place(kind.table, cursor):
            require(context, kind, cursor, param)
    return context.store.page(
        kind.table,
        field=field,
        parent=parent,
        limit=query.limit,
        descending=query.descending,
        after=_key(query.after, within),
        before=_key(query.before, within),
        keep=keep,
    )


def _key(cursor: str | None, within: str | None) -> str | None:
    return cursor if cursor is None or within is None else f"{within}/{cursor}"
