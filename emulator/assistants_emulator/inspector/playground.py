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


def playground(ask: PageRequest, error: str | None = None) -> Response:
    """Of the assistant and the thread that the query names; the newest assistant without one."""
    context = ask.context
    listed = context.store.page("assistants", limit=MOST_LISTED, descending=True).items
    chosen = ask.query("assistant")
    assistant = require(context, ASSISTANT, chosen, "assistant") if chosen else next(iter(listed), None)
    thread = require_thread(context, ask.query("thread")) if ask.query("thread") else None
    if assistant is not None and assistant not in listed:
        listed = [assistant, *listed]
    run = context.newest("runs", "thread_id", thread["id"]) if thread else None
    return ask.render(
        "playground.html",
        status=400 if error else 200,
        assistants=listed,
        assistant=assistant,
        thread=thread,
        conversation=conversation(context, thread["id"]) if thread else None,
        offered=_offered(assistant),
        models=ask.site.config.models,
        parts=partial(parts, context),
        error=error,
        **_run(ask, run),
    )


def make_assistant(ask: PageRequest) -> Response:
    try:
        body = check(CreateAssistant, _assistant(ask))
        made = assistants.create(ask.context, body)
    except (ApiError, ValueError) as error:
        return playground(ask, f"The assistant could not be made: {message_of(error)}")
    return ask.to("playground", assistant=made["id"])


def _assistant(ask: PageRequest) -> dict[str, Any]:
    tools: list[Any] = [{"type": name} for name in TOOLS if ask.field(name)]
    if ask.field("functions"):
        given = json.loads(ask.field("functions"))
        for function in given if isinstance(given, list) else [given]:
            is_tool = isinstance(function, dict) and "function" in function
            tools.append(function if is_tool else {"type": "function", "function": function})
    named = {name: ask.field(name) for name in ("name", "instructions") if ask.field(name)}
    return {"model": ask.field("model") or "gpt-4o", **named, "tools": tools}


def _offered(assistant: Object | None) -> list[str]:
    said = (assistant or {}).get("metadata", {}).get(TRY, "")
    return [line.strip() for line in str(said).splitlines() if line.strip()]


def _run(ask: PageRequest, run: Object | None) -> dict[str, Any]:
    if run is None:
        return {"run": None}
    return {
        "run": run,
        "entries": timeline(ask.context, run),
        "functions": asked_functions(run),
        "answered_by": answered_by(ask.project, run),
        "is_running": run["status"] in RUNNING,
    }
