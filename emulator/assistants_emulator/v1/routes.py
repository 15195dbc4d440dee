"""The rows of v1: each takes v1's body and shows its operation's result in v1's shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from assistants_emulator.contract import (
    CreateAssistant,
    CreateAssistantFile,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ListQuery,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
    NoBody,
    SubmitToolOutputs,
    for_version,
)
from assistants_emulator.resources import assistants as v2_assistants
from assistants_emulator.resources import messages
from assistants_emulator.resources import threads as v2_threads
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.route import Operation, Route
from assistants_emulator.resources.views import as_is
from assistants_emulator.runs import operations
from assistants_emulator.store import Object, Page
from assistants_emulator.v1 import assistants, threads, views


def _row(
    method: str,
    path: str,
    operation: Operation,
    view: views.View | None = None,
    body: type[BaseModel] | None = None,
    **options: Any,
) -> Route:
    model = None if body is None else for_version(body, "v1")
    return Route(method, path, _with_view(operation, view), as_is, model, versions=("v1",), **options)


def _with_view(operation: Operation, view: views.View | None) -> Operation:
    """The operation with its result in v1's shape; without a view, with the stored object itself."""
    if view is None:
        return operation

    def in_v1_shape(context: Context, **values: Any) -> Object | Page:
        result = operation(context, **values)
        if isinstance(result, Page):
            return replace(result, items=[view(context, item) for item in result.items])
        return view(context, result)

    return in_v1_shape


def no_files(context: Context, assistant_id: str, query: ListQuery) -> Page:
    """An empty list, which is how v2 answered here (orhanerday/open-ai#143, 2024-06)."""
    v2_assistants.retrieve(context, assistant_id)
    return Page([], False)


ASSISTANT = "/assistants/{assistant_id}"
ASSISTANT_FILE = f"{ASSISTANT}/files/{{file_id}}"
THREAD = "/threads/{thread_id}"
MESSAGE = f"{THREAD}/messages/{{message_id}}"
RUN = f"{THREAD}/runs/{{run_id}}"
ROUTES = (
    _row("POST", "/assistants", assistants.create, views.assistant, CreateAssistant),
    _row("GET", "/assistants", v2_assistants.list_, views.assistant, lists=True),
    _row("GET", ASSISTANT, v2_assistants.retrieve, views.assistant),
    _row("POST", ASSISTANT, assistants.modify, views.assistant, ModifyAssistant),
    _row("DELETE", ASSISTANT, v2_assistants.delete),
    _row("POST", f"{ASSISTANT}/files", assistants.create_file, None, CreateAssistantFile),
    _row("GET", f"{ASSISTANT}/files", assistants.list_files, lists=True),
    Route("GET", f"{ASSISTANT}/files", no_files, as_is, lists=True),
    _row("GET", ASSISTANT_FILE, assistants.retrieve_file),
    _row("DELETE", ASSISTANT_FILE, assistants.delete_file),
    _row("POST", "/threads", threads.create, views.thread, CreateThread),
    _row("GET", THREAD, v2_threads.retrieve, views.thread),
    _row("POST", THREAD, v2_threads.modify, views.thread, ModifyThread),
    _row("DELETE", THREAD, v2_threads.delete),
    _row("POST", f"{THREAD}/messages", threads.create_message, views.message, CreateMessage),
    _row("GET", f"{THREAD}/messages", messages.list_, views.message, lists=True, filters=("run_id",)),
    _row("GET", MESSAGE, messages.retrieve, views.message),
    _row("POST", MESSAGE, messages.modify, views.message, ModifyMessage),
    _row("GET", f"{MESSAGE}/files", threads.list_message_files, lists=True),
    _row("GET", f"{MESSAGE}/files/{{file_id}}", threads.retrieve_message_file),
    _row("POST", "/threads/runs", threads.create_run_with_thread, views.run, CreateThreadAndRun, streams=True),
    _row("POST", f"{THREAD}/runs", threads.create_run, views.run, CreateRun, streams=True),
    _row("GET", f"{THREAD}/runs", operations.list_, views.run, lists=True),
    _row("GET", RUN, operations.retrieve, views.run),
    _row("POST", RUN, operations.modify, views.run, ModifyRun),
    _row("POST", f"{RUN}/cancel", operations.cancel, views.run, NoBody, cancels=True),
    _row(
        "POST", f"{RUN}/submit_tool_outputs", operations.submit_tool_outputs, views.run, SubmitToolOutputs, streams=True
    ),
    _row("GET", f"{RUN}/steps", threads.list_steps, views.step, lists=True),
    _row("GET", f"{RUN}/steps/{{step_id}}", threads.retrieve_step, views.step),
)
