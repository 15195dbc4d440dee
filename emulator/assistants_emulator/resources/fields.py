"""How what a request says becomes what an object holds: metadata, tools, message content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assistants_emulator.contract.error_texts import many_properties
from assistants_emulator.store import Object

Json = dict[str, Any]
MOST_METADATA_KEYS = 16
AUTO_TRUNCATION: Json = {"type": "auto", "last_messages": None}
NO_PARAMETERS: Json = {"type": "object", "properties": {}}
FILE_SEARCH_RANKING: Json = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}


def given(body: Json, *names: str) -> Json:
    """Those of the named fields that the body holds and that are not null: an explicit null is the default."""
    return {name: body[name] for name in names if body.get(name) is not None}


def merged_metadata(known: Object, body: Json) -> dict[str, str]:
    """Modifying merges: keys not sent are kept, null changes nothing (behaviour.md section 3.1).

    400 where the merge would have more keys than an object may; that the service counts them so was not measured.
    """
    sent: dict[str, str] = body.get("metadata") or {}
    merged = {**known["metadata"], **sent}
    if len(merged) > MOST_METADATA_KEYS and sent.keys() - known["metadata"].keys():
        raise many_properties("metadata", MOST_METADATA_KEYS, len(merged))
    return merged


def tools(sent: list[Json]) -> list[Json]:
    """Tools as the API echoes them (dotnet BasicRunOperationsWork, StreamingToolCall)."""
    return [_TOOLS[tool["type"]](tool) for tool in sent]


def content(sent: str | list[Json]) -> list[Json]:
    """A message's content as the API echoes it: a string becomes one text part, `detail` is filled in."""
    if isinstance(sent, str):
        return [_text(sent)]
    return [_PARTS[part["type"]](part) for part in sent]


def attachments(sent: list[Json] | None) -> list[Json]:
    return [{"file_id": one.get("file_id"), "tools": one.get("tools") or []} for one in sent or []]


def _text(value: str) -> Json:
    return {"type": "text", "text": {"value": value, "annotations": []}}


def _image(part: Json, kind: str, field: str) -> Json:
    return {"type": kind, kind: {field: part[kind][field], "detail": part[kind].get("detail") or "auto"}}


def _function(tool: Json) -> Json:
    sent = tool["function"]
    described = {"description": sent["description"]} if sent.get("description") is not None else {}
    return {
        "type": "function",
        "function": {
            "name": sent["name"],
            **described,
            "parameters": NO_PARAMETERS if sent.get("parameters") is None else sent["parameters"],
            "strict": bool(sent.get("strict")),
        },
    }


def _file_search(tool: Json) -> Json:
    sent = tool.get("file_search") or {}
    ranking = {**FILE_SEARCH_RANKING, **given(sent.get("ranking_options") or {}, "ranker", "score_threshold")}
    ranking["ranker"] = FILE_SEARCH_RANKING["ranker"] if ranking["ranker"] == "auto" else ranking["ranker"]
    ranking["score_threshold"] = float(ranking["score_threshold"])
    return {"type": "file_search", "file_search": {**given(sent, "max_num_results"), "ranking_options": ranking}}


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
