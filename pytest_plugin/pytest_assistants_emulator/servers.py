"""The server that holds the tests' projects: an in-memory emulator of this session, or one in another process."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack
from urllib.parse import quote

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST, KEY_PREFIX, TRANSPORTS, Config
from assistants_emulator.emulator import EmulatorServer
from assistants_emulator.errors import ApiError, EmulatorError, NoProject
from assistants_emulator.handle import ProjectHandle
from assistants_emulator.project.project import Project
from assistants_emulator.project.state_file import read_state
from assistants_emulator.project.state_schema import FORMS
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.store.steps import run_at_once
from assistants_emulator.web.routing import PREFIX
from pytest_assistants_emulator.marker import Settings, settings_of

if TYPE_CHECKING:
    import socket

    import openai

    from assistants_emulator.handle import Leftovers
    from assistants_emulator.project.request_log import RequestLog
    from assistants_emulator.server.inprocess import InProcessServer
    from assistants_emulator.server.sdk_clients import ClientOptions
    from assistants_emulator.turns.invocation import Failure
    from pytest_assistants_emulator.session import RunningTest, Session

CALL: ContextVar[Scope] = ContextVar("call")  # the request that is being answered
ASYNC_HEADER = b"x-stainless-async"  # of the SDKs: "async:asyncio", "async:trio" or "false"
MOST_EARLIER = 100_000  # ids of objects of tests that have ended


class Clock(Protocol):
    """The clock of a test's project, in unix seconds."""

    def now(self) -> int: ...
    def advance(self, seconds: float) -> None: ...
    def set(self, when: float) -> None: ...


class Handle(Protocol):
    """The part of a ProjectHandle that every test has, with `--assistants-url` and with a cassette too."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str: ...
    @property
    def in_process(self) -> InProcessServer | None: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def requests(self) -> RequestLog: ...
    @property
    def failures(self) -> list[Failure]: ...
    @property
    def unmatched(self) -> list[Any]: ...
    def client(self, **options: Unpack[ClientOptions]) -> openai.OpenAI: ...
    def async_client(self, **options: Unpack[ClientOptions]) -> openai.AsyncOpenAI: ...
    def transcripts(self, newest: int | None = None, *, portable: bool = False) -> dict[str, str]: ...
    def leftovers(self) -> Leftovers: ...


class Server(Protocol):
    """Opens an empty project for each test; `seed` is what the project's ids are derived from.

    `calls_upstream`: calls are forwarded to another server, so the guard stays off. `remarks`: lines about a test that
    passed.
    """

    @property
    def calls_upstream(self) -> bool: ...
    def open(self, name: str, seed: str, settings: Settings) -> Handle: ...
    def close(self, name: str) -> None: ...
    def remarks(self) -> list[str]: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """The beginning of a test's project."""

    seed: str
    settings: Settings
    script: Script | None
    state: Mapping[str, Any] | None

    @classmethod
    def of(cls, seed: str, settings: Settings) -> Plan:
        """EmulatorError for a script or a state that cannot be read."""
        script = None if settings.script is None else _load(settings.script)
        state = None if settings.state is None else _read_state(settings.state)
        return cls(seed, settings, script, state)

    def apply(self, project: Project, transport: str) -> None:
        clock = "system" if self.settings.clock == "system" else "manual"
        transport = self.settings.transport or transport
        project.configure(seed=self.seed, clock=clock, autojump=clock == "manual", transport=transport)
        if self.settings.strict_tools is not None:
            project.context.strict_tools = self.settings.strict_tools
        if isinstance(self.settings.clock, int | float):
            project.context.clock.jump(self.settings.clock)
        if self.script is not None:
            project.set_script(self.script)
        if self.state is not None:
            run_at_once(project.load_state(self.state))


class UnusableProject(ApiError, EmulatorError):
    """A test's script or state cannot be used: a 400 for its calls, an EmulatorError for its fixture."""


