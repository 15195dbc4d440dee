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
) -> Page:
    """The page that the query asks for; unknown cursors are the API's 400 or 404, as unknown ids are."""
    for param in ("after", "before"):
        if (cursor := getattr(query, param)) is not None:
            require(context, kind, cursor, param)
    return context.store.page(
        kind.table,
        field=field,
        parent=parent,
        limit=query.limit,
        descending=query.descending,
        after=query.after,
        before=query.before,
        keep=keep,
    )
