"""The whole ASGI application: the API, and below `/_emulator/` the control API and the inspector's pages."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistants_emulator.config import Config, project_of_key
from assistants_emulator.project.project import Project
from assistants_emulator.project.sessions import PytestSessions
from assistants_emulator.web.api import Api
from assistants_emulator.web.responses import send_whole
from assistants_emulator.web.routing import PREFIX
from assistants_emulator.web.trusted_hosts import TrustedHosts

ASYNC_HEADER = b"x-stainless-async"  # of the SDKs: "async:asyncio", "async:trio" or "false"


class _Lazy:
    """An application that is made at its first request: most servers get none, and its libraries import slowly."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)


def is_of_an_async_client(scope: Scope) -> bool:
    return any(name == ASYNC_HEADER and value.startswith(b"async") for name, value in scope.get("headers", ()))


def closing(send: Send) -> Send:
    """Answer so that the client closes its connection afterwards.

    An async client that outlives its test would use the connection on the loop of the next one, where it is of no use
    and cannot even be closed: `Event loop is closed`.
    """

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return send_closing


def make_app(
    config: Config,
    open_project: Callable[[str], Project],
    make_inspector: Callable[[], ASGIApp],
    project_of: Callable[[str], str] = project_of_key,
    sessions: PytestSessions | None = None,
) -> ASGIApp:
    api = Api(config, open_project, project_of)

    def make_others() -> ASGIApp:
        from assistants_emulator.web.control_api import control_and_inspector

        return control_and_inspector(config, open_project, make_inspector, project_of, sessions)

    others = _Lazy(make_others)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Send API calls past Starlette, whose routing would take a fifth of a call's time."""
        if scope.get("path") == "/" and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
            await send_whole(send, 307, [(b"location", PREFIX.encode())], b"")  # a browser at the bare address
            return
        is_call = scope["type"] == "http" and not (scope["path"] + "/").startswith(PREFIX)
        respond = closing(send) if sessions and is_of_an_async_client(scope) else send
        await (api if is_call else others)(scope, receive, respond)

    return TrustedHosts(app, config.allow_hosts, config.allow_origins)
