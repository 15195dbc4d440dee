"""Fields of objects made from fields of requests: metadata, tools, message content, attachments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistants_emulator.contract.error_texts import many_properties
from assistants_emulator.store import Object

Json = dict[str, Any]
MOST_METADATA_KEYS = 16
AUTO_TRUNCATION: Json = {"type": "auto", "last_messages": None}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
RESOURCE_IDS = {"code_interpreter": "file_ids", "file_search": "vector_store_ids"}
"""The tools that have resources, in the wire's order, and the field of the ids that each of them holds."""
FILE_SEARCH_RANKING: Json = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}


def given(body: Json, *names: str) -> Json:
    """The named fields that the body has and that are not null: an explicit null means the default."""
    return {name: body[name] for name in names if body.get(name) is not None}


def merged_metadata(before: Object, body: Json) -> dict[str, str]:
    """Modifying merges: keys not sent are kept, null changes nothing (docs/reference/behaviour.md#metadata).

    400 where the merge would have more keys than an object may; that the service counts them so was not measured.
    """
    changes: dict[str, str] = body.get("metadata") or {}
    merged = {**before["metadata"], **changes}
    if len(merged) > MOST_METADATA_KEYS and changes.keys() - before["metadata"].keys():
        raise many_properties("metadata", MOST_METADATA_KEYS, len(merged))
    return merged


def assistant_resources(resources: Json, declared: list[Json]) -> Json:
    """An assistant's tool resources as it shows them: an empty list too for each of its tools.

    An empty `vector_store_ids` without the tool is not shown (docs/reference/behaviour.md#tool-resources).
    """
    kinds = {tool.get("type") for tool in declared}  # a state file may leave it out
    lists = {tool: (resources.get(tool) or {}).get(field) or [] for tool, field in RESOURCE_IDS.items()}
    shown = {tool for tool, ids in lists.items() if ids or tool in kinds} | (resources.keys() - {"file_search"})
    return {tool: {RESOURCE_IDS[tool]: ids} for tool, ids in lists.items() if tool in shown}


def tools(declared: list[Json]) -> list[Json]:
    """Tools as the API echoes them (dotnet BasicRunOperationsWork, StreamingToolCall)."""
    return [_TOOLS[tool["type"]](tool) for tool in declared]


def content(value: str | list[Json]) -> list[Json]:
    """A message's content as the API echoes it: a string becomes one text part, `detail` is filled in."""
    if isinstance(value, str):
        return [_text(value)]
    return [_PARTS[part["type"]](part) for part in value]


def attachments(value: list[Json] | None) -> list[Json]:
    return [{"file_id": item.get("file_id"), "tools": item.get("tools") or []} for item in value or []]


def _text(value: str) -> Json:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def _image(part: Json, kind: str, field: str) -> Json:
    return {"type": kind, kind: {field: part[kind][field], "detail": part[kind].get("detail") or "auto"}}


def _function(tool: Json) -> Json:
    function = tool["function"]
    return {
        "type": "function",
        "function": {
            "name": function["name"],
            **given(function, "description"),
            "parameters": NO_PARAMETERS if function.get("parameters") is None else function["parameters"],
            "strict": bool(function.get("strict")),
        },
    }


def _file_search(tool: Json) -> Json:
    settings = tool.get("file_search") or {}
    ranking = {**FILE_SEARCH_RANKING, **given(settings.get("ranking_options") or {}, "ranker", "score_threshold")}
    ranking["ranker"] = FILE_SEARCH_RANKING["ranker"] if ranking["ranker"] == "auto" else ranking["ranker"]
    ranking["score_threshold"] = float(ranking["score_threshold"])
    return {"type": "file_search", "file_search": {**given(settings, "max_num_results"), "ranking_options": ranking}}


_TOOLS: dict[str, Callable[[Json], Json]] = {
    "function": _function,
    "file_search": _file_search,
    "code_interpreter": lambda tool: {"type": "code_interpreter"},
}
_PARTS: dict[str, Callable[[Json], Json]] = {
    "text": lambda part: _text(part["text"]),
    "image_url": lambda part: _image(part, "image_url", "url"),
    "image_file": lambda part: _image(part, "image_file", "file_id"),
}
