"""What a tool works on: the code interpreter's files, file search's vector store.

`{"file_search": {}}` and null members change nothing: an Agency Swarm program sends them at every restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import FILE, VECTOR_STORE, Kind, require
from assistants_emulator.resources.vector_store_changes import UnitOfWork
from assistants_emulator.resources.vector_stores import add_store

Json = dict[str, Any]
IDS: tuple[tuple[str, str, Kind], ...] = (
    ("code_interpreter", "file_ids", FILE),
    ("file_search", "vector_store_ids", VECTOR_STORE),
)


def new_resources(
    context: Context,
    changes: UnitOfWork,
    sent: Json | None,
    tools: list[Json],
    store_defaults: Mapping[str, Any] | None = None,
) -> Json:
    """The tool resources of a new assistant or thread that has these tools.

    `vector_stores` are made, among the changes and with `store_defaults`, and shown by their ids.
    """
    taken = require_resources(context, sent)
    helper = ((sent or {}).get("file_search") or {}).get("vector_stores") or []
    for index, body in enumerate(helper):
        path = f"tool_resources.file_search.vector_stores[{index}].file_ids"
        store = add_store(context, changes, {**body, **(store_defaults or {})}, path)
        taken["file_search"] = {"vector_store_ids": [store["id"]]}
    return _with_code_interpreter(taken, tools)


def merged_resources(context: Context, known: Json, sent: Json | None, tools: list[Json]) -> Json:
    """A given list replaces that tool's list; tools that are not named keep theirs."""
    return _with_code_interpreter({**known, **require_resources(context, sent)}, tools)


def require_resources(context: Context, sent: Json | None) -> Json:
    """Only the members that say something; 404 for a file or vector store that does not exist."""
    taken: Json = {}
    for tool, field, kind in IDS:
        ids = ((sent or {}).get(tool) or {}).get(field)
        if ids is None:
            continue
        for index, id in enumerate(ids):
            require(context, kind, id, f"tool_resources.{tool}.{field}[{index}]")
        taken[tool] = {field: ids}
    return taken


def run_resource_ids(context: Context, run: Json, tool: str) -> list[str]:
    """The ids that a run's tool works on: its assistant's, its thread's and its own; some may be gone, or be twice."""
    field = next(field for name, field, _ in IDS if name == tool)
    assistant = context.store.get("assistants", run["assistant_id"]) or {}
    thread = context.store.get("threads", run["thread_id"]) or {}
    resources = (assistant.get("tool_resources"), thread.get("tool_resources"), run.get("_tool_resources"))
    return [id for of_owner in resources for id in ((of_owner or {}).get(tool) or {}).get(field, [])]


def _with_code_interpreter(resources: Json, tools: list[Json]) -> Json:
    """A code interpreter tool shows its file list even where it is empty (dotnet BasicRunOperationsWork)."""
    if any(tool["type"] == "code_interpreter" for tool in tools) and "code_interpreter" not in resources:
        return {"code_interpreter": {"file_ids": []}, **resources}
    return resources
