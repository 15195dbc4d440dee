"""Files: uploaded bytes with a name and a purpose.

The name is data only: on disk the bytes have names of the emulator's own, which `_content` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistants_emulator.contract import ListQuery, files_query
from assistants_emulator.contract.files import (
    MAX_FILE_BYTES,
    UNREADABLE_PURPOSES,
    check_name,
    check_purpose,
    expiry_seconds,
    missing_property,
)
from assistants_emulator.errors import ApiError, NotFound
from assistants_emulator.object_kinds import FILE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import page
from assistants_emulator.resources.route import VERSIONS, Download, Form, FormRule, Route
from assistants_emulator.resources.unit_of_work import drop_everywhere
from assistants_emulator.resources.vector_store_indexing import forget_file
from assistants_emulator.store import Event, Object, Page
from assistants_emulator.store.steps import Steps

DEFAULTS: Object = {"status": "processed", "status_details": None}
LIFETIMES = {"batch": 2_592_000}
"""Seconds until a file of that purpose expires, unless it says when (docs/reference/behaviour.md#files)."""
MADE_IN = "/mnt/data/"  # begins the name of a file that code made: docs/reference/behaviour.md#code-interpreter-files


def new_file(
    context: Context, filename: str, purpose: str, size: int, content: Sequence[str], expires_after: int | None = None
) -> Object:
    """A file, not yet stored; `content` names its bytes in `context.contents`, `expires_after` is in seconds."""
    now = context.clock.now()
    lifetime = LIFETIMES.get(purpose) if expires_after is None else expires_after
    return {
        "object": "file",
        "id": context.ids.new("file"),
        "purpose": purpose,
        "filename": filename,
        "bytes": size,
        "created_at": now,
        "expires_at": None if lifetime is None else now + lifetime,
        **DEFAULTS,
        "_content": list(content),
    }


def short_name(file: Object) -> str:
    """The file's name, without the folder of one that code made."""
    name: str = file["filename"]
    return name.removeprefix(MADE_IN)


def create(context: Context, form: Form) -> Object:
    received, purpose = form.file, form.fields.get("purpose")
    if received is None:
        raise missing_property("file")
    if purpose is None:
        raise missing_property("purpose")
    check_purpose(purpose)
    check_name(received.filename, purpose)
    expires_after = expiry_seconds(form.fields)
    if not received.size:
        raise ApiError("File is empty.")
    file = new_file(context, received.filename, purpose, received.size, received.keep(), expires_after)
    context.commit(Event("file.created", file, (("files", file),)))
    return file


def list_(context: Context, query: ListQuery, purpose: str | None) -> Page:
    """With `purpose` only files of that purpose; none for a purpose that does not exist."""
    if query.after is not None:
        require_file(context, query.after, "after")
    if purpose is None:
        return page(context, FILE, query)
    return page(context, FILE, query, field="purpose", parent=purpose)


def retrieve(context: Context, file_id: str) -> Object:
    return require_file(context, file_id)


def delete(context: Context, file_id: str) -> Steps[Object]:
    """Delete it, its entries in vector stores, and its id in assistants and threads; messages and runs keep that."""
    file = require_file(context, file_id)
    answer = {"object": "file", "deleted": True, "id": file_id}  # in this order since 2024-05
    yield from remove(context, file, answer)
    return answer


def content(context: Context, file_id: str) -> Download:
    file = require_file(context, file_id)
    if file["purpose"] in UNREADABLE_PURPOSES:
        raise ApiError(f"Not allowed to download files of purpose: {file['purpose']}")
    contents, names = context.contents, file["_content"]
    return Download(file["filename"], sum(map(contents.size, names)), contents.chunks(names))


def require_file(context: Context, file_id: str, param: str = "id") -> Object:
    """The file; 404 in the words of `/files`, which expects no prefix (dotnet FilesTests)."""
    file = context.store.get("files", file_id)
    if file is None:
        raise NotFound(f"No such File object: {file_id}", param=param)
    return file


def remove(context: Context, file: Object, answer: Object) -> Steps[None]:
    """Delete the file, its bytes, its entries in vector stores and its id in assistants and threads at once.

    Its indexed chunks go in these steps.
    """
    drop_everywhere(context, file["id"]).commit("file.deleted", answer, (("files", file["id"]),))
    context.contents.discard(file["_content"])
    return forget_file(context, file["id"])


_WIRE: dict[str, Any] = {"beta": False, "versions": VERSIONS, "newline": True, "detail": True}
ROUTES = (
    Route("POST", "/files", create, views.file, form=FormRule("file", MAX_FILE_BYTES), **_WIRE),
    Route(
        "GET",
        "/files",
        list_,
        views.file,
        lists=True,
        filters=("purpose",),
        query=files_query,
        list_keys=("object", "data", "has_more", "first_id", "last_id"),
        **_WIRE,
    ),
    Route("GET", "/files/{file_id}", retrieve, views.file, **_WIRE),
    Route("DELETE", "/files/{file_id}", delete, views.as_is, **_WIRE),
    Route("GET", "/files/{file_id}/content", content, views.as_is, **_WIRE),
)
