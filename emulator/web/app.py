"""The whole ASGI application: the API, and beside it the control API and the inspector's pages."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.config import Config
from emulator.project import Project
from emulator.web.api import Api
from emulator.web.control import PREFIX, Control
from emulator.web.gatekeeper import Gatekeeper

INSPECTOR_PATHS = (PREFIX.rstrip("/"), PREFIX, f"{PREFIX}sign-in")
INSPECTOR_PREFIXES = (f"{PREFIX}projects/", f"{PREFIX}static/")


class _Everything:
    """One endpoint for all paths and methods: the route table decides, and its errors are the API's."""

    def __init__(self, api: Api, control: Control, make_inspector: Callable[[], ASGIApp]) -> None:
        self._api = api
        self._control = control
        self._make_inspector = make_inspector
        self._inspector: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in INSPECTOR_PATHS or path.startswith(INSPECTOR_PREFIXES):
            await self._inspect(scope, receive, send)
        else:
            chosen = self._control if path.startswith(PREFIX) else self._api
            await chosen(scope, receive, send)

    async def _inspect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Made when somebody looks: most emulators serve tests, and templates take a while to import."""
        if self._inspector is None:
            self._inspector = self._make_inspector()
        await self._inspector(scope, receive, send)


def make_app(config: Config, open_project: Callable[[str], Project], make_inspector: Callable[[], ASGIApp]) -> ASGIApp:
    everything = _Everything(Api(config, open_project), Control(config, open_project), make_inspector)
    return Gatekeeper(Starlette(routes=[Route("/{path:path}", everything)]), config.allow_hosts)
