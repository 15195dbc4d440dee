"""Pages on which a person plays the assistant: the turns that wait, and the seat at each.

A seat belongs to the page that first says something there, until another page takes it over. Pages know each other by
the id `me` in their addresses. What is said there: `seat_actions`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import Response

from assistants_emulator.errors import ApiError, NotFound
from assistants_emulator.ids import new_secret
from assistants_emulator.inspector.conversation import conversation, parts, text_of
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.inspector.schema_form import Field, fields_of
from assistants_emulator.inspector.timeline import RUNNING, asked_functions, timeline
from assistants_emulator.resources.items import text_of as text_of_item
from assistants_emulator.resources.tool_resources import code_file_ids, resources_of_run
from assistants_emulator.responders.person import PERSON_MODES
from assistants_emulator.responders.replies import (
    FAIL_CODES,
    INCOMPLETE_REASONS,
)
from assistants_emulator.responses import history
from assistants_emulator.retrieval import Hit
from assistants_emulator.store import Object
from assistants_emulator.turns.task import TurnTask

MOST_PASSAGES = 12
MODE_LABELS = {
    "off": "Off: the rules and responders answer, as always",
    "rest": "Runs that no rule with a condition answers wait for a person",
    "all": "All new runs wait for a person",
}
ANOTHER_PERSON = "Another person plays this run. What you send is refused until you take over."
ENDED = "This run no longer waits for a person."


@dataclass(frozen=True, slots=True)
class Function:
    """A function that the turn may call. `fields` is None if only JSON can be asked for."""

    name: str
    description: str
    schema: Object
    fields: tuple[Field, ...] | None

    @property
    def id(self) -> str:
        return f"arg-{self.name}"


# The turns that wait


def play(request: PageRequest) -> Response:
    """The turns that a person answers, and the switch that lets new ones wait."""
    tasks = request.project.scheduler.played()
    return request.render(
        "play.html",
        rows=[_row(request, task) for task in tasks],
        mode=request.project.rules.person,
        modes=MODE_LABELS,
    )


def switch(request: PageRequest) -> Response:
    """Choose the runs that wait for a person. The browser that does so stays signed in without the token."""
    mode = next((mode for mode in PERSON_MODES if mode == request.field("mode")), None)
    if mode is None:
        raise ApiError(f"The mode is one of {', '.join(PERSON_MODES)}, not {request.field('mode')!r}.")
    request.project.rules.person = mode
    response = request.to("play")
    if not request.site.sessions.admits(request.http, is_played=True):
        request.site.sessions.begin(response, request.http)
    return response


def _row(request: PageRequest, task: TurnTask) -> dict[str, Any]:
    subject, seat = task.writer.subject, task.seat
    assistant = request.context.store.get("assistants", subject.get("assistant_id") or "")
    return {
        "id": task.id,
        "status": subject["status"],
        "waits": task.waits_for_person,
        "question": _question(request, task),
        "assistant": (assistant or {}).get("name") or subject.get("assistant_id") or "Response",
        "created_at": subject["created_at"],
        "expires_at": subject.get("expires_at"),
        "is_taken": bool(seat and seat.person),
    }


def _question(request: PageRequest, task: TurnTask) -> str:
    seat = task.seat
    if seat is not None and seat.turn.api == "responses":
        item = history.last_message(request.context, task.writer.subject)
        return "" if item is None else text_of_item(item)
    messages = request.context.store.of("messages", "thread_id", task.writer.subject["thread_id"])
    return next((text_of(message) for message in reversed(messages) if message["role"] == "user"), "")


# The seat


async def seat(request: PageRequest, turn_id: str) -> Response:
    """The page at which a person answers one turn; an address without `me` is given one."""
    if not request.query("me"):
        query = {"me": new_secret()[:12]} | ({"q": request.query("q")} if request.query("q") else {})
        return request.to("play", turn_id, **query)
    return await seat_page(request, turn_id)


async def seat_page(request: PageRequest, turn_id: str, error: Exception | None = None) -> Response:
    task = request.project.scheduler.task(turn_id)
    if task is None or task.id != turn_id or task.seat is None:
        return _ended(request, turn_id, error)
    seat, subject, query = task.seat, task.writer.subject, query_of(request)
    me = request.query("me") or request.field("person")
    return request.render(
        "seat.html",
        status=error.status if isinstance(error, ApiError) else 400 if error else 200,
        error=message_of(error) if error else None,
        task=task,
        seat=seat,
        subject=subject,
        me=me,
        is_mine=seat.person in ("", me),
        another_person=ANOTHER_PERSON,
        functions_to_call=functions_of(subject),
        tool_types=[tool["type"] for tool in subject["tools"]],
        facts=_facts(request, task),
        hits=await passages(request, task, query) if query else None,
        search=query,
        fail_codes=FAIL_CODES,
        reasons=INCOMPLETE_REASONS,
        is_response=seat.turn.api == "responses",
        is_text=_is_text(subject),
        **_said(request, task),
    )


def _ended(request: PageRequest, turn_id: str, error: Exception | None) -> Response:
    run = request.context.store.get("runs", turn_id)
    response = request.context.store.get("responses", turn_id)
    if run is None and response is None and error is None:
        raise NotFound(f"{ENDED} {turn_id} is not among the runs that are under way.")
    return request.render(
        "seat_ended.html",
        status=error.status if isinstance(error, ApiError) else 200,
        error=message_of(error) if error else None,
        run=run,
        subject=run or response,
        text=ENDED,
    )


def _said(request: PageRequest, task: TurnTask) -> dict[str, Any]:
    """The conversation for the template, and for a run its timeline."""
    context, subject = request.context, task.writer.subject
    if "thread_id" not in subject:
        items = [*history.context_items(context, subject), *task.writer.output]  # type: ignore[attr-defined]
        return {"items": [_item(item) for item in items], "entries": []}
    entries = conversation(context, subject["thread_id"]).entries
    unfinished = [entry for entry in entries if entry.kind == "message" and not _is_being_written(entry.object)]
    return {
        "messages": [entry.object for entry in unfinished],
        "parts": partial(parts, context),
        "run": subject,
        "entries": timeline(context, subject),
        "functions": asked_functions(subject),
        "is_running": subject["status"] in RUNNING,
    }


def _is_being_written(message: Object) -> bool:
    return bool(message["role"] == "assistant" and message["status"] == "in_progress")


def _item(item: Object) -> dict[str, Any]:
    """An item of a response for the template: a message's role and text, or a call as JSON."""
    if item["type"] == "message":
        return {"id": item["id"], "who": item["role"], "text": text_of_item(item)}
    shown = {key: value for key, value in item.items() if not key.startswith("_")}
    return {"id": item["id"], "who": item["type"].replace("_", " "), "json": json.dumps(shown)}


