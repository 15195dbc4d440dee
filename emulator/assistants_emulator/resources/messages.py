"""Messages of a thread, and their attachments, whose files become the thread's tool resources.

While a run is active, the thread takes no new messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assistants_emulator.contract import CreateMessage, ListQuery, ModifyMessage, error_texts
from assistants_emulator.errors import InvalidState
from assistants_emulator.object_kinds import FILE, MESSAGE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import attachments, content, given, merged_metadata
from assistants_emulator.resources.lookup import page, require, require_thread
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.run_states import active_run
from assistants_emulator.resources.tool_resources import code_file_ids, vector_store_ids
from assistants_emulator.resources.unit_of_work import FILES, STORES, UnitOfWork
from assistants_emulator.resources.vector_store_indexing import new_store_file, require_file
from assistants_emulator.resources.vector_stores import add_store
from assistants_emulator.store import Event, Object, Page, child_key

DEFAULTS: Object = {
    "assistant_id": None,
    "run_id": None,
    "status": "completed",
    "incomplete_details": None,
    "incomplete_at": None,
    "role": "user",
    "content": [],
    "attachments": [],
    "metadata": {},
}
THREAD_STORE = {"expires_after": {"anchor": "last_active_at", "days": 7}}
"""A store that a thread creates expires a week after its last use (docs/reference/behaviour.md#attachments)."""
MAX_CODE_FILES = 20


def new_message(context: Context, thread_id: str, body: dict[str, Any]) -> Object:
    """A message of the client's, not yet stored.

    `_asked_in` is the thread of a user's message: by it the newest question is found at once in a long thread.
    """
    now = context.clock.now()
    return {
        "id": context.ids.new("message"),
        "object": "thread.message",
        "created_at": now,
        **DEFAULTS,
        **given(body, "role", "metadata"),
        "thread_id": thread_id,
        "completed_at": now,
        "content": content(body["content"]),
        "attachments": attachments(body.get("attachments")),
        "_asked_in": thread_id if body["role"] == "user" else None,
    }


def create(context: Context, thread_id: str, body: dict[str, Any]) -> Object:
    require_thread(context, thread_id)
    if (run := active_run(context, thread_id)) is not None:
        raise InvalidState(f"Can't add messages to {thread_id} while a run {run['id']} is active.")
    message = new_message(context, thread_id, body)
    changes = UnitOfWork(context)
    add_messages(context, changes, [message])
    changes.commit("message.created", message)
    return message


def list_(context: Context, thread_id: str, query: ListQuery, run_id: str | None) -> Page:
    """With `run_id` only the messages of that run; none of an unknown one."""
    require_thread(context, thread_id)
    if run_id is None:
        return page(context, MESSAGE, query, field="thread_id", parent=thread_id)
    run = context.store.get("runs", run_id)
    if run is None or run["thread_id"] != thread_id:
        return Page([], False)
    return page(context, MESSAGE, query, field="run_id", parent=run_id)


def retrieve(context: Context, thread_id: str, message_id: str) -> Object:
    require_thread(context, thread_id)
    return require(context, MESSAGE, message_id, "message_id", thread_id=thread_id)


def modify(context: Context, thread_id: str, message_id: str, body: dict[str, Any]) -> Object:
    before = retrieve(context, thread_id, message_id)
    message = {**before, "metadata": merged_metadata(before, body)}
    context.commit(Event("message.modified", message, (("messages", message),)))
    return message


def delete(context: Context, thread_id: str, message_id: str) -> Object:
    retrieve(context, thread_id, message_id)
    answer = views.deleted(message_id, "thread.message.deleted")
    context.commit(Event("message.deleted", {**answer, "thread_id": thread_id}, drops=(("messages", message_id),)))
    return answer


def add_messages(context: Context, changes: UnitOfWork, messages: Iterable[Object], path: str = "") -> None:
    """Add new messages to the changes, and their files to the thread, which must be stored or among the changes.

    `path` is theirs in the request: `messages` or `additional_messages`, "" for a single message. 404 for a file that
    does not exist, 400 for one that file search does not take.
    """
    for index, message in enumerate(messages):
        changes.put("messages", message)
        _attach(context, changes, message, f"{path}[{index}]." if path else "")


def _attach(context: Context, changes: UnitOfWork, message: Object, path: str) -> None:
    for index, part in enumerate(message["content"]):
        if part["type"] == "image_file":
            require(context, FILE, part["image_file"]["file_id"], f"{path}content[{index}].image_file.file_id")
    for index, attachment in enumerate(message["attachments"]):
        file_id, param = attachment["file_id"], f"{path}attachments[{index}].file_id"
        require(context, FILE, file_id, param)
        tools = {tool["type"] for tool in attachment["tools"]}
        if "code_interpreter" in tools:
            _add_code_file(changes, message["thread_id"], file_id)
        if "file_search" in tools:
            require_file(context, file_id, param)
            _add_searched_file(context, changes, message["thread_id"], file_id)


def _add_code_file(changes: UnitOfWork, thread_id: str, file_id: str) -> None:
    thread = changes.require("threads", thread_id)
    file_ids = list(dict.fromkeys((*code_file_ids(thread["tool_resources"]), file_id)))
    if len(file_ids) > MAX_CODE_FILES:
        raise error_texts.long_array("tool_resources.code_interpreter.file_ids", MAX_CODE_FILES, len(file_ids))
    _with_resources(changes, thread, "code_interpreter", {"file_ids": file_ids})


def _add_searched_file(context: Context, changes: UnitOfWork, thread_id: str, file_id: str) -> None:
    """Add the file to the thread's store, or to a new one where it has none that exists and has not expired."""
    thread = changes.require("threads", thread_id)
    for id in vector_store_ids(thread["tool_resources"]):
        store = changes.get(STORES, id)
        if store is not None and store["status"] != "expired":
            if changes.get(FILES, child_key(id, file_id)) is None:
                changes.put_file(new_store_file(context, id, file_id, {}))
                changes.activity(id)
            return
    store = add_store(context, changes, {"file_ids": [file_id], **THREAD_STORE})
    _with_resources(changes, thread, "file_search", {"vector_store_ids": [store["id"]]})


def _with_resources(changes: UnitOfWork, thread: Object, tool: str, resource: Object) -> None:
    changes.put("threads", {**thread, "tool_resources": {**thread["tool_resources"], tool: resource}})


ROUTES = (
    Route("POST", "/threads/{thread_id}/messages", create, views.message, CreateMessage),
    Route("GET", "/threads/{thread_id}/messages", list_, views.message, lists=True, filters=("run_id",)),
    Route("GET", "/threads/{thread_id}/messages/{message_id}", retrieve, views.message),
    Route("POST", "/threads/{thread_id}/messages/{message_id}", modify, views.modified_message, ModifyMessage),
    Route("DELETE", "/threads/{thread_id}/messages/{message_id}", delete, views.as_is),
)
