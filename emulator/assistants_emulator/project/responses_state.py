"""Responses, conversations, their items, and containers in a state file.

Rows are as the API renders them. An item says where it belongs by `response_id`, `conversation_id` and `is_output`; a
response has `input_items`, the ids of its own input, and `follows` if it went on with a history that was sent whole. A
container file carries its bytes as `content_base64`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from assistants_emulator.errors import EmulatorError
from assistants_emulator.object_kinds import CONTAINER, CONTAINER_FILE, CONVERSATION, RESPONSE
from assistants_emulator.resources import items, views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE
from assistants_emulator.resources.token_estimates import of_item
from assistants_emulator.responses import history
from assistants_emulator.responses.operations import restored
from assistants_emulator.responses.views import view
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import decode_base64, encode_base64

Tables = dict[str, list[Object]]
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


def get_tables(context: Context) -> Tables:
    """Every table, oldest row first."""
    store = context.store
    return {
        "responses": [_response(response) for response in store.all("responses")],
        TABLE: [_item(item) for item in store.all(TABLE)],
        "conversations": [views.conversation(each) for each in store.all("conversations")],
        "containers": [views.container(each) for each in store.all("containers")],
        "container_files": [_file(context, each) for each in store.all("container_files")],
    }


def prepare_tables(context: Context, state: Mapping[str, Any]) -> Tables:
    """The rows to store; EmulatorError in one line for a row without id or with an unknown key."""
    given = {name: _rows(name, state.get(name, [])) for name in NAMES}
    stored_items = [_stored_item(index, row) for index, row in enumerate(given[TABLE])]
    files = [_stored_file(context, index, row) for index, row in enumerate(given["container_files"])]
    by_id = {item["id"]: item for item in stored_items}
    responses: dict[str, Object] = {}
    for row in given["responses"]:
        responses[row["id"]] = _stored_response(context, row, responses, by_id)
    return {
        "responses": list(responses.values()),
        TABLE: stored_items,
        "conversations": [_stored_conversation(context, row, stored_items) for row in given["conversations"]],
        "containers": [_stored_container(context, row) for row in given["containers"]],
        "container_files": files,
    }


def _response(response: Object) -> Object:
    own = {"input_items": response["_input"], "follows": response["_follows"], "skipped": response["_skipped"]}
    return {**view(response, items.ALL), **own}


def _item(item: Object) -> Object:
    shown = {key: value for key, value in item.items() if not key.startswith("_")}
    belongs = (item.get("_response_id"), item.get("_conversation_id"), "_reply" in item)
    return {**shown, **dict(zip(BELONGS, belongs, strict=True))}


def _file(context: Context, file: Object) -> Object:
    return {**views.container_file(file), "content_base64": encode_base64(context.contents.whole(file["_content"]))}


def _rows(name: str, rows: Any) -> list[Object]:
    if not isinstance(rows, list):
        raise EmulatorError(f"state: {name} must be an array of objects")
    for index, row in enumerate(rows):
        where = f"{name}[{index}]"
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"]:
            raise EmulatorError(f"state: {where} must be an object with an id")
        for key in row:
            if key not in _EXTRA[name]:
                close = difflib.get_close_matches(key, _EXTRA[name], 1)
                meant = f"; did you mean {close[0]!r}?" if close else ""
                raise EmulatorError(f"state: {where}: unknown key {key!r}{meant}")
    return rows


def _stored_item(index: int, row: Object) -> Object:
    kind = row.get("type", "message")
    if kind not in items.TYPES:
        known = ", ".join(items.TYPES)
        raise EmulatorError(f"state: {TABLE}[{index}].type must be one of {known}, not {kind!r}")
    item: Object = {"status": "completed", **{key: value for key, value in row.items() if key not in BELONGS}}
    if kind == "message":
        item.setdefault("role", "user")
        item["content"] = items.content_parts(item["role"], item.get("content", ""))
    belongs = {"_response_id": row.get("response_id"), "_conversation_id": row.get("conversation_id")}
    output = {"_reply": index} if row.get("is_output") else {}
    return {**item, "type": kind, "_call_id": item.get("call_id"), **belongs, **output}


def _stored_response(context: Context, row: Object, earlier: dict[str, Object], by_id: dict[str, Object]) -> Object:
    """The response with what its continuation needs to know, from its items and the response before it."""
    own = [by_id[id] for id in row.get("input_items", []) if id in by_id]
    output = [item for item in by_id.values() if item["_response_id"] == row["id"] and "_reply" in item]
    previous = earlier.get(row.get("previous_response_id") or "")
    running: str | None = previous["_digest"] if previous is not None else ""
    if row.get("conversation"):
        running = None
    for item in (*own, *output):
        running = None if running is None else history.digest(running, item)
    conversation_id = (row.get("conversation") or {}).get("id")
    tokens_before = previous["_tokens"] if previous is not None else 0
    return restored(context, row, conversation_id, own, output, running, tokens_before)


def _stored_conversation(context: Context, row: Object, stored_items: list[Object]) -> Object:
    own = [item for item in stored_items if item["_conversation_id"] == row["id"]]
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


def _stored_file(context: Context, index: int, row: Object) -> Object:
    try:
        content = decode_base64(row.get("content_base64", ""))
    except ValueError as error:
        raise EmulatorError(f"state: container_files[{index}].content_base64 is no base64: {error}") from None
    path = row.get("path") or f"/mnt/data/{row['id']}"
    new = {"object": "container.file", "created_at": context.clock.now(), "container_id": "", "source": "user"}
    shown = {key: value for key, value in row.items() if key != "content_base64"}
    own = {"bytes": len(content), "path": path, "_content": context.contents.add(content)}
    return {**new, **shown, **own, "_filename": path.rpartition("/")[2]}
