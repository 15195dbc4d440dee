"""Threads: conversations. The API has no list of them: without its id a thread cannot be found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from assistants_emulator.contract import CreateThread, ModifyThread
from assistants_emulator.object_kinds import MESSAGE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import content, given, merged_metadata
from assistants_emulator.resources.lookup import require, require_thread
from assistants_emulator.resources.messages import THREAD_STORE, add_messages, new_message
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.tool_resources import merged_resources, new_resources
from assistants_emulator.resources.unit_of_work import UnitOfWork
from assistants_emulator.store import Event, Object, Store
from assistants_emulator.store.steps import Steps

MOST_DROPS = 500  # objects of a thread that one commit drops: some milliseconds
DEFAULTS: Object = {"metadata": {}, "tool_resources": {}}


def new_thread(context: Context, changes: UnitOfWork, body: dict[str, Any]) -> tuple[Object, list[Object]]:
    """Add a thread, its first messages and the vector store that they may need to the changes."""
    fields = {**DEFAULTS, **given(body, "metadata")}
    fields["tool_resources"] = new_resources(context, changes, body.get("tool_resources"), THREAD_STORE)
    id, now = context.ids.new("thread"), context.clock.now()
    thread = {"id": id, "object": "thread", "created_at": now, **fields}
    messages = [new_message(context, id, item) for item in body.get("messages") or []]
    changes.put("threads", thread)
    add_messages(context, changes, messages, "messages")
    return changes.require("threads", id), messages


def create(context: Context, body: dict[str, Any]) -> Object:
    changes = UnitOfWork(context)
    thread, _ = new_thread(context, changes, body)
    changes.commit("thread.created", thread)
    return thread


def branch(context: Context, thread_id: str, message_id: str, text: str | None) -> Object:
    """A new thread with copies of the messages before that one, and with its own, if there is a text in its place.

    It shares the files and the vector store of the thread. The copies belong to no run.
    """
    before = require_thread(context, thread_id)
    last = require(context, MESSAGE, message_id, "message_id", thread_id=thread_id)
    id, now = context.ids.new("thread"), context.clock.now()
    thread = {**before, "id": id, "created_at": now}
    messages: list[Object] = []
    for message in context.store.of("messages", "thread_id", thread_id):
        if message["id"] == message_id:
            break
        messages.append(message)
    if text is not None:
        others = [part for part in last["content"] if part["type"] != "text"]
        messages.append({**last, "content": [*content(text), *others]})
    copies = [_copy(context, message, id) for message in messages]
    context.commit(Event("thread.created", thread, (("threads", thread), *(("messages", copy) for copy in copies))))
    return thread


def _copy(context: Context, message: Object, thread_id: str) -> Object:
    asked_in = thread_id if message["role"] == "user" else None
    id = context.ids.new("message")
    return {**message, "id": id, "thread_id": thread_id, "run_id": None, "_asked_in": asked_in}


def retrieve(context: Context, thread_id: str) -> Object:
    return require_thread(context, thread_id)


def modify(context: Context, thread_id: str, body: dict[str, Any]) -> Object:
    before = require_thread(context, thread_id)
    resources = merged_resources(context, before["tool_resources"], body.get("tool_resources"))
    thread = {**before, "metadata": merged_metadata(before, body), "tool_resources": resources}
    context.commit(Event("thread.modified", thread, (("threads", thread),)))
    return thread


def delete(context: Context, thread_id: str) -> Steps[Object]:
    """Delete it with its messages, runs and steps, an active run too (docs/reference/behaviour.md#threads).

    It is gone after the first commit; the rest of a long thread goes in further ones. A stop in between leaves objects
    without a parent, which are dropped when the directory is used again.
    """
    require_thread(context, thread_id)
    answer = views.deleted(thread_id, "thread.deleted")
    drops = (*_children(context.store, thread_id), ("threads", thread_id))
    context.commit(Event("thread.deleted", answer, drops=drops, topic=thread_id))
    # a state that was put meanwhile may have the thread again
    while context.store.get("threads", thread_id) is None and (drops := _children(context.store, thread_id)):
        context.commit(Event("thread.swept", answer, drops=drops))
        yield None
    return answer


def _children(store: Store, thread_id: str) -> tuple[tuple[str, str], ...]:
    """The drops of the thread's first MOST_DROPS objects, a run's steps before it."""

    def drops() -> Iterator[tuple[str, str]]:
        for run in store.of("runs", "thread_id", thread_id):
            for step in store.of("steps", "run_id", run["id"]):
                yield "steps", step["id"]
            yield "runs", run["id"]
        for message in store.of("messages", "thread_id", thread_id):
            yield "messages", message["id"]

    return tuple(islice(drops(), MOST_DROPS))


ROUTES = (
    Route("POST", "/threads", create, views.thread, CreateThread),
    Route("GET", "/threads/{thread_id}", retrieve, views.retrieved_thread),
    Route("POST", "/threads/{thread_id}", modify, views.thread, ModifyThread),
    Route("DELETE", "/threads/{thread_id}", delete, views.as_is),
)
