"""The playground: chat with an assistant through the API itself, change it, and answer its function calls by hand.

An assistant's metadata may offer first messages under the key `try`, one a line.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.responses import Response

from assistants_emulator.contract import CreateAssistant, ModifyAssistant, check
from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.inspector.conversation import conversation, parts
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.inspector.schema_form import FormError, parse_json
from assistants_emulator.inspector.timeline import RUNNING, answered_by, asked_functions, last_outputs, timeline
from assistants_emulator.object_kinds import ASSISTANT
from assistants_emulator.resources import assistants, threads
from assistants_emulator.resources.lookup import require, require_thread
from assistants_emulator.resources.tool_resources import code_file_ids, vector_store_ids
from assistants_emulator.store import Object

MOST_LISTED = 100
TRY = "try"
TOOLS = ("code_interpreter", "file_search")
FORMATS = {"auto": "any text", "json_object": "JSON", "json_schema": "JSON of a schema"}
FILE = "file:"  # begins the name of a form's field; the file's id follows


def playground(request: PageRequest, error: str | None = None) -> Response:
    """The chat of the assistant and thread that the query names; of the newest assistant if it names none."""
    context = request.context
    choices = context.store.page("assistants", limit=MOST_LISTED, descending=True).items
    id, thread_id = (request.query(name) or request.field(name) for name in ("assistant", "thread"))
    assistant = require(context, ASSISTANT, id, "assistant") if id else next(iter(choices), None)
    thread = require_thread(context, thread_id) if thread_id else None
    if assistant is not None and assistant not in choices:
        choices = [assistant, *choices]
    run = context.newest("runs", "thread_id", thread["id"]) if thread else None
    return request.render(
        "playground.html",
        status=400 if error else 200,
        assistants=choices,
        assistant=assistant,
        thread=thread,
        conversation=conversation(context, thread["id"]) if thread else None,
        offered=_offered(assistant),
        models=request.site.config.models,
        parts=partial(parts, context),
        error=error,
        is_settings=request.field("form") == "settings",
        **_settings(request, assistant),
        **_run(request, run),
    )


def create_assistant(request: PageRequest) -> Response:
    try:
        name = {"name": request.field("name")} if request.field("name") else {}
        instructions = {"instructions": request.field("instructions")} if request.field("instructions") else {}
        body = {"model": request.field("model") or "gpt-4o", **name, **instructions, "tools": _tools(request)}
        assistant = assistants.create(request.context, check(CreateAssistant, body))
    except (ApiError, EmulatorError) as error:
        return playground(request, f"The assistant could not be created: {message_of(error)}")
    return request.to("playground", assistant=assistant["id"])


# Settings


def save_settings(request: PageRequest) -> Response:
    """Change the assistant as the panel says; the next run of the chat has it so."""
    try:
        body = check(ModifyAssistant, _changes(request))
        assistants.modify(request.context, request.field("assistant"), body)
    except (ApiError, EmulatorError) as error:
        return playground(request, f"The settings were not saved: {message_of(error)}")
    thread = {"thread": request.field("thread")} if request.field("thread") else {}
    return request.to("playground", assistant=request.field("assistant"), **thread)


def _changes(request: PageRequest) -> dict[str, Any]:
    before = require(request.context, ASSISTANT, request.field("assistant"), "assistant")
    file_ids = [name.removeprefix(FILE) for name in request.form or {} if name.startswith(FILE)]
    body: dict[str, Any] = {
        "instructions": request.field("instructions") or None,
        "model": request.field("model"),
        "tools": _tools(request, before),
        "response_format": _response_format(request),
        "tool_resources": {
            "file_search": {"vector_store_ids": [request.field("store")] if request.field("store") else []},
            "code_interpreter": {"file_ids": file_ids},
        },
    }
    if temperature := request.field("temperature"):
        body["temperature"] = parse_json(temperature, "The temperature")
    elif before["temperature"] != 1.0:
        body["temperature"] = None
    return body


def _response_format(request: PageRequest) -> Any:
    kind = request.field("response_format")
    if kind not in FORMATS:
        raise FormError(f"The response format is one of {', '.join(FORMATS)}, not {kind!r}.")
    if kind != "json_schema":
        return kind if kind == "auto" else {"type": kind}
    schema = parse_json(request.field("schema") or "{}", "The response format's schema")
    is_whole = isinstance(schema, dict) and "name" in schema and "schema" in schema
    return {"type": kind, "json_schema": schema if is_whole else {"name": "answer", "schema": schema}}


def _tools(request: PageRequest, before: Object | None = None) -> list[Any]:
    """The tools of the form; one that the assistant has already keeps its options."""
    old = {tool["type"]: tool for tool in (before or {}).get("tools", [])}
    tools: list[Any] = [old.get(name, {"type": name}) for name in TOOLS if request.field(name)]
    if request.field("functions"):
        functions = parse_json(request.field("functions"), "The text of the functions")
        for function in functions if isinstance(functions, list) else [functions]:
            is_tool = isinstance(function, dict) and "function" in function
            tools.append(function if is_tool else {"type": "function", "function": function})
    return tools


def _settings(request: PageRequest, assistant: Object | None) -> dict[str, Any]:
    """The panel's choices, with the assistant's own."""
    if assistant is None:
        return {}
    store, resources = request.context.store, assistant["tool_resources"]
    own_files = [file for id in code_file_ids(resources) if (file := store.get("files", id)) is not None]
    newest = store.page("files", limit=MOST_LISTED, descending=True).items
    format = assistant["response_format"]
    return {
        "formats": FORMATS,
        "format": format["type"] if isinstance(format, dict) else "auto",
        "schema": format.get("json_schema") if isinstance(format, dict) else None,
        "tool_types": [tool["type"] for tool in assistant["tools"]],
        "functions_of_assistant": [tool["function"] for tool in assistant["tools"] if tool["type"] == "function"],
        "stores": store.page("vector_stores", limit=MOST_LISTED, descending=True).items,
        "own_store": next(iter(vector_store_ids(resources)), ""),
        "files": [*own_files, *(file for file in newest if file not in own_files and file["purpose"] == "assistants")],
        "own_files": own_files,
    }


# Branches


def branch(request: PageRequest) -> Response:
    """A new thread up to a message, which the text replaces; without a text up to the message before it."""
    text = (request.form or {}).get("text", "").replace("\r\n", "\n").strip() or None
    thread = threads.branch(request.context, request.field("thread"), request.field("message"), text)
    return request.to("playground", assistant=request.field("assistant"), thread=thread["id"])


def _offered(assistant: Object | None) -> list[str]:
    lines = str((assistant or {}).get("metadata", {}).get(TRY, "")).splitlines()
    return [line.strip() for line in lines if line.strip()]


def _run(request: PageRequest, run: Object | None) -> dict[str, Any]:
    if run is None:
        return {"run": None}
    return {
        "run": run,
        "entries": timeline(request.context, run),
        "functions": asked_functions(run),
        "last_outputs": last_outputs(request.context, run),
        "answered_by": answered_by(request.project, run),
        "is_running": run["status"] in RUNNING,
    }
