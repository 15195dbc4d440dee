"""The whole ASGI application: the API, and the control API beside it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.config import Config
from emulator.project import Project
from emulator.web.api import Api
from emulator.web.control import PREFIX, Control
from emulator.web.door import Door


class _Everything:
    """One endpoint for all paths and methods: the route table decides, and its errors are the API's."""

    def __init__(self, api: Api, control: Control) -> None:
        self._api = api
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._control if scope["path"].startswith(PREFIX) else self._api
        await chosen(scope, receive, send)


def make_app(config: Config, open_project: Callable[[str], Project]) -> ASGIApp:
    everything = _Everything(Api(config, open_project), Control(config, open_project))
    return Door(Starlette(routes=[Route("/{path:path}", everything)]), config.allow_hosts)
