"""Lookups by id, and pages of lists: the object or objects that a request names, or the API's 400 or 404.

An id's prefix is checked only after the lookup missed: an existing id is always served, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Callable

from assistants_emulator.contract import ListQuery
from assistants_emulator.errors import no_such, wrong_prefix
from assistants_emulator.object_kinds import RUN, THREAD, ObjectKind
from assistants_emulator.resources.context import Context
from assistants_emulator.store import Object, Page, child_key


def require(context: Context, kind: ObjectKind, id: str, param: str, **belongs: str) -> Object:
    """The object with that id; `belongs` are the values that its fields must have, as in `thread_id="thread_1"`.

    `param` is the parameter with the id. 400 for an unknown id without the kind's prefix, 404 for any other.
    """
    object = context.store.get(kind.table, id)
    if object is None and context.adopt is not None:
        object = context.adopt(kind, id)
    if object is not None and all(object.get(field) == parent for field, parent in belongs.items()):
        return object
    if not id.startswith(kind.expected_prefix):
        raise wrong_prefix(param, id, kind.expected_prefix, kind.word)
    raise no_such(kind.word, id)


def require_thread(context: Context, thread_id: str) -> Object:
    return require(context, THREAD, thread_id, "thread_id")


def require_run(context: Context, thread_id: str, run_id: str) -> Object:
    require_thread(context, thread_id)
    return require(context, RUN, run_id, "run_id", thread_id=thread_id)


def page(
    context: Context,
    kind: ObjectKind,
    query: ListQuery,
    *,
    field: str | None = None,
    parent: str | None = None,
    keep: Callable[[Object], bool] | None = None,
    within: str | None = None,
) -> Page:
    """The page that the query asks for (docs/reference/behaviour.md#pagination); 400 or 404 for an unknown cursor.

    `within` is the vector store whose files the cursors name; the caller has looked it up.
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
    return cursor if cursor is None or within is None else child_key(within, cursor)
