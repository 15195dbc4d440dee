"""Files in a vector store. Their id is the file's own: the same file may be in several stores."""

from __future__ import annotations

from typing import Any

from assistants_emulator.contract import CreateVectorStoreFile, ListQuery, UpdateVectorStoreFile, status_filter
from assistants_emulator.errors import NotFound, wrong_prefix
from assistants_emulator.object_kinds import VECTOR_STORE_FILE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import page
from assistants_emulator.resources.route import Later, Route
from assistants_emulator.resources.unit_of_work import FILES, UnitOfWork
from assistants_emulator.resources.vector_store_indexing import new_store_file, require_file, text_of
from assistants_emulator.resources.vector_stores import NAMED, STORE_PATH, require_usable
from assistants_emulator.resources.vector_stores import retrieve as require_store
from assistants_emulator.store import Event, Object, Page, child_key


def create(context: Context, vector_store_id: str, body: dict[str, Any]) -> Object:
    """Add a file; one that is there already is read again, with the new attributes and chunking."""
    require_usable(context, vector_store_id)
    require_file(context, body["file_id"], "file_id")
    file = new_store_file(context, vector_store_id, body["file_id"], body)
    changes = UnitOfWork(context)
    changes.put_file(file)
    changes.activity(vector_store_id)
    changes.commit("vector_store.file.created", file)
    return file


def list_(context: Context, vector_store_id: str, query: ListQuery, filter: str | None) -> Page:
    """With `filter` only files in that status."""
    status = status_filter({"filter": filter or ""})
    require_store(context, vector_store_id)
    return files_page(context, vector_store_id, query, status, field="vector_store_id", parent=vector_store_id)


def retrieve(context: Context, vector_store_id: str, file_id: str) -> Object:
    require_store(context, vector_store_id)
    return require_store_file(context, vector_store_id, file_id, "file_id")


def modify(context: Context, vector_store_id: str, file_id: str, body: dict[str, Any]) -> Object:
    """Replace the attributes; null clears them."""
    before = retrieve(context, vector_store_id, file_id)
    file = {**before, "attributes": body["attributes"] or {}}
    context.commit(Event("vector_store.file.modified", file, ((FILES, file),)))
    context.index.update(vector_store_id, file_id, file["attributes"])
    return file


def content(context: Context, vector_store_id: str, file_id: str) -> Later:
    """The text of the file as one part; no part for a file that is not read or could not be."""
    store_file = retrieve(context, vector_store_id, file_id)
    file = context.store.get("files", file_id)
    readable = [file] if file is not None and store_file["status"] == "completed" else []

    def page() -> Object:
        data = [{"type": "text", "text": text_of(context.contents, file)} for file in readable]
        return {"object": "vector_store.file_content.page", "data": data, "has_more": False, "next_page": None}

    return Later(page)


def delete(context: Context, vector_store_id: str, file_id: str) -> Object:
    """Take the file out of the store; the file itself stays."""
    file = retrieve(context, vector_store_id, file_id)
    answer = views.deleted(file_id, "vector_store.file.deleted")
    changes = UnitOfWork(context)
    changes.drop_file(file)
    changes.commit("vector_store.file.deleted", answer)
    context.index.remove(vector_store_id, file_id)
    return answer


def files_page(
    context: Context, store_id: str, query: ListQuery, status: str | None, *, field: str, parent: str
) -> Page:
    """The page of a store's or a batch's files; cursors are file ids within the store."""
    for param in ("after", "before"):
        if (cursor := getattr(query, param)) is not None:
            require_store_file(context, store_id, cursor, param)
    keep = None if status is None else lambda file: file["status"] == status
    return page(context, VECTOR_STORE_FILE, query, field=field, parent=parent, keep=keep, within=store_id)


def require_store_file(context: Context, vector_store_id: str, file_id: str, param: str) -> Object:
    """The file in the store; 404 in words of its own for one that is not in it."""
    file = context.store.get(FILES, child_key(vector_store_id, file_id))
    if file is not None:
        return file
    if not file_id.startswith(VECTOR_STORE_FILE.expected_prefix):
        raise wrong_prefix(param, file_id, VECTOR_STORE_FILE.expected_prefix, VECTOR_STORE_FILE.word)
    raise NotFound(f"No file found with id '{file_id}' in vector store '{vector_store_id}'.")


FILES_PATH = f"{STORE_PATH}/files"
FILE_PATH = f"{FILES_PATH}/{{file_id}}"
ROUTES = (
    Route("POST", FILES_PATH, create, views.vector_store_file, CreateVectorStoreFile, **NAMED),
    Route("GET", FILES_PATH, list_, views.vector_store_file, lists=True, filters=("filter",), **NAMED),
    Route("GET", FILE_PATH, retrieve, views.vector_store_file, **NAMED),
    Route("POST", FILE_PATH, modify, views.vector_store_file, UpdateVectorStoreFile, **NAMED),
    Route("DELETE", FILE_PATH, delete, views.as_is, **NAMED),
    Route("GET", f"{FILE_PATH}/content", content, views.as_is, **NAMED),
)
