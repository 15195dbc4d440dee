"""The inspector as an ASGI application: from a request to a row, through the gate, to a page."""

from __future__ import annotations

import inspect
import logging
import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from assistants_emulator.config import Config
from assistants_emulator.errors import ApiError, EmulatorError, MethodNotAllowed, NotFound
from assistants_emulator.inspector import access
from assistants_emulator.inspector.request import PageRequest, Site, message_of
from assistants_emulator.inspector.routes import ROWS, Row
from assistants_emulator.inspector.templating import ROOT
from assistants_emulator.project.project import Project

STATIC = Path(__file__).parent / "static"
READING = ("GET", "HEAD")

log = logging.getLogger("assistants_emulator")


class Inspector:
    """`projects` are those that there are, None for one that lies on disk; `open_project` gives one of them."""

    def __init__(
        self,
        config: Config,
        projects: Callable[[], Mapping[str, Project | None]],
        open_project: Callable[[str], Project],
    ) -> None:
        self._site = Site(config, projects, open_project)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        for name, value in access.HEADERS.items():
            response.headers[name] = value
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        ask = PageRequest(request, self._site)
        try:
            if request.method not in READING:
                access.check_origin(request)
            return await self._page(ask)
        except (ApiError, EmulatorError) as error:
            status = error.status if isinstance(error, ApiError) else 400
            return ask.render("problem.html", status=status, code=status, message=message_of(error))
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("%s %s could not be shown", request.method, request.url.path)
            return ask.render("problem.html", status=500, code=500, message="This page could not be made.")

    async def _page(self, ask: PageRequest) -> Response:
        segments = _segments(ask.request)
        if segments[0] == "static":
            return _static(segments)
        row, ids = _find("GET" if ask.request.method == "HEAD" else ask.request.method, segments)
        if not (row.is_open or access.is_let_in(ask.request, self._site.config)):
            return RedirectResponse(f"{ROOT}/sign-in", status_code=303)
        if (name := ids.pop("project", None)) is not None:
            if name not in self._site.projects():
                raise NotFound(f"There is no project {name!r}. One comes to be when its key is first used.")
            ask.opened = self._site.open(name)
        if ask.request.method == "POST":
            await ask.read_form()
        answered = row.handler(ask, **ids)
        return await answered if inspect.isawaitable(answered) else answered


def _segments(request: Request) -> tuple[str, ...]:
    """Of the path as it was sent: a project's name may hold a slash."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    below = raw.decode("latin-1").partition("?")[0].removeprefix(ROOT).strip("/")
    return tuple(unquote(segment) for segment in below.split("/"))


def _find(method: str, segments: tuple[str, ...]) -> tuple[Row, dict[str, str]]:
    for row in ROWS:
        if (ids := row.match(method, segments)) is not None:
            return row, ids
    if any(row.match(row.method, segments) is not None for row in ROWS):
        raise MethodNotAllowed(f"This page does not take {method}.")
    raise NotFound("There is no such page.")


def _static(segments: tuple[str, ...]) -> Response:
    """By its name among the files that are there, so that no path leads elsewhere.

    Small, and read at once: FileResponse leaves a file open if the server stops meanwhile, and its older releases take
    quadratic time for a Range header (CVE-2025-62727).
    """
    files = {file.name: file for file in STATIC.iterdir()}
    if len(segments) != 2 or segments[1] not in files:
        raise NotFound("There is no such file.")
    file = files[segments[1]]
    return Response(file.read_bytes(), media_type=mimetypes.guess_type(file.name)[0])
