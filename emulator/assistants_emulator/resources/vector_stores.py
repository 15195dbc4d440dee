"""Vector stores: the collections of files that file search searches.

Files are read after the answer that adds them, so that answer says `in_progress`; the next request that names the store
finds them read.
"""

from __future__ import annotations

from typing import Any

from assistants_emulator.contract import CreateVectorStore, ListQuery, UpdateVectorStore
from assistants_emulator.errors import InvalidState
from assistants_emulator.object_kinds import VECTOR_STORE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import given, merged_metadata
from assistants_emulator.resources.lookup import page, require
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.unit_of_work import BATCHES, FILES, NO_FILES, STORES, UnitOfWork, with_expiry
from assistants_emulator.resources.vector_store_indexing import forget_store, new_store_file, require_files
from assistants_emulator.store import Event, Object, Page, child_key

DEFAULTS: Object = {
    "name": None,
    "description": None,
    "usage_bytes": 0,
    "file_counts": NO_FILES,
    "status": "completed",
    "expires_after": None,
    "expires_at": None,
    "last_active_at": None,
    "metadata": {},
}
CLEARABLE = ("name", "expires_after")


def add_store(context: Context, changes: UnitOfWork, body: dict[str, Any], path: str = "file_ids") -> Object:
    """Add a new store and its files to the changes; `path` is that of `file_ids` in the request."""
    files = require_files(context, body.get("file_ids") or [], path)
    id, now = context.ids.new("vector_store"), context.clock.now()
    fields = {**DEFAULTS, **given(body, "name", "description", "expires_after", "metadata"), "last_active_at": now}
    changes.put(STORES, with_expiry({"id": id, "object": "vector_store", "created_at": now, **fields}))
    for file in files:
        changes.put_file(new_store_file(context, id, file["id"], body))
    return changes.require(STORES, id)


def create(context: Context, body: dict[str, Any]) -> Object:
    changes = UnitOfWork(context)
    store = add_store(context, changes, body)
    changes.commit("vector_store.created", store)
    return store


def list_(context: Context, query: ListQuery) -> Page:
    return page(context, VECTOR_STORE, query)


def retrieve(context: Context, vector_store_id: str) -> Object:
    return require(context, VECTOR_STORE, vector_store_id, "vector_store_id")


def modify(context: Context, vector_store_id: str, body: dict[str, Any]) -> Object:
    """Null clears `name` and `expires_after`; null metadata changes nothing."""
    before = retrieve(context, vector_store_id)
    changes = given(body, *CLEARABLE) | {name: DEFAULTS[name] for name in CLEARABLE if body.get(name, "") is None}
    store = with_expiry({**before, **changes, "metadata": merged_metadata(before, body)})
    context.commit(Event("vector_store.modified", store, ((STORES, store),)))
    return store


def delete(context: Context, vector_store_id: str) -> Object:
    """Delete the store, its entries, its batches, and its id in assistants and threads; the files stay."""
    retrieve(context, vector_store_id)
    drops = [(FILES, child_key(vector_store_id, file["id"])) for file in context.store.of(FILES, *_of(vector_store_id))]
    drops += [(BATCHES, batch["id"]) for batch in context.store.of(BATCHES, *_of(vector_store_id))]
    forget_store(context, vector_store_id)
    answer = views.deleted(vector_store_id, "vector_store.deleted")
    changes = UnitOfWork(context)
    changes.drop_resource("file_search", vector_store_id)
    changes.commit("vector_store.deleted", answer, (*drops, (STORES, vector_store_id)))
    return answer


def require_usable(context: Context, vector_store_id: str) -> Object:
    """The store; 400 once it has expired. The end of the text was not recorded.

    See docs/reference/behaviour.md#open-questions.
    """
    store = retrieve(context, vector_store_id)
    if store["status"] == "expired":
        raise InvalidState(f"Vector store '{vector_store_id}' has expired.")
    return store


def _of(vector_store_id: str) -> tuple[str, str]:
    return "vector_store_id", vector_store_id


NAMED: dict[str, Any] = {"settles": "files", "beta": False}
STORE_PATH = "/vector_stores/{vector_store_id}"
ROUTES = (
    Route("POST", "/vector_stores", create, views.vector_store, CreateVectorStore, beta=False),
    Route("GET", "/vector_stores", list_, views.vector_store, lists=True, settles="files", beta=False),
    Route("GET", STORE_PATH, retrieve, views.vector_store, **NAMED),
    Route("POST", STORE_PATH, modify, views.vector_store, UpdateVectorStore, **NAMED),
    Route("DELETE", STORE_PATH, delete, views.as_is, **NAMED),
)
