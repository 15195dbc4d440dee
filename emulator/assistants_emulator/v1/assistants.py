"""Assistants and their files under v1: one list of files for all tools that can use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistants_emulator.contract import ListQuery, error_texts
from assistants_emulator.contract.v1 import MAX_ASSISTANT_FILES
from assistants_emulator.errors import no_such
from assistants_emulator.resources import assistants, views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import assistant_resources
from assistants_emulator.resources.tool_resources import vector_store_ids
from assistants_emulator.resources.unit_of_work import FILES, STORES, UnitOfWork
from assistants_emulator.resources.vector_store_indexing import new_store_file
from assistants_emulator.resources.vector_stores import add_store
from assistants_emulator.store import Object, Page, child_key
from assistants_emulator.v1 import bodies
from assistants_emulator.v1.bodies import page_of
from assistants_emulator.v1.views import resource_files

Json = dict[str, Any]


def create(context: Context, body: Json) -> Object:
    file_ids = _file_ids(context, body.get("file_ids") or [], body.get("tools") or [])
    assistant = assistants.create(context, bodies.without_files(context, body))
    return _with_files(context, assistant, file_ids) if file_ids else assistant


def modify(context: Context, assistant_id: str, body: Json) -> Object:
    """`file_ids` replace the list; new tools may need the same files elsewhere."""
    before = assistants.retrieve(context, assistant_id)
    file_ids_before = resource_files(context, before["tool_resources"])
    tools = before["tools"] if body.get("tools") is None else body["tools"]
    file_ids = file_ids_before if body.get("file_ids") is None else _file_ids(context, body["file_ids"], tools)
    assistant = assistants.modify(context, assistant_id, bodies.without_files(context, body))
    changed = file_ids != file_ids_before or (file_ids and body.get("tools") is not None)
    return _with_files(context, assistant, file_ids) if changed else assistant


def create_file(context: Context, assistant_id: str, body: Json) -> Object:
    assistant = assistants.retrieve(context, assistant_id)
    file_ids_before = resource_files(context, assistant["tool_resources"])
    (file_id,) = _file_ids(context, [body["file_id"]], assistant["tools"])
    file_ids = list(dict.fromkeys((*file_ids_before, file_id)))
    if len(file_ids) > MAX_ASSISTANT_FILES:
        raise error_texts.many_assistant_files(MAX_ASSISTANT_FILES)
    return _file(context, _with_files(context, assistant, file_ids), file_id)


def list_files(context: Context, assistant_id: str, query: ListQuery) -> Page:
    assistant = assistants.retrieve(context, assistant_id)
    file_ids = resource_files(context, assistant["tool_resources"])
    return page_of([_file(context, assistant, id) for id in file_ids], query)


def retrieve_file(context: Context, assistant_id: str, file_id: str) -> Object:
    assistant = assistants.retrieve(context, assistant_id)
    if file_id not in resource_files(context, assistant["tool_resources"]):
        raise no_such("file", file_id)
    return _file(context, assistant, file_id)


def delete_file(context: Context, assistant_id: str, file_id: str) -> Object:
    """Detach the file, which stays."""
    retrieve_file(context, assistant_id, file_id)
    assistant = assistants.retrieve(context, assistant_id)
    file_ids = resource_files(context, assistant["tool_resources"])
    _with_files(context, assistant, [id for id in file_ids if id != file_id])
    return views.deleted(file_id, "assistant.file.deleted")


def _file(context: Context, assistant: Object, file_id: str) -> Object:
    ids = vector_store_ids(assistant["tool_resources"])
    files = (context.store.get(FILES, child_key(id, file_id)) for id in ids)
    created_at = next((file["created_at"] for file in files if file is not None), assistant["created_at"])
    return {"id": file_id, "object": "assistant.file", "created_at": created_at, "assistant_id": assistant["id"]}


def _file_ids(context: Context, file_ids: Sequence[str], tools: list[Json]) -> list[str]:
    """Each once; 404 for one that does not exist, 400 for one that the only tool, retrieval, cannot read."""
    files = bodies.require_files(context, file_ids)
    kinds = _kinds(bodies.tools(tools))
    if "file_search" in kinds and "code_interpreter" not in kinds:
        bodies.require_indexable(files)
    return [file["id"] for file in files]


def _with_files(context: Context, assistant: Object, file_ids: list[str]) -> Object:
    """The assistant with just these files, committed: all for the code interpreter, the readable ones for search."""
    changes, kinds = UnitOfWork(context), _kinds(assistant["tools"])
    resources = dict(assistant["tool_resources"])
    if "code_interpreter" in kinds or "file_search" not in kinds:
        resources["code_interpreter"] = {"file_ids": file_ids}
    else:
        resources.pop("code_interpreter", None)
    files = [context.store.get("files", id) for id in file_ids] if "file_search" in kinds else []
    searchable = [file["id"] for file in files if file is not None and bodies.is_searchable(file)]
    ids = [id for id in vector_store_ids(resources) if changes.get(STORES, id)]
    if ids:
        _put_files(context, changes, ids[0], searchable)
    elif searchable:
        resources["file_search"] = {"vector_store_ids": [add_store(context, changes, {"file_ids": searchable})["id"]]}
    changed = {**assistant, "tool_resources": assistant_resources(resources, assistant["tools"])}
    changes.put("assistants", changed)
    changes.commit("assistant.modified", changed)
    return changed


def _put_files(context: Context, changes: UnitOfWork, store_id: str, file_ids: list[str]) -> None:
    """Make these, and no others, the files of the vector store."""
    present = {file["id"]: file for file in context.store.of(FILES, "vector_store_id", store_id)}
    for id, file in present.items():
        if id not in file_ids:
            changes.drop_file(file)
            context.index.remove(store_id, id)
    for id in file_ids:
        if id not in present:
            changes.put_file(new_store_file(context, store_id, id, {}))


def _kinds(tools: list[Json]) -> set[str]:
    return {tool["type"] for tool in tools}