class SessionServer(EmulatorServer):
    """The server of a session. Every key that was not handed out for another project selects the running test's."""

    def __init__(self, session: Session, transport: str) -> None:
        ini = session.config.getini
        config = Config(adopt_ids=ini("assistants_adopt_ids"), strict_tools=ini("assistants_strict_tools"))
        super().__init__(config, DEFAULT_HOST, 0, self._begin)
        self.plans: dict[str, Plan] = {}
        self.substitute: ASGIApp | None = None
        """Answers the API's calls in the place of the projects, for a test with a cassette."""
        self.earlier: dict[str, str] = {}
        """The test of each object of a project that was closed, by its id."""
        self._session = session
        self._transport = transport

    def make_app(self, config: Config) -> ASGIApp:
        app = super().make_app(config)

        async def app_or_substitute(scope: Scope, receive: Receive, send: Send) -> None:
            CALL.set(scope)
            is_control = scope.get("path", "").startswith(PREFIX)
            respond = _closing(send) if _is_of_an_async_client(scope) else send
            await (app if self.substitute is None or is_control else self.substitute)(scope, receive, respond)

        return app_or_substitute

    def project_of(self, key: str) -> str:
        running = self._session.running
        if self._session.module is not None and self._session.wider_fixtures:
            return self._session.module
        name = key.removeprefix(KEY_PREFIX) if key.startswith(KEY_PREFIX) else ""
        if name in self.projects or name in self.plans:
            return name
        if running is None:
            scope = CALL.get()
            raise NoProject(self._session.refuse(f"{scope['method']} {scope['path']}"))
        if key in (self._session.key, "") or not self._has_separate_keys(running):
            return running.name
        return self.name_beside(name or key, running.name)

    def open_project(self, name: str) -> Project:
        try:
            return super().open_project(name)
        except EmulatorError as error:  # of a script or a state: the test's own mistake
            raise UnusableProject(str(error)) from error

    def name_beside(self, name: str, other: str) -> str:
        """A project of the running test, closed with it."""
        whole = f"{other}/{name}"
        running = self._session.running
        if running is not None and whole not in self.plans:
            plan = self._plan_of(running)
            self.plans[whole] = replace(plan, seed=f"{plan.seed}/{name}")
            running.children.add(whole)
        return whole

    def key_of(self, name: str) -> str:
        running = self._session.running
        return self._session.key if running is not None and running.name == name else super().key_of(name)

    def plan(self, seed: str, settings: Settings) -> Plan:
        """The plan of a test's project, which has a copy of the module's objects where there are any."""
        plan, module = Plan.of(seed, settings), self._session.module
        if module is None or settings.has_own_state or module not in self.plans:
            return plan
        return replace(plan, state=ProjectHandle(self, module).state())

    def close_project(self, name: str) -> None:
        """Forget a project, but for the ids of its objects; on the loop only."""
        plan = self.plans.pop(name, None)
        if name not in self.projects:
            return
        store = self.projects.open(name).context.store
        for form in FORMS:
            self.earlier.update((object["id"], plan.seed if plan else name) for object in store.all(form.table))
        while len(self.earlier) > MOST_EARLIER:
            del self.earlier[next(iter(self.earlier))]
        self.projects.close(name)

    def _begin(self, project: Project) -> None:
        running = self._session.running
        if running is not None and running.name == project.name:
            running.is_opened = True
            self._plan_of(running)
        if (plan := self.plans.get(project.name)) is not None:
            plan.apply(project, self._transport)

    def _plan_of(self, running: RunningTest) -> Plan:
        """The plan of the running test's project, for one that no fixture has opened too."""
        if running.name not in self.plans:
            settings = settings_of(running.item)
            self.plans[running.name] = self.plan(settings.seed or running.item.nodeid, settings)
        return self.plans[running.name]

    def _has_separate_keys(self, running: RunningTest) -> bool:
        return self._plan_of(running).settings.keys == "separate"


def _is_of_an_async_client(scope: Scope) -> bool:
    return any(name == ASYNC_HEADER and value.startswith(b"async") for name, value in scope.get("headers", ()))


def _closing(send: Send) -> Send:
    """Answer so that the client closes its connection afterwards.

    An async client that outlives its test would use the connection on the loop of the next one, where it is of no use
    and cannot even be closed: `Event loop is closed`.
    """

    async def send_closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return send_closing


class LocalServer:
    """An emulator in this process, for the whole session.

    `left_behind` describes the user code that was still at work after `stop`.
    """

    calls_upstream = False

    def __init__(self, session: Session, transport: str, listener: socket.socket | None) -> None:
        self.left_behind: list[str] = []
        self._server = SessionServer(session, transport)
        self._server.start(listener)

    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle:
        self._server.plans[name] = plan = self._server.plan(seed, settings)
        handle = ProjectHandle(self._server, name)
        if plan.state is not None:
            handle.leftovers()  # opens the project now, so that an invalid state fails the test in its setup
        return handle

    def handle(self, name: str) -> ProjectHandle:
        """The handle of a project that is open."""
        return ProjectHandle(self._server, name)

    def close(self, name: str) -> None:
        self._server.loop.soon(lambda: self._server.close_project(name))

    def inspector_url(self, name: str) -> str:
        """The address of the project's page in the inspector."""
        return f"{self._server.base_url.removesuffix('/v1')}{PREFIX}projects/{quote(name, safe='')}"

    def answer_by(self, substitute: ASGIApp | None) -> None:
        """Let `substitute` answer the API's calls on this server's port; None ends that."""
        self._server.substitute = substitute

    def earlier(self) -> Mapping[str, str]:
        """The test that had the object of each id, for tests that have ended."""
        return self._server.earlier

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None:
        self._server.stop()
        self.left_behind = self._server.left_behind


def start(session: Session, listener: socket.socket | None) -> Server:
    """The emulator at the session's URL, or a new one, which serves on `listener` if there is one; a mistake in an
    option fails the test."""
    url, transport = session.url, session.config.getini("assistants_transport")
    if transport not in TRANSPORTS:
        raise pytest.fail.Exception(
            f"assistants_transport is 'socket' or 'inprocess', not {transport!r}", pytrace=False
        )
    if url is None:
        return LocalServer(session, transport, listener)
    from pytest_assistants_emulator.attached import AttachedServer

    try:
        return AttachedServer(url, session.key if session.is_whole else None)
    except EmulatorError as error:
        raise pytest.fail.Exception(f"--assistants-url: {error}", pytrace=False) from None


def _load(script: Path | Mapping[str, Any]) -> Script:
    """Read a file once a session: a module's tests share its marker, and YAML takes longer than a test."""
    return load_script(script) if isinstance(script, Mapping) else _load_file(script, script.stat().st_mtime_ns)


@functools.cache
def _load_file(path: Path, mtime: int) -> Script:
    return load_script(path)


def _read_state(state: Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """Read a file once a session, as scripts are."""
    return state if isinstance(state, Mapping) else _read_state_file(state, state.stat().st_mtime_ns)


@functools.cache
def _read_state_file(path: Path, mtime: int) -> Mapping[str, Any]:
    return read_state(path)
