"""Tools of a response: as they are echoed, what they let a responder do, and the searches of its vector stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.vector_store_search import search_stores
from assistants_emulator.responders.replies import CodeInterpreter, FileSearch, Image, Pause, Text
from assistants_emulator.retrieval import Hit
from assistants_emulator.store import Object, child_key
from assistants_emulator.turns.checks import are_slow, check_allowed, check_calls, check_format, is_slow_format
from assistants_emulator.turns.measures import find_file

MOST_RESULTS = 20
RANKING: Object = {"ranker": "auto", "score_threshold": 0.0}
NEVER_ANSWERED = (
    "Pause() holds a response until it is resumed, and the request that creates this one waits for its end; create it "
    "with background=True or stream=True, or use a `stuck` fault to test a request that is never answered"
)


def echoed(tool: Mapping[str, Any]) -> Object:
    """The tool as a response shows it."""
    match tool["type"]:
        case "function":
            return _function(tool)
        case "file_search":
            ranking = {**RANKING, **(tool.get("ranking_options") or {})}
            return {
                "type": "file_search",
                "filters": tool.get("filters"),
                "max_num_results": tool.get("max_num_results") or MOST_RESULTS,
                "ranking_options": {**ranking, "score_threshold": float(ranking["score_threshold"] or 0)},
                "vector_store_ids": tool["vector_store_ids"],
            }
    return dict(tool)


def _function(tool: Mapping[str, Any]) -> Object:
    """A function without `strict` is strict, so its parameters come back as strict ones have to be."""
    parameters = tool.get("parameters")
    if parameters == {}:
        parameters = {"type": "object", "properties": {}}
    is_strict = tool.get("strict")
    return {
        "type": "function",
        **({"allowed_callers": tool["allowed_callers"]} if tool.get("allowed_callers") else {}),
        **({"defer_loading": tool["defer_loading"]} if "defer_loading" in tool else {}),
        "description": tool.get("description"),
        "name": tool["name"],
        "output_schema": tool.get("output_schema"),
        "parameters": _strict(parameters) if is_strict is None else parameters,
        "strict": is_strict is not False,
    }


def _strict(schema: Any) -> Any:
    """The schema with `additionalProperties` false and every property required, in each of its objects."""
    if isinstance(schema, list):
        return [_strict(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if isinstance(strict.get("properties"), dict):
        strict |= {"additionalProperties": False, "required": list(strict["properties"])}
    elif strict.get("type") == "object":
        strict |= {"additionalProperties": False, "properties": {}, "required": []}
    return strict


def declared(response: Object, kind: str) -> Object | None:
    return next((tool for tool in response["tools"] if tool["type"] == kind), None)


def store_ids(context: Context, response: Object) -> list[str]:
    """The vector stores of its `file_search` tools that exist; each once."""
    tools = (tool for tool in response["tools"] if tool["type"] == "file_search")
    ids = dict.fromkeys(id for tool in tools for id in tool["vector_store_ids"])
    return [id for id in ids if context.store.get("vector_stores", id) is not None]


def search(context: Context, response: Object, query: str, max_num_results: int | None) -> list[Hit]:
    """Search by the limits, filters and threshold that the tool declares."""
    tool = declared(response, "file_search") or {}
    most = max_num_results or tool.get("max_num_results") or MOST_RESULTS
    threshold = tool.get("ranking_options", RANKING)["score_threshold"]
    stores = store_ids(context, response)
    return search_stores(context, stores, [query], most, tool.get("filters"), threshold)


def search_results(context: Context, response: Object, reply: FileSearch, query: str) -> list[Object]:
    """The results of the call, those that the reply gives or those of the search itself."""
    if reply.results is None:
        hits = search(context, response, query, reply.max_num_results)
        found = ((hit.file_id, hit.filename, hit.score, hit.attributes, hit.text) for hit in hits)
        return [_result(context, response, *fields) for fields in found]
    stores = store_ids(context, response)
    pairs = ((find_file(context, stores, row.file), row) for row in reply.results)
    return [_result(context, response, file["id"], file["filename"], row.score, {}, row.text) for file, row in pairs]


def _result(
    context: Context,
    response: Object,
    file_id: str,
    filename: str,
    score: float,
    attributes: Mapping[str, Any],
    text: str,
) -> Object:
    stores = store_ids(context, response)
    holders = [id for id in stores if context.store.get("vector_store_files", child_key(id, file_id)) is not None]
    return {
        "attributes": dict(attributes),
        "file_id": file_id,
        "filename": filename,
        "score": float(score),
        "text": text,
        "vector_store_id": next(iter(holders or stores), None),
    }


# What a responder may reply


def check_reply(response: Object, reply: Any, hosted_calls: int) -> None:
    """ScriptError for a reply that the model could not have made: a mistake of the test's author.

    `hosted_calls` is the number of calls of hosted tools that the response has made so far.
    """
    match reply:
        case Pause() if not response["background"] and not response["_request"].get("stream"):
            raise ScriptError(NEVER_ANSWERED)
        case list():
            for call in reply:
                check_allowed("response", response["tool_choice"], f"FunctionCall {call.name!r}")
            check_calls("response", reply, _parameters(response), response["parallel_tool_calls"])
        case CodeInterpreter() | FileSearch() | Image():
            _check_hosted(response, reply, hosted_calls)
        case Text(then=None):
            shape = response["text"]["format"]
            stated = f"the response has the text format {shape['type']}"
            check_format(stated, shape["type"], shape.get("schema"), reply.value)


def _check_hosted(response: Object, reply: Any, hosted_calls: int) -> None:
    name = type(reply).__name__
    kind = "file_search" if isinstance(reply, FileSearch) else "code_interpreter"
    check_allowed("response", response["tool_choice"], name)
    if declared(response, kind) is None:
        raise ScriptError(f"{name} needs a {kind} tool, and the request declares none; add it to its tools")
    most = response["max_tool_calls"]
    if most is not None and hosted_calls >= most and not isinstance(reply, Image):
        raise ScriptError(f"the response has max_tool_calls {most}, but its responder replies with one more {name}")


def is_slow(response: Object, reply: Any) -> bool:
    """True if checking the reply may take long, by the schemas of the request: then not on the server's loop."""
    match reply:
        case list():
            return are_slow(reply, _parameters(response))
        case Text():
            return is_slow_format(response["text"]["format"].get("schema"), reply.value)
    return False


def _parameters(response: Object) -> dict[str, Object]:
    """Without the `required` of strict functions: a script written for runs may leave out some."""
    functions = (tool for tool in response["tools"] if tool["type"] == "function" and tool["parameters"])
    return {
        tool["name"]: {key: value for key, value in tool["parameters"].items() if key != "required"}
        for tool in functions
    }
