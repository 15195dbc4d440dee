"""Several changes as one commit, with the counts that vector stores and batches keep of their files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assistants_emulator.object_kinds import FILE_BATCH, VECTOR_STORE, VECTOR_STORE_FILE
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import RESOURCE_IDS, assistant_resources
from assistants_emulator.store import Event, Object, child_key, key

FILES, STORES, BATCHES = VECTOR_STORE_FILE.table, VECTOR_STORE.table, FILE_BATCH.table
NO_FILES = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}
FINAL = ("cancelled", "expired")  # statuses of a store or batch that its files do not change
DAY = 86400


class UnitOfWork:
    """Collects changes until `commit` makes them all. Later changes see earlier ones."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._puts: dict[tuple[str, str], Object] = {}
        self._drops: list[tuple[str, str]] = []

    def get(self, table: str, id: str) -> Object | None:
        return self._puts.get((table, id)) or self._context.store.get(table, id)

    def require(self, table: str, id: str) -> Object:
        """The object, which the caller has put or looked up; KeyError if there is none."""
        if (object := self.get(table, id)) is None:
            raise KeyError(id)
        return object

    def put(self, table: str, object: Object) -> None:
        self._puts[table, key(table, object)] = object

    def put_file(self, file: Object) -> None:
        """Put a new vector store file, or one in a new status, and count it; one that is there already counts once."""
        before = self.get(FILES, key(FILES, file))
        self._recount(STORES, file["vector_store_id"], before, file)
        if (batch_id := file.get("batch_id")) is not None:
            same_batch = before is not None and before.get("batch_id") == batch_id
            self._recount(BATCHES, batch_id, before if same_batch else None, file)
        self.put(FILES, file)

    def drop_file(self, file: Object) -> None:
        """Drop a vector store file. Its batch still counts it."""
        self._recount(STORES, file["vector_store_id"], file, None)
        self._drops.append((FILES, key(FILES, file)))

    def drop_resource(self, tool: str, id: str) -> None:
        """Take the id of what is deleted out of that tool's resources, of assistants and threads.

        See docs/reference/behaviour.md#ids-of-deleted-objects.
        """
        field = RESOURCE_IDS[tool]
        for table in ("assistants", "threads"):
            for holder in self._context.store.all(table):
                before = (holder["tool_resources"].get(tool) or {}).get(field) or ()
                if id in before:
                    ids = [other for other in before if other != id]
                    resources = {**holder["tool_resources"], tool: {field: ids}}
                    if table == "assistants":
                        resources = assistant_resources(resources, holder["tools"])
                    self.put(table, {**holder, "tool_resources": resources})

    def activity(self, store_id: str) -> None:
        """Note that the store was used; its expiry counts from now (docs/reference/behaviour.md#vector-stores)."""
        if (store := self.get(STORES, store_id)) is not None:
            self.put(STORES, with_expiry({**store, "last_active_at": self._context.clock.now()}))

    @property
    def puts(self) -> tuple[tuple[str, Object], ...]:
        return tuple((table, object) for (table, _), object in self._puts.items())

    @property
    def drops(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._drops)

    def commit(self, name: str, data: Object, drops: Iterable[tuple[str, str]] = ()) -> None:
        self._context.commit(Event(name, data, self.puts, (*self._drops, *drops)))

    def _recount(self, table: str, id: str, before: Object | None, after: Object | None) -> None:
        """Update the counts, status and bytes of a store or batch for a file that changed from `before` to `after`."""
        holder = self.get(table, id)
        if holder is None:
            return
        counts = dict(holder["file_counts"])
        changed: dict[str, Any] = {"file_counts": counts}
        for file, by in ((before, -1), (after, 1)):
            if file is not None:
                counts[file["status"]] += by
                counts["total"] += by
        if holder["status"] not in FINAL:
            changed["status"] = "in_progress" if counts["in_progress"] else "completed"
        if "usage_bytes" in holder:
            changed["usage_bytes"] = holder["usage_bytes"] + _bytes(after) - _bytes(before)
        self.put(table, {**holder, **changed})


def with_expiry(store: Object) -> Object:
    """The store with `expires_at` computed from its last activity; an expired one is unchanged."""
    if store["status"] == "expired":
        return store
    days = (store["expires_after"] or {}).get("days")
    return {**store, "expires_at": None if days is None else store["last_active_at"] + days * DAY}


def drop_everywhere(context: Context, file_id: str) -> UnitOfWork:
    """The changes that take a file out of every vector store and code interpreter."""
    changes = UnitOfWork(context)
    for store in context.store.all(STORES):
        file = context.store.get(FILES, child_key(store["id"], file_id))
        if file is not None:
            changes.drop_file(file)
    changes.drop_resource("code_interpreter", file_id)
    return changes


def _bytes(file: Object | None) -> int:
    return 0 if file is None else int(file["usage_bytes"])
