"""A request for a page, with its project, query and form, and the responses that handlers build from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from assistants_emulator.config import Config, key_of_project
from assistants_emulator.errors import ApiError, NotFound, TooLarge
from assistants_emulator.inspector.access import Sessions
from assistants_emulator.inspector.search import has_text, page_of
from assistants_emulator.inspector.templating import ROOT, path, template
from assistants_emulator.project.project import Project
from assistants_emulator.resources.context import Context
from assistants_emulator.store import Object, Page
from assistants_emulator.store.steps import run_in_turns

MOST_FORM_BYTES = 1024 * 1024
PAGE_SIZE = 50
CURSORS = ("after", "before")
WANTS_ATTENTION = ("failed", "requires_action")
THEME = "assistants_emulator_theme"
THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Site:
    """Shared by all pages. `projects()` maps names to projects, None for one that is not loaded; `open` loads one, and
    `remove` deletes one."""

    config: Config
    sessions: Sessions
    projects: Callable[[], Mapping[str, Project | None]]
    open: Callable[[str], Project]
    remove: Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class PageRequest:
    """`opened` is the project that the path names, `form` the fields of a POST once they were read."""

    http: HttpRequest
    site: Site
    opened: Project | None = None
    form: dict[str, str] | None = None

    @property
    def project(self) -> Project:
        assert self.opened is not None
        return self.opened

    @property
    def context(self) -> Context:
        return self.project.context

    @property
    def key(self) -> str:
        """A key that selects the project."""
        return self.site.config.api_key or key_of_project(self.project.name)

    @property
    def origin(self) -> str:
        return f"{self.http.url.scheme}://{self.http.headers.get('host', '')}"

    @property
    def address(self) -> str:
        """The page's path and query; of the project or the root for the answer to a form."""
        if self.http.method == "POST":
            return path(self.project.name) if self.opened else f"{ROOT}/"
        raw: bytes = self.http.scope.get("raw_path") or self.http.url.path.encode()
        query = self.http.url.query
        return raw.decode("latin-1").partition("?")[0] + (f"?{query}" if query else "")

    def query(self, name: str) -> str:
        return self.http.query_params.get(name, "")

    def field(self, name: str) -> str:
        """A field of the form without white space around it; empty if it is missing."""
        return (self.form or {}).get(name, "").strip()

    async def read_form(self) -> None:
        body = bytearray()
        async for chunk in self.http.stream():
            body += chunk
            if len(body) > MOST_FORM_BYTES:
                raise TooLarge(f"A form has at most {MOST_FORM_BYTES} bytes.")
        self.form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))

    def render(self, name: str, status: int = 200, **values: Any) -> Response:
        variables = {"request": self, "project": self.opened, "error": None, **values}
        html = template(name).render(variables).encode("utf-8", "replace")  # JSON may bring half a surrogate pair
        return HTMLResponse(html, status_code=status)

    def to(self, *parts: str, **query: str) -> Response:
        """Redirect to another page of the project, after a form was processed."""
        return RedirectResponse(path(self.project.name, *parts, **query), status_code=303)

    @property
    def filters(self) -> dict[str, str]:
        """The query without the place in the list."""
        return {name: value for name, value in self.http.query_params.items() if value and name not in CURSORS}

    @property
    def badges(self) -> dict[str, list[tuple[str, int]]]:
        """For each list of the navigation, statuses of its objects that want attention, with their numbers."""
        runs = [(status, self.context.store.count("runs", "status", status)) for status in WANTS_ATTENTION]
        return {"runs": [(status, count) for status, count in runs if count]}

    @property
    def theme(self) -> str:
        """`light` or `dark`; empty for the system's."""
        theme = self.http.cookies.get(THEME, "")
        return theme if theme in THEMES else ""

    async def named_page(self, table: str, *fields: str) -> Page:
        """As `page`; with the query's `text` only the objects that have it in their id, name, metadata or a field."""
        text = self.query("text").strip().lower()
        if not text:
            return self.page(table)

        def keep(row: Object) -> bool:
            return has_text(row, text, *(str(row.get(field) or "") for field in fields))

        return await run_in_turns(page_of(self.context, table, keep, self.query("after")))

    def home(self) -> Response:
        """Redirect to the list of projects."""
        return RedirectResponse(f"{ROOT}/", status_code=303)

    def page(self, table: str, limit: int = PAGE_SIZE, **options: Any) -> Page:
        """Rows of a table, newest first, after the one that the query names."""
        try:
            return self.context.store.page(
                table, limit=limit, descending=True, after=self.query("after") or None, **options
            )
        except KeyError as error:
            raise NotFound(f"There is no {error.args[0]} to continue from.") from None


def message_of(error: Exception) -> str:
    return error.message if isinstance(error, ApiError) else str(error)
