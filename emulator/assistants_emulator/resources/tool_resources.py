"""Tool resources: the code interpreter's files, file search's vector store.

`{"file_search": {}}` and null members change nothing: an Agency Swarm program sends them at every restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistants_emulator.object_kinds import FILE, VECTOR_STORE, ObjectKind
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import RESOURCE_IDS
from assistants_emulator.resources.lookup import require
from assistants_emulator.resources.unit_of_work import UnitOfWork
from assistants_emulator.resources.vector_stores import add_store
from assistants_emulator.store import Object

Json = dict[str, Any]
KINDS: dict[str, ObjectKind] = {"code_interpreter": FILE, "file_search": VECTOR_STORE}


def new_resources(
    context: Context,
    changes: UnitOfWork,
    resources: Json | None,
    store_defaults: Mapping[str, Any] | None = None,
) -> Json:
    """The tool resources that a new assistant or thread brings.

    `vector_stores` are added to the changes, with `store_defaults`, and shown by their ids.
    """
    present = require_resources(context, resources)
    new_stores = ((resources or {}).get("file_search") or {}).get("vector_stores") or []
    for index, body in enumerate(new_stores):
        path = f"tool_resources.file_search.vector_stores[{index}].file_ids"
        store = add_store(context, changes, {**body, **(store_defaults or {})}, path)
        present["file_search"] = {"vector_store_ids": [store["id"]]}
    return present


def merged_resources(context: Context, before: Json, changes: Json | None) -> Json:
    """The resources after a change: a list replaces that tool's list; tools that are not named keep theirs."""
    return {**before, **require_resources(context, changes)}


def require_resources(context: Context, resources: Json | None) -> Json:
    """The members that are not empty or null; 404 for a file or vector store that does not exist."""
    present: Json = {}
    for tool, field in RESOURCE_IDS.items():
        ids = ((resources or {}).get(tool) or {}).get(field)
        if ids is None:
            continue
        for index, id in enumerate(ids):
            require(context, KINDS[tool], id, f"tool_resources.{tool}.{field}[{index}]")
        present[tool] = {field: ids}
    return present


def code_file_ids(resources: Json | None) -> list[str]:
    """The files that tool resources give the code interpreter."""
    ids: list[str] = ((resources or {}).get("code_interpreter") or {}).get("file_ids", [])
    return ids


def vector_store_ids(resources: Json | None) -> list[str]:
    """The vector stores that tool resources give file search."""
    ids: list[str] = ((resources or {}).get("file_search") or {}).get("vector_store_ids", [])
    return ids


def resources_of_run(context: Context, run: Object) -> tuple[Json, ...]:
    """The tool resources that a run works with: its assistant's, its thread's, its own."""
    assistant = context.store.get("assistants", run["assistant_id"]) or {}
    thread = context.store.get("threads", run["thread_id"]) or {}
    return tuple(
        resources or {}
        for resources in (assistant.get("tool_resources"), thread.get("tool_resources"), run.get("_tool_resources"))
    )
