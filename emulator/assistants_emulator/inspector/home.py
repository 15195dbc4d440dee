"""The list of projects, a project's overview, and signing in to a server with an API key."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from assistants_emulator.clock import machine_time
from assistants_emulator.inspector.lists import run_row, thread_row
from assistants_emulator.inspector.request import THEME, THEMES, PageRequest
from assistants_emulator.inspector.templating import ROOT, path
from assistants_emulator.project.project import Project

COUNTED = (
    *(("threads", "thread"), ("messages", "message"), ("runs", "run"), ("assistants", "assistant")),
    *(("files", "file"), ("vector_stores", "vector store")),
)
RECENT = 8
YEAR = 365 * 86400  # seconds


def index(request: PageRequest) -> Response:
    """The list of projects; of a single one its overview, unless the query has `all`.

    A project that is not loaded has no counts: looking at the list loads nothing.
    """
    projects = request.site.projects()
    if len(projects) == 1 and not request.query("all"):
        return RedirectResponse(path(next(iter(projects))), status_code=303)
    rows = [{"name": name, **(_facts(project) if project else {})} for name, project in projects.items()]
    return request.render("index.html", rows=rows)


def _facts(project: Project) -> dict[str, Any]:
    """The values of a loaded project's line in the list; `active` is the machine's Unix time of its last request."""
    store, last = project.context.store, project.requests[-1] if len(project.requests) else None
    return {
        "project": project,
        "threads": store.count("threads"),
        "runs": store.count("runs"),
        "responses": store.count("responses"),
        "failed": store.count("runs", "status", "failed"),
        "waiting": store.count("runs", "status", "requires_action"),
        "failures": len(project.scheduler.failures),
        "active": machine_time(last.started) if last is not None and last.started else None,
    }


def overview(request: PageRequest) -> Response:
    context = request.context
    runs = context.store.page("runs", limit=RECENT, descending=True).items
    threads = context.store.page("threads", limit=RECENT, descending=True).items
    return request.render(
        "overview.html",
        counts=counts(request.project),
        runs=[run_row(context, run) for run in runs],
        threads=[thread_row(context, thread) for thread in threads],
        failures=request.project.scheduler.failures[-RECENT:],
        unmatched=request.project.scheduler.unmatched[-RECENT:],
    )


def set_theme(request: PageRequest) -> Response:
    """Remember the theme in a cookie, and go back to the page that the form was on."""
    back = request.field("back")
    response = RedirectResponse(back if back.startswith(f"{ROOT}/") else f"{ROOT}/", status_code=303)
    theme = request.field("theme")
    if theme in THEMES:
        response.set_cookie(THEME, theme, path=ROOT, max_age=YEAR, httponly=True, samesite="strict")
    else:
        response.delete_cookie(THEME, path=ROOT)
    return response


def counts(project: Project) -> list[dict[str, Any]]:
    store = project.context.store
    return [{"table": table, "label": label, "count": store.count(table)} for table, label in COUNTED]


def sign_in_page(request: PageRequest) -> Response:
    return request.render("sign_in.html", secret=_secret(request))


def sign_in(request: PageRequest) -> Response:
    response = RedirectResponse(f"{ROOT}/", status_code=303)
    if request.site.sessions.may_sign_in(request.field("key")):
        request.site.sessions.begin(response, request.http)
        return response
    return request.render("sign_in.html", status=403, secret=_secret(request), error=f"Incorrect {_secret(request)}.")


def _secret(request: PageRequest) -> str:
    projects = request.site.projects().values()
    is_played = any(project is not None and project.is_played for project in projects)
    return "token" if request.site.config.needs_token or is_played else "API key"
