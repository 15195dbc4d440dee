"""The inspector as an ASGI application: from a request to a row of the page table, to access, to a page."""

from __future__ import annotations

import inspect
import logging
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlencode

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from assistants_emulator.config import Config
from assistants_emulator.errors import ApiError, EmulatorError, MethodNotAllowed, NotFound
from assistants_emulator.inspector import access
from assistants_emulator.inspector.request import PageRequest, Site, message_of
from assistants_emulator.inspector.routes import ROWS, Row
from assistants_emulator.inspector.templating import ROOT
from assistants_emulator.project.project import Project
from assistants_emulator.web.auth import TOKEN_QUERY

STATIC = Path(__file__).parent / "static"
READING = ("GET", "HEAD")

log = logging.getLogger("assistants_emulator")


class Inspector:
    """`projects()` maps names to projects, None for one that is not loaded; `open_project` loads one by its name,
    and `remove_project` deletes one."""

    def __init__(
        self,
        config: Config,
        projects: Callable[[], Mapping[str, Project | None]],
        open_project: Callable[[str], Project],
        remove_project: Callable[[str], Awaitable[None]],
    ) -> None:
        self._site = Site(config, access.Sessions(config), projects, open_project, remove_project)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(PageRequest(HttpRequest(scope, receive), self._site))
        except ClientDisconnect:
            return
        for name, value in access.HEADERS.items():
            response.headers[name] = value
        await response(scope, receive, send)

    async def _answer(self, request: PageRequest) -> Response:
        try:
            if request.http.method not in READING:
                access.check_origin(request.http)
            return await self._page(request)
        except (ApiError, EmulatorError) as error:
            status = error.status if isinstance(error, ApiError) else 400
            return request.render("problem.html", status=status, code=status, message=message_of(error))
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("%s %s could not be shown", request.http.method, request.http.url.path)
            return request.render(
                "problem.html",
                status=500,
                code=500,
                message="This page could not be rendered; the emulator's log has the traceback.",
            )

    async def _page(self, request: PageRequest) -> Response:
        segments = _segments(request.http)
        if segments[0] == "static":
            return _static(segments)
        row, ids = _find("GET" if request.http.method == "HEAD" else request.http.method, segments)
        if request.http.method == "GET" and self._site.sessions.has_token_in_address(request.http):
            signed_in = RedirectResponse(_without_token(request.http), status_code=303)
            self._site.sessions.begin(signed_in, request.http)
            return signed_in
        if not (row.is_open or self._site.sessions.admits(request.http)):
            return RedirectResponse(f"{ROOT}/sign-in", status_code=303)
        if (name := ids.pop("project", None)) is not None:
            if name not in self._site.projects():
                raise NotFound(f"There is no project {name!r}; a project is created when its key is first used.")
            request.opened = self._site.open(name)
            if request.opened.is_played and not self._site.sessions.admits(request.http, is_played=True):
                return RedirectResponse(f"{ROOT}/sign-in", status_code=303)
            request.opened.scheduler.held.end_all()
        if request.http.method == "POST" and row.has_form:
            await request.read_form()
        response = row.handler(request, **ids)
        return await response if inspect.isawaitable(response) else response


def _segments(http: HttpRequest) -> tuple[str, ...]:
    """The path below the root, split before it is decoded: a project's name may hold a slash."""
    raw: bytes = http.scope.get("raw_path") or http.url.path.encode()
    below = raw.decode("latin-1").partition("?")[0].removeprefix(ROOT).strip("/")
    return tuple(unquote(segment) for segment in below.split("/"))


def _without_token(http: HttpRequest) -> str:
    """The address to show: a token in it would be in the browser's history."""
    path = (http.scope.get("raw_path") or http.url.path.encode()).decode("latin-1").partition("?")[0]
    query = urlencode([pair for pair in http.query_params.multi_items() if pair[0] != TOKEN_QUERY])
    return f"{path}?{query}" if query else path


def _find(method: str, segments: tuple[str, ...]) -> tuple[Row, dict[str, str]]:
    for row in ROWS:
        if (ids := row.match(method, segments)) is not None:
            return row, ids
    if any(row.match(row.method, segments) is not None for row in ROWS):
        raise MethodNotAllowed(f"This page does not accept {method}.")
    raise NotFound("There is no such page.")


def _static(segments: tuple[str, ...]) -> Response:
    """A file, looked up by its name in a list of the folder, so that no path leads out of it.

    Read at once: FileResponse leaves a file open if the server stops meanwhile, and its older releases take quadratic
    time for a Range header (CVE-2025-62727).
    """
    files = {file.name: file for file in STATIC.iterdir()}
    if len(segments) != 2 or segments[1] not in files:
        raise NotFound("There is no such file.")
    file = files[segments[1]]
    return Response(file.read_bytes(), media_type=mimetypes.guess_type(file.name)[0])
