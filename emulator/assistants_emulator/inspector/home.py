"""The list of projects, a project's overview, and signing in to a server with an API key."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from assistants_emulator.inspector.conversation import first_text
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.inspector.templating import ROOT
from assistants_emulator.project.project import Project

COUNTED = (
    *(("threads", "thread"), ("messages", "message"), ("runs", "run"), ("assistants", "assistant")),
    *(("files", "file"), ("vector_stores", "vector store")),
)
RECENT = 8


def index(request: PageRequest) -> Response:
    """The list of projects. One that is not loaded has no counts: looking at the list loads nothing."""
    rows = [
        {
            "name": name,
            "counts": counts(project) if project else [],
            "requests": project.requests.total if project else 0,
        }
        for name, project in request.site.projects().items()
    ]
    return request.render("index.html", rows=rows)


def overview(request: PageRequest) -> Response:
    context = request.context
    runs = context.store.page("runs", limit=RECENT, descending=True).items
    threads = context.store.page("threads", limit=RECENT, descending=True).items
    return request.render(
        "overview.html",
        counts=counts(request.project),
        runs=runs,
        threads=[(thread, first_text(context, thread["id"])) for thread in threads],
        calls=list(request.project.requests)[-RECENT:][::-1],
        failures=request.project.scheduler.failures[-RECENT:],
        unmatched=request.project.scheduler.unmatched[-RECENT:],
    )


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
