"""The playground: chat with an assistant through the API itself, and answer its function calls by hand.

An assistant's metadata may offer first messages under the key `try`, one a line.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from starlette.responses import Response

from assistants_emulator.contract import CreateAssistant, check
from assistants_emulator.errors import ApiError
from assistants_emulator.inspector.conversation import conversation, parts
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.inspector.timeline import RUNNING, answered_by, asked_functions, timeline
from assistants_emulator.object_kinds import ASSISTANT
from assistants_emulator.resources import assistants
from assistants_emulator.resources.lookup import require, require_thread
from assistants_emulator.store import Object

MOST_LISTED = 100
TRY = "try"
TOOLS = ("code_interpreter", "file_search")


def playground(request: PageRequest, error: str | None = None) -> Response:
    """The chat of the assistant and thread that the query names; of the newest assistant if it names none."""
    context = request.context
    choices = context.store.page("assistants", limit=MOST_LISTED, descending=True).items
    id = request.query("assistant")
    assistant = require(context, ASSISTANT, id, "assistant") if id else next(iter(choices), None)
    thread = require_thread(context, request.query("thread")) if request.query("thread") else None
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
        **_run(request, run),
    )


def create_assistant(request: PageRequest) -> Response:
    try:
        body = check(CreateAssistant, _assistant(request))
        assistant = assistants.create(request.context, body)
    except (ApiError, ValueError) as error:
        return playground(request, f"The assistant could not be created: {message_of(error)}")
    return request.to("playground", assistant=assistant["id"])


def _assistant(request: PageRequest) -> dict[str, Any]:
    tools: list[Any] = [{"type": name} for name in TOOLS if request.field(name)]
    if request.field("functions"):
        functions = json.loads(request.field("functions"))
        for function in functions if isinstance(functions, list) else [functions]:
            is_tool = isinstance(function, dict) and "function" in function
            tools.append(function if is_tool else {"type": "function", "function": function})
    options = {name: request.field(name) for name in ("name", "instructions") if request.field(name)}
    return {"model": request.field("model") or "gpt-4o", **options, "tools": tools}


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
        "answered_by": answered_by(request.project, run),
        "is_running": run["status"] in RUNNING,
    }
