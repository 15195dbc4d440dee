"""Responses, conversations, their items, and containers in a state file.

Rows are as the API renders them. An item says where it belongs by `response_id`, `conversation_id` and `is_output`; a
response has `input_items`, the ids of its own input, and `follows` if it went on with a history that was sent whole. A
container file carries its bytes as `content_base64`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from assistants_emulator.errors import EmulatorError, suggestion, text_of
from assistants_emulator.object_kinds import CONTAINER, CONTAINER_FILE, CONVERSATION, RESPONSE
from assistants_emulator.project.state_shapes import well_formed_value
from assistants_emulator.resources import containers, items, views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE
from assistants_emulator.resources.token_estimates import of_item
from assistants_emulator.responses import history
from assistants_emulator.responses.operations import restored
from assistants_emulator.responses.views import view
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import decode_base64, encode_base64
from assistants_emulator.store.model import TABLES
from assistants_emulator.store.steps import OBJECTS_AT_ONCE, RENDERED_AT_ONCE, Steps

Tables = dict[str, list[Object]]
UNSHOWABLE = (TypeError, ValueError, LookupError, AttributeError)
BELONGS = ("response_id", "conversation_id", "is_output")
_ITEM_KEYS = ("id", *dict.fromkeys(key for kind in items.TYPES.values() for key in kind.keys), *BELONGS)
_EXTRA: dict[str, tuple[str, ...]] = {
    "responses": (*RESPONSE.keys, "input_items", "follows", "skipped"),
    TABLE: tuple(dict.fromkeys(_ITEM_KEYS)),
    "conversations": CONVERSATION.keys,
    "containers": CONTAINER.keys,
    "container_files": (*CONTAINER_FILE.keys, "content_base64"),
}
NAMES = tuple(_EXTRA)
WHOLE = ("created_at", "completed_at", "last_active_at", "bytes")


def state_of(context: Context, table: str, stored: Object, is_empty: bool = False) -> Object:
    """A row of the state; with `is_empty` its `content_base64` is an empty text."""
    match table:
        case "responses":
            return _response(stored)
        case "conversations":
            return views.conversation(stored)
        case "containers":
            return views.container(stored)
        case "container_files":
            return _file(context, stored, is_empty)
    return _item(stored)


class NewResponses:
    """The rows of a state as they come, and the objects to store; EmulatorError in one line for rows that cannot be.

    The names of bytes that are new in the project's contents are added to `names`.
    """

    def __init__(self, context: Context, names: list[str]) -> None:
        self._context = context
        self._names = names
        self._rows: Tables = {name: [] for name in NAMES}

    def begin(self, table: str) -> None:
        """Begin a table, empty."""
        self._rows[table] = []

    def add(self, table: str, entry: Any) -> None:
        rows = self._rows[table]
        where = f"{table}[{len(rows)}]"
        _check_row(table, where, entry)
        with _must_be_showable(where):
            rows.append(self._prepared(table, where, well_formed_value(entry)))

    def checked(self) -> Steps[Tables]:
        """The tables, once all rows are there."""
        by_id, by_response, by_conversation = yield from _grouped(self._rows[TABLE])
        responses: dict[str, Object] = {}
        for index, row in enumerate(self._rows["responses"]):
            with _must_be_showable(f"responses[{index}]"):
                response = _stored_response(self._context, row, responses, by_id, by_response[row["id"]])
                _check_rendering(self._context, "responses", response)
            responses[row["id"]] = response
            if index % RENDERED_AT_ONCE == 0:
                yield None
        conversations: list[Object] = []
        for index, row in enumerate(self._rows["conversations"]):
            with _must_be_showable(f"conversations[{index}]"):
                conversations.append(_stored_conversation(self._context, row, by_conversation[row["id"]]))
                _check_rendering(self._context, "conversations", conversations[-1])
            if index % RENDERED_AT_ONCE == 0:
                yield None
        return {**self._rows, "responses": list(responses.values()), "conversations": conversations}

    def _prepared(self, table: str, where: str, row: Object) -> Object:
        """The object to store; of responses and conversations the row, since they need all items."""
        match table:
            case "containers":
                stored = _stored_container(self._context, row)
            case "container_files":
                stored = _stored_file(self._context, where, row, self._names)
            case "items":
                stored = _stored_item(where, len(self._rows[TABLE]), row)
            case _:
                return row
        _check_rendering(self._context, table, stored)
        return stored


@contextmanager
def _must_be_showable(where: str) -> Iterator[None]:
    try:
        yield
    except UNSHOWABLE as error:
        raise EmulatorError(f"state: {where} cannot be shown: {text_of(error)}") from None


def _check_rendering(context: Context, table: str, stored: Object) -> None:
    """Raise one of UNSHOWABLE for an object that could be stored and then not be shown, or not expire."""
    orjson.dumps(state_of(context, table, stored, is_empty=True))
    hash(tuple(stored.get(field) for field in TABLES[table]))  # by which it is found
    if table == TABLE:
        orjson.dumps(items.view(stored, frozenset(items.ALL)))
    if table == CONTAINER.table:
        containers.expires_at(stored)


def _grouped(rows: list[Object]) -> Steps[tuple[dict[str, Object], dict[str, list[Object]], dict[str, list[Object]]]]:
    """Items by id, the output of each response, and the items of each conversation."""
    by_id: dict[str, Object] = {}
    by_response: defaultdict[str, list[Object]] = defaultdict(list)
    by_conversation: defaultdict[str, list[Object]] = defaultdict(list)
    for index, item in enumerate(rows):
        by_id[item["id"]] = item
        if "_reply" in item:
            by_response[item["_response_id"]].append(item)
        by_conversation[item["_conversation_id"]].append(item)
        if index % OBJECTS_AT_ONCE == 0:
            yield None
    return by_id, by_response, by_conversation


def _response(response: Object) -> Object:
    own = {"input_items": response["_input"], "follows": response["_follows"], "skipped": response["_skipped"]}
    return {**view(response, items.ALL), **own}


def _item(item: Object) -> Object:
    shown = {key: value for key, value in item.items() if not key.startswith("_")}
    belongs = (item.get("_response_id"), item.get("_conversation_id"), "_reply" in item)
    return {**shown, **dict(zip(BELONGS, belongs, strict=True))}


def _file(context: Context, file: Object, is_empty: bool) -> Object:
    content = "" if is_empty else encode_base64(context.contents.whole(file["_content"]))
    return {**views.container_file(file), "content_base64": content}


def _check_row(table: str, where: str, row: Any) -> None:
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
        raise EmulatorError(f"state: {where} must be an object with an id")
    for key, value in row.items():
        if key in WHOLE and value is not None and type(value) is not int:
            raise EmulatorError(f"state: {where}.{key} must be a whole number, not {value!r}")
        if key not in _EXTRA[table]:
            raise EmulatorError(f"state: {where}: unknown key {key!r}{suggestion(key, _EXTRA[table], '')}")


def _stored_item(where: str, index: int, row: Object) -> Object:
    kind = row.get("type", "message")
    if kind not in items.TYPES:
        known = ", ".join(items.TYPES)
        raise EmulatorError(f"state: {where}.type must be one of {known}, not {kind!r}")
    item: Object = {"status": "completed", **{key: value for key, value in row.items() if key not in BELONGS}}
    if kind == "message":
        item.setdefault("role", "user")
        item["content"] = items.content_parts(item["role"], item.get("content", ""))
    belongs = {"_response_id": row.get("response_id"), "_conversation_id": row.get("conversation_id")}
    output = {"_reply": index} if row.get("is_output") else {}
    return {**item, "type": kind, "_call_id": item.get("call_id"), **belongs, **output}


def _stored_response(
    context: Context, row: Object, earlier: dict[str, Object], by_id: dict[str, Object], output: list[Object]
) -> Object:
    """The response with what its continuation needs to know, from its items and the response before it."""
    own = [by_id[id] for id in row.get("input_items", []) if id in by_id]
    previous = earlier.get(row.get("previous_response_id") or "")
    running: str | None = previous["_digest"] if previous is not None else ""
    if row.get("conversation"):
        running = None
    for item in (*own, *output):
        running = None if running is None else history.digest(running, item)
    conversation_id = (row.get("conversation") or {}).get("id")
    tokens_before = previous["_tokens"] if previous is not None else 0
    return restored(context, row, conversation_id, own, output, running, tokens_before)


def _stored_conversation(context: Context, row: Object, own: list[Object]) -> Object:
    new = {"object": "conversation", "created_at": context.clock.now(), "metadata": {}}
    return {**new, **row, "_open_calls": items.open_calls(own), "_tokens": sum(of_item(item) for item in own)}


def _stored_container(context: Context, row: Object) -> Object:
    now = context.clock.now()
    new = {
        "object": "container",
        "created_at": now,
        "status": "running",
        "expires_after": {"anchor": "last_active_at", "minutes": 20},
        "last_active_at": now,
        "memory_limit": "1g",
        "name": row["id"],
        "network_policy": {"type": "disabled"},
    }
    return {**new, **row}


def _stored_file(context: Context, where: str, row: Object, names: list[str]) -> Object:
    try:
        content = decode_base64(row.get("content_base64", ""))
    except ValueError as error:
        raise EmulatorError(f"state: {where}.content_base64 is no base64: {error}") from None
    path = row.get("path") or f"/mnt/data/{row['id']}"
    new = {"object": "container.file", "created_at": context.clock.now(), "container_id": "", "source": "user"}
    shown = {key: value for key, value in row.items() if key != "content_base64"}
    added = context.contents.add(content)
    names += added
    own = {"bytes": len(content), "path": path, "_content": added}
    return {**new, **shown, **own, "_filename": path.rpartition("/")[2]}
