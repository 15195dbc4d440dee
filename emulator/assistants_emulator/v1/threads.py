"""Threads, messages, their files, and runs under v1."""

from __future__ import annotations

from typing import Any

from assistants_emulator.contract import ListQuery
from assistants_emulator.errors import no_such
from assistants_emulator.object_kinds import ASSISTANT
from assistants_emulator.resources import messages, threads
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import require
from assistants_emulator.runs import operations
from assistants_emulator.store import Object, Page
from assistants_emulator.v1 import bodies
from assistants_emulator.v1.bodies import page_of
from assistants_emulator.v1.views import message_files, resource_files

Json = dict[str, Any]
NOTHING: frozenset[str] = frozenset()


def create(context: Context, body: Json) -> Object:
    return threads.create(context, bodies.thread(context, body))


def create_message(context: Context, thread_id: str, body: Json) -> Object:
    return messages.create(context, thread_id, bodies.message(context, body))


def list_message_files(context: Context, thread_id: str, message_id: str, query: ListQuery) -> Page:
    message = messages.retrieve(context, thread_id, message_id)
    return page_of([_file(message, id) for id in message_files(message)], query)


def retrieve_message_file(context: Context, thread_id: str, message_id: str, file_id: str) -> Object:
    message = messages.retrieve(context, thread_id, message_id)
    if file_id not in message_files(message):
        raise no_such("file", file_id)
    return _file(message, file_id)


def create_run(context: Context, thread_id: str, body: Json) -> Object:
    """Create a run, of a thread without a user message too (ruby-openai runs_create, 2023-11)."""
    threads.retrieve(context, thread_id)
    translated = {**bodies.run(context, body), **_resources(context, body)}
    return operations.create(context, thread_id, translated, needs_prompt=False)


def create_run_with_thread(context: Context, body: Json) -> Object:
    translated = {**bodies.run(context, body), **_resources(context, body)}
    return operations.create_with_thread(context, translated, needs_prompt=False)


def list_steps(context: Context, thread_id: str, run_id: str, query: ListQuery) -> Page:
    return operations.list_steps(context, thread_id, run_id, query, NOTHING)


def retrieve_step(context: Context, thread_id: str, run_id: str, step_id: str) -> Object:
    return operations.retrieve_step(context, thread_id, run_id, step_id, NOTHING)


def _resources(context: Context, body: Json) -> Json:
    """The files of the run, which shows them however its assistant's change."""
    assistant = require(context, ASSISTANT, body["assistant_id"], "assistant_id")
    if body.get("file_ids"):
        file_ids = [file["id"] for file in bodies.require_files(context, body["file_ids"])]
    else:
        file_ids = resource_files(context, assistant["tool_resources"])
    file_ids = [id for id in file_ids if context.store.get("files", id) is not None]
    return {"tool_resources": {"code_interpreter": {"file_ids": file_ids}}} if file_ids else {}


def _file(message: Object, file_id: str) -> Object:
    created_at, message_id = message["created_at"], message["id"]
    return {"id": file_id, "object": "thread.message.file", "created_at": created_at, "message_id": message_id}
