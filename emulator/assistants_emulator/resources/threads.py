"""Threads: conversations. The API has no list of them: without its id a thread cannot be found."""

from __future__ import annotations

from typing import Any

from assistants_emulator.contract import CreateThread, ModifyThread
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import given, merged_metadata
from assistants_emulator.resources.lookup import require_thread
from assistants_emulator.resources.messages import THREAD_STORE, add_messages, new_message
from assistants_emulator.resources.route import Route
from assistants_emulator.resources.tool_resources import merged_resources, new_resources
from assistants_emulator.resources.unit_of_work import UnitOfWork
from assistants_emulator.store import Event, Object

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


def retrieve(context: Context, thread_id: str) -> Object:
    return require_thread(context, thread_id)


def modify(context: Context, thread_id: str, body: dict[str, Any]) -> Object:
    before = require_thread(context, thread_id)
    resources = merged_resources(context, before["tool_resources"], body.get("tool_resources"))
    thread = {**before, "metadata": merged_metadata(before, body), "tool_resources": resources}
    context.commit(Event("thread.modified", thread, (("threads", thread),)))
    return thread


def delete(context: Context, thread_id: str) -> Object:
    """Delete it with its messages, runs and steps, an active run too (docs/reference/behaviour.md#threads)."""
    require_thread(context, thread_id)
    store = context.store
    runs = list(store.of("runs", "thread_id", thread_id))
    drops = [("messages", message["id"]) for message in store.of("messages", "thread_id", thread_id)]
    drops += [("steps", step["id"]) for run in runs for step in store.of("steps", "run_id", run["id"])]
    drops += [("runs", run["id"]) for run in runs]
    answer = views.deleted(thread_id, "thread.deleted")
    context.commit(Event("thread.deleted", answer, drops=(*drops, ("threads", thread_id)), topic=thread_id))
    return answer


ROUTES = (
    Route("POST", "/threads", create, views.thread, CreateThread),
    Route("GET", "/threads/{thread_id}", retrieve, views.retrieved_thread),
    Route("POST", "/threads/{thread_id}", modify, views.thread, ModifyThread),
    Route("DELETE", "/threads/{thread_id}", delete, views.as_is),
)
