"""Messages of a thread. While a run is active, the thread takes no new ones."""

from __future__ import annotations

from typing import Any

from emulator.context import Context
from emulator.contract import CreateMessage, ListQuery, ModifyMessage
from emulator.errors import InvalidState
from emulator.resources import views
from emulator.resources.attachments import add_messages
from emulator.resources.fields import attachments, content, merged_metadata
from emulator.resources.listing import page
from emulator.resources.lookup import MESSAGE, require, require_thread
from emulator.resources.route import Route
from emulator.resources.vector_store_changes import Changes
from emulator.runs.active import active_run
from emulator.store import Event, Object, Page


def new_message(context: Context, thread_id: str, sent: dict[str, Any]) -> Object:
    """A message that somebody else than a run writes; not yet stored.

    `_asked_in` is the thread of a user's message: by it the newest question is found at once in a long thread.
    """
    now = context.clock.now()
    return {
        "id": context.ids.new("message"),
        "object": "thread.message",
        "created_at": now,
        "assistant_id": None,
        "thread_id": thread_id,
        "run_id": None,
        "status": "completed",
        "incomplete_details": None,
        "incomplete_at": None,
        "completed_at": now,
        "role": sent["role"],
        "content": content(sent["content"]),
        "attachments": attachments(sent.get("attachments")),
        "metadata": sent.get("metadata") or {},
        "_asked_in": thread_id if sent["role"] == "user" else None,
    }


def create(context: Context, thread_id: str, body: dict[str, Any]) -> Object:
    require_thread(context, thread_id)
    if (run := active_run(context, thread_id)) is not None:
        raise InvalidState(f"Can't add messages to {thread_id} while a run {run['id']} is active.")
    message = new_message(context, thread_id, body)
    changes = Changes(context)
    add_messages(context, changes, [message])
    changes.commit("message.created", message)
    return message


def list_(context: Context, thread_id: str, query: ListQuery, run_id: str | None) -> Page:
    """With `run_id` only what that run wrote; an unknown run wrote nothing."""
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
    known = retrieve(context, thread_id, message_id)
    message = {**known, "metadata": merged_metadata(known, body)}
    context.commit(Event("message.modified", message, (("messages", message),)))
    return message


def delete(context: Context, thread_id: str, message_id: str) -> Object:
    retrieve(context, thread_id, message_id)
    answer = views.deleted(message_id, "thread.message.deleted")
    context.commit(Event("message.deleted", {**answer, "thread_id": thread_id}, drops=(("messages", message_id),)))
    return answer


ROUTES = (
    Route("POST", "/threads/{thread_id}/messages", create, views.message, CreateMessage),
    Route("GET", "/threads/{thread_id}/messages", list_, views.message, lists=True, filters=("run_id",)),
    Route("GET", "/threads/{thread_id}/messages/{message_id}", retrieve, views.message),
    Route("POST", "/threads/{thread_id}/messages/{message_id}", modify, views.modified_message, ModifyMessage),
    Route("DELETE", "/threads/{thread_id}/messages/{message_id}", delete, views.as_is),
)
