"""The whole ASGI application: the API, and below `/_emulator/` the control API and the inspector's pages."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from assistants_emulator.config import Config
from assistants_emulator.project.project import Project
from assistants_emulator.web.api import Api
from assistants_emulator.web.control_api import PREFIX, Control
from assistants_emulator.web.trusted_hosts import TrustedHosts

INSPECTOR_PATHS = (PREFIX.rstrip("/"), PREFIX, f"{PREFIX}sign-in")
INSPECTOR_PREFIXES = (f"{PREFIX}projects/", f"{PREFIX}static/")


class _ControlAndInspector:
    """One endpoint for all paths below the prefix: the inspector's pages, and the control API for the others."""

    def __init__(self, control: Control, make_inspector: Callable[[], ASGIApp]) -> None:
        self._control = control
        self._make_inspector = make_inspector
        self._inspector: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in INSPECTOR_PATHS or path.startswith(INSPECTOR_PREFIXES):
            await self._inspect(scope, receive, send)
        else:
            await self._control(scope, receive, send)

    async def _inspect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the inspector, made at the first request: most servers need none, and templates import slowly."""
        if self._inspector is None:
            self._inspector = self._make_inspector()
        await self._inspector(scope, receive, send)


def make_app(config: Config, open_project: Callable[[str], Project], make_inspector: Callable[[], ASGIApp]) -> ASGIApp:
    api = Api(config, open_project)
    endpoint = _ControlAndInspector(Control(config, open_project), make_inspector)
    others = Starlette(routes=[Route("/{path:path}", endpoint)])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Send API calls past Starlette, whose routing would take a fifth of a call's time."""
        is_call = scope["type"] == "http" and not (scope["path"] + "/").startswith(PREFIX)
        await (api if is_call else others)(scope, receive, send)

    return TrustedHosts(app, config.allow_hosts, config.allow_origins)
