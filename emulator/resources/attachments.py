"""What messages bring along: files for the code interpreter and for file search, which become the thread's."""

from __future__ import annotations

from collections.abc import Iterable

from emulator.context import Context
from emulator.contract import faults
from emulator.resources.lookup import FILE, require
from emulator.resources.new_store_files import new_store_file, require_file
from emulator.resources.vector_store_changes import FILES, STORES, Changes
from emulator.resources.vector_stores import add_store
from emulator.store import Object

THREAD_STORE = {"expires_after": {"anchor": "last_active_at", "days": 7}}
"""Stores that a thread makes go a week after they were last used (behaviour.md section 5)."""

MAX_CODE_FILES = 20


def add_messages(context: Context, changes: Changes, messages: Iterable[Object], path: str = "") -> None:
    """New messages among the changes, with what their attachments do to the thread, which must be known by then.

    `path` is where the request says so: `messages` or `additional_messages`, nothing for a single message. 404 for a
    file that does not exist, 400 for one that file search does not take.
    """
    for index, message in enumerate(messages):
        changes.put("messages", message)
        _attach(context, changes, message, f"{path}[{index}]." if path else "")


def _attach(context: Context, changes: Changes, message: Object, path: str) -> None:
    for index, part in enumerate(message["content"]):
        if part["type"] == "image_file":
            require(context, FILE, part["image_file"]["file_id"], f"{path}content[{index}].image_file.file_id")
    for index, attachment in enumerate(message["attachments"]):
        file_id, where = attachment["file_id"], f"{path}attachments[{index}].file_id"
        require(context, FILE, file_id, where)
        tools = {tool["type"] for tool in attachment["tools"]}
        if "code_interpreter" in tools:
            _add_code_file(changes, message["thread_id"], file_id)
        if "file_search" in tools:
            require_file(context, file_id, where)
            _add_searched_file(context, changes, message["thread_id"], file_id)


def _add_code_file(changes: Changes, thread_id: str, file_id: str) -> None:
    thread = changes.require("threads", thread_id)
    known = thread["tool_resources"].get("code_interpreter", {}).get("file_ids", [])
    file_ids = list(dict.fromkeys((*known, file_id)))
    if len(file_ids) > MAX_CODE_FILES:
        raise faults.long_array("tool_resources.code_interpreter.file_ids", MAX_CODE_FILES, len(file_ids))
    _with_resources(changes, thread, "code_interpreter", {"file_ids": file_ids})


def _add_searched_file(context: Context, changes: Changes, thread_id: str, file_id: str) -> None:
    """Into the thread's store; into a new one where it has none, or one that is gone or expired."""
    thread = changes.require("threads", thread_id)
    for id in thread["tool_resources"].get("file_search", {}).get("vector_store_ids", []):
        store = changes.get(STORES, id)
        if store is not None and store["status"] != "expired":
            if changes.get(FILES, f"{id}/{file_id}") is None:
                changes.put_file(new_store_file(context, id, file_id, {}))
                changes.activity(id)
            return
    store = add_store(context, changes, {"file_ids": [file_id], **THREAD_STORE})
    _with_resources(changes, thread, "file_search", {"vector_store_ids": [store["id"]]})


def _with_resources(changes: Changes, thread: Object, tool: str, resource: Object) -> None:
    changes.put("threads", {**thread, "tool_resources": {**thread["tool_resources"], tool: resource}})
