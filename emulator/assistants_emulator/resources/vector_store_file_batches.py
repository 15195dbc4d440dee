"""File batches: many files added to a vector store by one request, and counted together."""

from __future__ import annotations

from typing import Any

from assistants_emulator.contract import CreateVectorStoreFileBatch, ListQuery, NoBody, status_filter
from assistants_emulator.object_kinds import FILE_BATCH
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import require
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.unit_of_work import BATCHES, FILES, NO_FILES, UnitOfWork
from assistants_emulator.resources.vector_store_files import files_page
from assistants_emulator.resources.vector_store_indexing import new_store_file, require_files
from assistants_emulator.resources.vector_stores import NAMED, STORE_PATH, require_usable
from assistants_emulator.resources.vector_stores import retrieve as require_store
from assistants_emulator.store import Object, Page

DEFAULTS: Object = {"status": "in_progress", "file_counts": NO_FILES}


def create(context: Context, vector_store_id: str, body: dict[str, Any]) -> Object:
    """Entries of `files` have their own attributes and chunking; those of `file_ids` share the batch's."""
    require_usable(context, vector_store_id)
    settings = _settings(context, body)
    id, changes = context.ids.new("vector_store_file_batch"), UnitOfWork(context)
    batch = {"id": id, "object": "vector_store.file_batch", "created_at": context.clock.now(), **DEFAULTS}
    changes.put(BATCHES, {**batch, "vector_store_id": vector_store_id})
    for file_id, file_settings in settings.items():
        changes.put_file(new_store_file(context, vector_store_id, file_id, file_settings, id))
    changes.activity(vector_store_id)
    batch = changes.require(BATCHES, id)
    changes.commit("vector_store.file_batch.created", batch)
    return batch


def retrieve(context: Context, vector_store_id: str, batch_id: str) -> Object:
    require_store(context, vector_store_id)
    return require(context, FILE_BATCH, batch_id, "batch_id", vector_store_id=vector_store_id)


def cancel(context: Context, vector_store_id: str, batch_id: str, body: dict[str, Any]) -> Object:
    """Cancel the files that are not read yet; a batch that is over is answered unchanged (ruby-openai)."""
    batch = retrieve(context, vector_store_id, batch_id)
    if batch["status"] != "in_progress":
        return batch
    changes = UnitOfWork(context)
    changes.put(BATCHES, {**batch, "status": "cancelled"})
    for file in context.store.of(FILES, "batch_id", batch_id):
        if file["status"] == "in_progress":
            changes.put_file({**file, "status": "cancelled"})
    cancelled = changes.require(BATCHES, batch_id)
    changes.commit("vector_store.file_batch.cancelled", cancelled)
    return cancelled


def list_files(context: Context, vector_store_id: str, batch_id: str, query: ListQuery, filter: str | None) -> Page:
    status = status_filter({"filter": filter or ""})
    retrieve(context, vector_store_id, batch_id)
    return files_page(context, vector_store_id, query, status, field="batch_id", parent=batch_id)


def _settings(context: Context, body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The attributes and chunking of each file, by its id."""
    if body.get("files") is None:
        return {file["id"]: body for file in require_files(context, body["file_ids"], "file_ids")}
    settings = {file["file_id"]: file for file in body["files"]}
    require_files(context, list(settings), "files", ".file_id")
    return settings


BATCHES_PATH = f"{STORE_PATH}/file_batches"
BATCH_PATH = f"{BATCHES_PATH}/{{batch_id}}"
ROUTES = (
    Route("POST", BATCHES_PATH, create, views.file_batch, CreateVectorStoreFileBatch, **NAMED),
    Route("GET", BATCH_PATH, retrieve, views.file_batch, **NAMED),
    Route("POST", f"{BATCH_PATH}/cancel", cancel, views.file_batch, NoBody, **NAMED),
    Route("GET", f"{BATCH_PATH}/files", list_files, views.vector_store_file, lists=True, filters=("filter",), **NAMED),
)