def _facts(request: PageRequest, task: TurnTask) -> dict[str, Any]:
    """The instructions and files of the turn."""
    context, subject = request.context, task.writer.subject
    files: list[str] = []
    if "thread_id" in subject:
        files = [id for resources in resources_of_run(context, subject) for id in code_file_ids(resources)]
    instructions = subject.get("instructions")
    return {
        "instructions": instructions if isinstance(instructions, str) else None,
        "stores": [context.store.get("vector_stores", id) for id in task.writer.store_ids()],
        "files": [file for id in files if (file := context.store.get("files", id)) is not None],
        "format": json.dumps(_format(subject), ensure_ascii=False, indent=2) if not _is_text(subject) else None,
    }


def _format(subject: Object) -> Any:
    return subject.get("response_format") or (subject.get("text") or {}).get("format")


def _is_text(subject: Object) -> bool:
    """True if the reply may be any text, so that it can be streamed before it is whole."""
    format = _format(subject)
    return (format.get("type") if isinstance(format, dict) else format) in (None, "auto", "text")


def functions_of(subject: Object) -> list[Function]:
    """The functions that the turn declares: below `function` in a run, flat in a response."""
    tools = [tool.get("function") or tool for tool in subject["tools"] if tool["type"] == "function"]
    return [
        Function(
            tool["name"],
            tool.get("description") or "",
            tool.get("parameters") or {},
            fields_of(tool.get("parameters"), f"arg-{tool['name']}"),
        )
        for tool in tools
    ]


# Passages


def query_of(request: PageRequest) -> str:
    return request.query("q") or request.field("q")


async def passages(request: PageRequest, task: TurnTask, query: str) -> list[Hit]:
    """The best passages in the turn's vector stores."""
    store_ids = task.writer.store_ids()
    for id in store_ids:
        await request.project.read_stores(id, searching=True)
    return list(request.context.index.search(store_ids, [query], MOST_PASSAGES))
