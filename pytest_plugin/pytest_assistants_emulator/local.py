"""The emulator of this process: its server, with a project for each test."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from assistants_emulator.config import DEFAULT_HOST, KEY_PREFIX, Config
from assistants_emulator.emulator import EmulatorServer
from assistants_emulator.errors import EmulatorError, NoProject, UnusableProject
from assistants_emulator.handle import ProjectHandle
from assistants_emulator.project.project import Project
from assistants_emulator.project.sessions import Beginning, EarlierIds
from assistants_emulator.project.state_file import read_state
from assistants_emulator.resources.run_states import ACTIVE
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.web.app import closing, is_of_an_async_client
from assistants_emulator.web.routing import PREFIX
from pytest_assistants_emulator.marker import Settings, settings_of

if TYPE_CHECKING:
    import socket

    from pytest_assistants_emulator.session import RunningTest, Session

CALL: ContextVar[Scope] = ContextVar("call")  # the request that is being answered


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
        settings, is_manual = self.settings, self.settings.clock != "system"
        beginning = Beginning(
            seed=self.seed,
            clock="manual" if is_manual else "system",
            autojump=is_manual,
            time=settings.clock if isinstance(settings.clock, int | float) else None,
            strict_tools=settings.strict_tools,
            script=self.script,
            state=self.state,
        )
        beginning.apply(project, settings.transport or transport)


class SessionServer(EmulatorServer):
    """The server of a session. Every key that was not handed out for another project selects the running test's."""

    def __init__(self, session: Session, transport: str) -> None:
        ini = session.config.getini
        config = Config(adopt_ids=session.adopts_ids, strict_tools=ini("assistants_strict_tools"))
        super().__init__(config, DEFAULT_HOST, 0, self._begin)
        self.plans: dict[str, Plan] = {}
        self.substitute: ASGIApp | None = None
        """Answers the API's calls in the place of the projects, for a test with a cassette."""
        self.earlier = EarlierIds()
        self._session = session
        self._transport = transport

    def make_app(self, config: Config) -> ASGIApp:
        app = super().make_app(config)

        async def app_or_substitute(scope: Scope, receive: Receive, send: Send) -> None:
            CALL.set(scope)
            is_control = scope.get("path", "").startswith(PREFIX)
            respond = closing(send) if is_of_an_async_client(scope) else send
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
        self.earlier.add(self.projects.open(name), plan.seed if plan else name)
        self.projects.close(name)

    def active_threads(self, name: str) -> frozenset[str]:
        """The threads whose run is active; on the loop only."""
        runs = self.projects.open(name).context.store.all("runs")
        return frozenset(run["thread_id"] for run in runs if run["status"] in ACTIVE)

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

    def close(self, name: str, test: str) -> None:
        self._server.loop.soon(lambda: self._server.close_project(name))

    def is_open(self, name: str) -> bool:
        """True if some call has opened the project."""
        return self._server.loop.call(lambda: name in self._server.projects)

    def active_threads(self, name: str) -> frozenset[str]:
        """The threads of an open project whose run is active."""
        return self._server.loop.call(lambda: self._server.active_threads(name))

    def inspector_url(self, name: str) -> str:
        """The address of the project's page in the inspector."""
        return f"{self._server.base_url.removesuffix('/v1')}{PREFIX}projects/{quote(name, safe='')}"

    def answer_by(self, substitute: ASGIApp | None) -> None:
        """Let `substitute` answer the API's calls on this server's port; None ends that."""
        self._server.substitute = substitute

    def select(self) -> None:
        """Nothing: the server asks the session at each call."""

    def is_used(self, running: RunningTest) -> bool:
        return running.is_opened

    def earlier(self, ids: Iterable[str]) -> Mapping[str, str]:
        earlier = self._server.earlier
        return {id: test for id in ids if (test := earlier.test_of(id)) is not None}

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None:
        self._server.stop()
        self.left_behind = self._server.left_behind


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
