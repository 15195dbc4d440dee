"""The lists of threads, runs and assistants with their filters, and the box that finds an object by its id."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.responses import Response

from assistants_emulator.inspector.conversation import first_text
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.inspector.search import (
    GROUPS,
    STATUSES,
    Found,
    around,
    assistants_of,
    find_messages,
    has_text,
    page_of,
    question,
    run_counts,
    says,
    starting_with,
    thread_ids,
    title,
    usage_of,
)
from assistants_emulator.inspector.timeline import lasted, summary
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE as ITEMS
from assistants_emulator.store import Object, Page
from assistants_emulator.store.steps import run_in_turns

PATHS = {
    "messages": ("threads", "{thread_id}", "messages", "{id}"),
    "runs": ("threads", "{thread_id}", "runs", "{id}"),
    "steps": ("threads", "{thread_id}", "runs", "{run_id}"),
    "container_files": ("containers", "{container_id}"),
    "vector_store_file_batches": ("vector_stores", "{vector_store_id}"),
}
"""Pages of objects by their tables, of those that are not `TABLE/ID`."""
WITHOUT_PAGE = ("uploads", "parts")


async def threads(request: PageRequest) -> Response:
    """The list, newest first: `text` is found in messages, ids and metadata, `status` is a group of runs."""
    context, text, group = request.context, request.query("text").strip().lower(), request.query("status")
    found = Found()
    if not text and group not in GROUPS:
        page = request.page("threads")
    else:
        ids = thread_ids(context, group) if group in GROUPS else None
        found = await run_in_turns(find_messages(context, text)) if text else found

        def keep(thread: Object) -> bool:
            if ids is not None and thread["id"] not in ids:
                return False
            return not text or thread["id"] in found.by_thread or has_text(thread, text)

        page = await run_in_turns(page_of(context, "threads", keep, request.query("after")))
    rows = [thread_row(context, thread) for thread in page.items]
    for row in rows:
        hit = found.by_thread.get(row["thread"]["id"])
        row["hit"] = around(hit, text) if hit and text not in row["title"].lower() else None
    chips = [(name, name, len(thread_ids(context, name))) for name in GROUPS]
    return request.render("threads.html", page=page, rows=rows, chips=chips, total=context.store.count("threads"))


def thread_row(context: Context, thread: Object) -> dict[str, Any]:
    """The values of a thread's line in the list."""
    runs = context.store.of("runs", "thread_id", thread["id"])[:]
    return {
        "thread": thread,
        "title": first_text(context, thread["id"]),
        "messages": context.store.count("messages", "thread_id", thread["id"]),
        "run": runs[-1] if runs else None,
        "assistants": assistants_of(runs),
        "tokens": usage_of(runs),
        "hit": None,
    }


async def runs(request: PageRequest) -> Response:
    """The list, newest first: `text` is found in questions, answers, ids and metadata, `status` is a run's."""
    context, text, status = request.context, request.query("text").strip().lower(), request.query("status")
    status = status if status in STATUSES else ""
    if text:
        page = await _runs_with(request, text, status)
    else:
        page = request.page("runs", field="status" if status else None, parent=status or None)
    rows, total = [run_row(context, run) for run in page.items], context.store.count("runs")
    chips = [(name, name.replace("_", " "), count) for name, count in run_counts(context).items()]
    return request.render(
        "runs.html", page=page, rows=rows, chips=chips, total=total, summary=partial(summary, context)
    )


async def _runs_with(request: PageRequest, text: str, status: str) -> Page:
    context = request.context
    found = await run_in_turns(find_messages(context, text))

    def keep(run: Object) -> bool:
        if run["id"] in found.by_run or has_text(run, text, _name(context, run["assistant_id"])):
            return True
        if run["thread_id"] not in found.by_thread:
            return False
        asked = question(context, run)
        return asked is not None and says(asked, text)

    field = "status" if status else None
    return await run_in_turns(page_of(context, "runs", keep, request.query("after"), field=field, value=status))


def run_row(context: Context, run: Object) -> dict[str, Any]:
    """The values of a run's line in the list."""
    return {"run": run, "title": title(context, run), "took": lasted(run)}


async def assistants(request: PageRequest) -> Response:
    return request.render("assistants.html", page=await request.named_page("assistants", "instructions"))


def go(request: PageRequest) -> Response:
    """The page of the object whose id begins so; a list of several; a search for what no id begins with."""
    text = request.query("id").strip()
    matches = starting_with(request.context, text) if text else ()
    links = [(word, stored, place(table, stored)) for table, word, stored in matches]
    links = [link for link in links if link[2]]
    if len(links) == 1:
        return request.to(*links[0][2])
    if not links:
        return request.to("threads", text=text)
    return request.render("matches.html", links=links, text=text)


def place(table: str, stored: Object) -> tuple[str, ...]:
    """The segments of an object's page below its project's; none for what has no page."""
    if table == ITEMS:
        holder = stored.get("_conversation_id")
        return ("conversations", holder) if holder else ("responses", stored["_response_id"])
    if table in WITHOUT_PAGE:
        return ()
    return tuple(segment.format(**stored) for segment in PATHS.get(table, (table, "{id}")))


def _name(context: Context, assistant_id: str) -> str:
    assistant = context.store.get("assistants", assistant_id)
    return str((assistant or {}).get("name") or "")
