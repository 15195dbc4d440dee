"""What a tool works on: the code interpreter's files, file search's vector store.

`{"file_search": {}}` and null members change nothing: an Agency Swarm program sends them at every restart.
"""

from __future__ import annotations

from typing import Any

from emulator.context import Context

Json = dict[str, Any]


def new_resources(context: Context, sent: Json | None, tools: list[Json]) -> Json:
    """The tool resources of a new assistant or thread that has these tools."""
    return _with_code_interpreter(_taken(context, sent or {}), tools)


def merged_resources(context: Context, known: Json, sent: Json | None, tools: list[Json]) -> Json:
    """A given list replaces that tool's list; tools that are not named keep theirs."""
    return _with_code_interpreter({**known, **_taken(context, sent or {})}, tools)


def _taken(context: Context, sent: Json) -> Json:
    """Only the members that say something."""
    taken: Json = {}
    for tool, field in (("code_interpreter", "file_ids"), ("file_search", "vector_store_ids")):
        ids = (sent.get(tool) or {}).get(field)
        if ids is not None:
            taken[tool] = {field: ids}
    return taken


def _with_code_interpreter(resources: Json, tools: list[Json]) -> Json:
    """A code interpreter tool shows its file list even where it is empty (dotnet BasicRunOperationsWork)."""
    if any(tool["type"] == "code_interpreter" for tool in tools) and "code_interpreter" not in resources:
        return {"code_interpreter": {"file_ids": []}, **resources}
    return resources
