"""Translate bodies of v1 into v2's: `retrieval` is file search, a message's `file_ids` are attachments.

Pages of computed objects, the files of an assistant or a message, are here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistants_emulator.contract import ListQuery
from assistants_emulator.errors import ApiError, InvalidParameter, no_such
from assistants_emulator.object_kinds import FILE
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import require
from assistants_emulator.retrieval import EXTENSIONS, extension
from assistants_emulator.store import Object, Page

Json = dict[str, Any]
WITH_FILES = ("file_ids", "thread", "additional_messages")
V2_MODELS = ("gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "chatgpt-", "o1", "o3", "o4")
NOT_IN_V1 = (
    "The requested model '{}' cannot be used with the Assistants API in v1. Follow the migration guide to upgrade to "
    "v2: https://platform.openai.com/docs/assistants/migration."
)
NOT_INDEXED = "Failed to index file: Unsupported file {} type: application/octet-stream"
"""The one MIME type that was seen, of a .csv file (openai/openai-node#459)."""


def without_files(context: Context, body: Json) -> Json:
    """An assistant's or a run's body with v2's tools, without its files and messages.

    400 for a model that v1 never took, where the emulator's models are listed (as in `models.require_model`).
    """
    model = body.get("model")
    if model is not None and context.config.models and model.startswith(V2_MODELS):
        raise InvalidParameter(NOT_IN_V1.format(model), param="model", code="unsupported_model")
    translated = {key: value for key, value in body.items() if key not in WITH_FILES}
    if translated.get("tools") is not None:
        translated["tools"] = tools(translated["tools"])
    choice = translated.get("tool_choice")
    if isinstance(choice, dict) and choice["type"] == "retrieval":
        translated["tool_choice"] = {"type": "file_search"}
    return translated


def run(context: Context, body: Json) -> Json:
    """A run's body, with its thread and additional messages translated too."""
    translated = without_files(context, body)
    if body.get("additional_messages") is not None:
        translated["additional_messages"] = [message(context, item) for item in body["additional_messages"]]
    if body.get("thread") is not None:
        translated["thread"] = thread(context, body["thread"])
    return translated


def thread(context: Context, body: Json) -> Json:
    if body.get("messages") is None:
        return body
    return {**body, "messages": [message(context, item) for item in body["messages"]]}


def message(context: Context, body: Json) -> Json:
    """A message's body. Its files are for the code interpreter, and for file search where that can read them.

    404 for a file that does not exist.
    """
    files = require_files(context, body.get("file_ids") or [])
    translated = {key: value for key, value in body.items() if key != "file_ids"}
    return {**translated, "attachments": [_attachment(file) for file in files]}


def tools(declared: list[Json]) -> list[Json]:
    return [{"type": "file_search"} if tool["type"] == "retrieval" else tool for tool in declared]


def require_files(context: Context, file_ids: Sequence[str]) -> list[Object]:
    files = (require(context, FILE, id, f"file_ids[{index}]") for index, id in enumerate(file_ids))
    return list({file["id"]: file for file in files}.values())


def require_indexable(files: Sequence[Object]) -> None:
    """400 for a file that retrieval cannot read (docs/reference/behaviour.md#v1)."""
    for file in files:
        if not is_searchable(file):
            raise ApiError(NOT_INDEXED.format(file["id"]))


def is_searchable(file: Object) -> bool:
    return extension(file["filename"]) in EXTENSIONS


def _attachment(file: Object) -> Json:
    kinds = ["code_interpreter", *(["file_search"] if is_searchable(file) else [])]
    return {"file_id": file["id"], "tools": [{"type": kind} for kind in kinds]}


def page_of(items: Sequence[Object], query: ListQuery) -> Page:
    """The page of `items`, which are in order of addition; 404 for a cursor that is none of them."""
    ordered = list(reversed(items)) if query.descending else list(items)
    places = {item["id"]: place for place, item in enumerate(ordered)}
    for cursor in (query.after, query.before):
        if cursor is not None and cursor not in places:
            raise no_such("file", cursor)
    first = places[query.after] + 1 if query.after is not None else 0
    end = places[query.before] if query.before is not None else len(ordered)
    return Page(ordered[first:end][: query.limit], len(ordered[first:end]) > query.limit)
