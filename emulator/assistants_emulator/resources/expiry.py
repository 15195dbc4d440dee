"""Expiry: files and uploads end some time after their creation, vector stores and containers after their last use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from assistants_emulator.clock import Deadline
from assistants_emulator.object_kinds import CONTAINER, FILE, KINDS, UPLOAD, VECTOR_STORE
from assistants_emulator.resources import containers, files, uploads
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.unit_of_work import STORES
from assistants_emulator.resources.vector_store_indexing import forget_store
from assistants_emulator.store import Event, Object
from assistants_emulator.store.steps import run_later


def _expire_file(context: Context, file: Object) -> None:
    """Delete it, as its owner could have."""
    run_later(files.remove(context, file, {"object": "file", "deleted": True, "id": file["id"]}))


def _expire_upload(context: Context, upload: Object) -> None:
    uploads.end(context, {**upload, "status": "expired"})


def _expire_store(context: Context, store: Object) -> None:
    """Leave it to be retrieved, but not searched."""
    forget_store(context, store["id"])
    expired = {**store, "status": "expired"}
    context.commit(Event("vector_store.expired", expired, ((STORES, expired),)))


_ACTIONS: dict[str, Callable[[Context, Object], None]] = {
    FILE.table: _expire_file,
    UPLOAD.table: _expire_upload,
    VECTOR_STORE.table: _expire_store,
    CONTAINER.table: containers.expire,
}
_LASTING = {kind.table: kind.lasting for kind in KINDS if kind.lasting is not None}


class Expiry:
    """Watches the store for objects that expire, and ends them at their instant by the project's clock."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._deadlines: dict[tuple[str, str], Deadline] = {}
        self._unsubscribe = context.store.subscribe("*", self._react)
        self.rearm()

    def rearm(self) -> None:
        """Set all deadlines again, for another clock or other objects. Objects that are due end now."""
        for deadline in self._deadlines.values():
            deadline.cancel()
        self._deadlines.clear()
        for table in _LASTING:
            for object in list(self._context.store.all(table)):
                self._watch(table, object)

    def close(self) -> None:
        self._unsubscribe()

    def _react(self, event: Event) -> None:
        for table, object in event.puts:
            if table in _LASTING:
                self._watch(table, object)
        for table, id in event.drops:
            if table in _LASTING and self._context.store.get(table, id) is None:
                self._forget(table, id)

    def _watch(self, table: str, object: Object) -> None:
        when = _expires_at(table, object)
        if when is None:
            self._forget(table, object["id"])
            return
        deadline = self._deadlines.get((table, object["id"]))
        if deadline is not None and deadline.when <= when:
            return  # the later instant is read when this deadline fires
        if deadline is not None:
            deadline.cancel()
        if when <= self._context.clock.time():
            _ACTIONS[table](self._context, object)
            return
        due = partial(self._due, table, object["id"])
        self._deadlines[table, object["id"]] = self._context.clock.call_at(when, due)

    def _forget(self, table: str, id: str) -> None:
        """Cancel the deadline of an object that is gone or expires no more: it could be a month away."""
        if (deadline := self._deadlines.pop((table, id), None)) is not None:
            deadline.cancel()

    def _due(self, table: str, id: str) -> None:
        del self._deadlines[table, id]
        if (object := self._context.store.get(table, id)) is not None:
            self._watch(table, object)


def _expires_at(table: str, object: Object) -> float | None:
    """Unix seconds; None for an object that does not expire any more, or never."""
    if object["status"] in _LASTING[table]:
        return None
    if table == CONTAINER.table:
        return containers.expires_at(object)
    expires_at: float | None = object["expires_at"]
    return expires_at
