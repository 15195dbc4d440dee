"""The public Emulator: a server on a real socket, started and stopped by `with`."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from assistants_emulator import processes
from assistants_emulator.config import (
    DEFAULT_HOST,
    DEFAULT_LOADED,
    DEFAULT_PROJECT,
    DEFAULT_SETTLE_SECONDS,
    RUN_HEADER,
    Config,
    key_of_project,
    project_of_key,
)
from assistants_emulator.errors import StoppedError
from assistants_emulator.handle import ProjectHandle, named_options
from assistants_emulator.ids import new_secret
from assistants_emulator.project.project import Project
from assistants_emulator.project.registry import Projects, directory_of
from assistants_emulator.project.request_log import LogBudget
from assistants_emulator.project.sessions import PytestSessions
from assistants_emulator.project.state_file import read_state
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.responders.sources import Responder, as_source
from assistants_emulator.server.http import bind
from assistants_emulator.server.inprocess import InProcessServer
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.server.sdk_clients import make_client
from assistants_emulator.server.threaded import ThreadedServer
from assistants_emulator.store import DirectoryLock, repair
from assistants_emulator.store.steps import finish_later, run_at_once
from assistants_emulator.turns.workers import Workers
from assistants_emulator.web.app import make_app
from assistants_emulator.web.routing import ROUTES

FAULT_ROUTES = tuple(re.sub(r"\{\w+\}", "*", f"{route.method} {route.path}") for route in ROUTES)


class Running(NamedTuple):
    """The parts of a server that runs."""

    http: ThreadedServer
    in_process: InProcessServer
    workers: Workers


class EmulatorServer:
    """An emulator's projects and the server in front of them; attributes that need it to run raise StoppedError.

    `prepare` is called with each new project, on the loop.
    """

    def __init__(self, config: Config, host: str, port: int, prepare: Callable[[Project], object]) -> None:
        self.config = config
        self.projects = Projects(config, self._make_project)
        self.sessions = PytestSessions(self.projects)
        self.repaired: list[str] = []
        self.left_behind: list[str] = []
        self.token = ""
        self._log_budget = LogBudget()
        self._prepare = prepare
        self._address = (host, port)
        self._base_url = ""
        self._lock = None if config.data_dir is None else DirectoryLock(config.data_dir)
        self._parts: Running | None = None
        self._serving: Running | None = None  # until the last call has ended, which is later than `stop` begins

    def start(self, listener: socket.socket | None = None) -> None:
        """Listen, on the given socket if there is one. Starting a started server changes nothing."""
        if self._parts is not None:
            return
        listener = listener or bind(*self._address)
        try:
            self._take_directory()
        except BaseException:
            listener.close()
            raise
        self.token = self.config.token or new_secret()
        hosts = (*self.config.allow_hosts, listener.getsockname()[0])
        config = replace(self.config, allow_hosts=hosts, token=self.token)
        app = self.make_app(config)
        processes.use()
        http = ThreadedServer(app, listener, listens=False)
        self._parts = self._serving = Running(http, InProcessServer(app, http.loop), Workers())
        self._base_url = http.base_url
        http.listen()

    def stop(self) -> None:
        """Stop listening and write everything to disk. Stopping a stopped server changes nothing."""
        if self._parts is None:
            return
        running, self._parts = self._parts, None
        try:
            running.http.loop.wait(self._stop(running))
        finally:
            if self._lock is not None:
                self._lock.release()
            processes.release()
            running.workers.close()
            self.left_behind = running.workers.left_behind
            running.http.loop.close()
            self._serving = None
            self.projects.clear()

    def require_running(self) -> Running:
        if self._parts is None:
            raise StoppedError("this emulator is not running; use it in a `with` block, or call start()")
        return self._parts

    @property
    def loop(self) -> LoopThread:
        return self.require_running().http.loop

    @property
    def in_process(self) -> InProcessServer:
        return self.require_running().in_process

    @property
    def base_url(self) -> str:
        """Of the newest start; it stays known after a stop."""
        if not self._base_url:
            self.require_running()
        return self._base_url

    def make_app(self, config: Config) -> Any:
        """The ASGI application that the server serves."""
        return make_app(config, self.open_project, lambda: self._inspector(config), self.project_of, self.sessions)

    def open_project(self, name: str) -> Project:
        """The project, created at its first use; on the loop only."""
        return self.projects.open(name)

    def project_of(self, key: str) -> str:
        """The name of the project that an API key selects; on the loop only."""
        return self.sessions.project_of(key)

    def name_beside(self, name: str, other: str) -> str:
        """The whole name of the project that the handle of the project `other` calls `name`."""
        return name

    def key_of(self, name: str) -> str:
        """The API key that selects the project."""
        return self._own_key(name)

    def _own_key(self, name: str) -> str:
        """The key of the options, where that selects the project."""
        accepted = self.config.api_key
        return accepted if accepted is not None and project_of_key(accepted) == name else key_of_project(name)

    def _take_directory(self) -> None:
        """Lock the data directory, and repair it where the options say so."""
        if self._lock is None or self.config.data_dir is None:
            return
        self._lock.acquire()
        if self.config.repair:
            self.repaired = repair(self.config.data_dir)

    def _inspector(self, config: Config) -> Any:
        from assistants_emulator.inspector.app import Inspector

        return Inspector(config, self.projects.listed, self.open_project, self.projects.remove)

    def _make_project(self, name: str) -> Project:
        running = self._serving or self.require_running()

        def client_for_run(run_id: str, options: dict[str, Any]) -> Any:
            headers = {**options.pop("default_headers", {}), RUN_HEADER.decode(): run_id}
            in_process = running.in_process if project.transport == "inprocess" else None
            return make_client(self.base_url, self._own_key(name), {**options, "default_headers": headers}, in_process)

        directory = None if self.config.data_dir is None else directory_of(self.config.data_dir, name)
        project = Project(
            name, self.config, directory, running.workers, running.http.loop.call, client_for_run, self._log_budget
        )
        project.faults.routes = FAULT_ROUTES
        self._prepare(project)
        self.sessions.prepare(project)
        return project

    async def _stop(self, running: Running) -> None:
        self.projects.end_streams()
        await running.http.disconnect()
        await running.in_process.stop()
        await self.projects.close_all()
        await finish_later()


class Emulator(ProjectHandle):
    """A running emulator, which is also the handle of its default project.

    `data_dir` None keeps everything in memory; `script` (a path or dict), `responder` (an argument of `respond`) and
    `state` (a path or dict) are applied to every new project; `port` 0 takes a free one; `settle_seconds` is how long a
    request waits for runs; the others are options of `serve`. StoreError if the directory cannot be used
    (DirectoryInUse if another process has it), ScriptError for a script that cannot, EmulatorError for a state, an
    address or an option that cannot.
    """

    @named_options
    def __init__(
        self,
        data_dir: str | Path | None = None,
        script: str | Path | Mapping[str, Any] | None = None,
        seed: int | str = 0,
        clock: Literal["system", "manual"] = "system",
        host: str = DEFAULT_HOST,
        port: int = 0,
        *,
        responder: Responder | None = None,
        state: str | Path | Mapping[str, Any] | None = None,
        fidelity: Literal["wire", "spec"] = "wire",
        v1: Literal["serve", "sunset"] = "serve",
        api_key: str | None = None,
        models: tuple[str, ...] = (),
        reasoning_models: tuple[str, ...] = (),
        context_window: int | None = None,
        settle_seconds: float = DEFAULT_SETTLE_SECONDS,
        tokens_per_second: float | None = None,
        allow_code_execution: bool = False,
        allow_hosts: tuple[str, ...] = (),
        allow_origins: tuple[str, ...] = (),
        token: str = "",
        repair: bool = False,
        strict_tools: bool = True,
        allow_callbacks: tuple[str, ...] = (),
        adopt_ids: bool = False,
        loaded_projects: int = DEFAULT_LOADED,
        person: bool = False,
        transport: Literal["socket", "inprocess"] = "socket",
    ) -> None:
        self.config = Config(
            data_dir=None if data_dir is None else Path(data_dir),
            seed=seed,
            clock=clock,
            fidelity=fidelity,
            v1=v1,
            api_key=api_key,
            models=models,
            reasoning_models=reasoning_models,
            context_window=context_window,
            settle_seconds=settle_seconds,
            tokens_per_second=tokens_per_second,
            allow_code_execution=allow_code_execution,
            allow_hosts=allow_hosts,
            allow_origins=allow_origins,
            token=token,
            repair=repair,
            strict_tools=strict_tools,
            allow_callbacks=allow_callbacks,
            adopt_ids=adopt_ids,
            loaded_projects=loaded_projects,
            person=person,
            transport=transport,
        )
        self._script: Script | None = None if script is None else load_script(script)
        self._responder = None if responder is None else (as_source(responder), getattr(responder, "live", False))
        self._state = None if state is None else read_state(state)
        self._server: EmulatorServer = EmulatorServer(self.config, host, port, self._prepare)
        super().__init__(self._server, DEFAULT_PROJECT)

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Emulator:
        """Listen; from here on every method may be called. Starting a started emulator changes nothing."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening and write everything to disk; unfinished runs go on when the directory is used again.

        User code that does not end is not waited for: `left_behind` describes it, and its threads are daemons.
        """
        self._server.stop()

    @property
    def repaired(self) -> list[str]:
        """A line for each journal that `repair` cut off at the start."""
        return self._server.repaired

    @property
    def left_behind(self) -> list[str]:
        """Descriptions of the user code that was still at work after the newest stop."""
        return self._server.left_behind

    @property
    def inspector_url(self) -> str:
        """`http://127.0.0.1:PORT/_emulator/`."""
        return self.base_url.removesuffix("/v1") + "/_emulator/"

    @property
    def inspector_link(self) -> str:
        """The inspector's address with the token of this start, which signs a browser in."""
        return f"{self.inspector_url}?token={quote(self.token, safe='')}"

    @property
    def token(self) -> str:
        """The token of the newest start; it stays known after a stop."""
        if not self._server.token:
            self._server.require_running()
        return self._server.token

    def project(self, name: str) -> ProjectHandle:
        """The handle of a project, created at its first use. EmulatorError for a name that no header can carry."""
        self._server.require_running()
        return super().project(name)

    def open_project(self, name: str) -> Project:
        """The project itself; on the server's loop only."""
        return self._server.open_project(name)

    def projects(self) -> dict[str, Project | None]:
        """Projects by name: the open ones, and None for one that is on disk under its own name."""
        return self._server.loop.call(self._server.projects.listed)

    def close_project(self, name: str) -> None:
        """Forget a project that is kept in memory; its runs end, and it is empty when it is used again."""
        self._server.loop.soon(lambda: self._server.projects.close(name))

    def replace_script(self, script: str | Path | Mapping[str, Any]) -> None:
        """Take another script, for new projects and for those that still have the one before; ScriptError as in
        `load_script`. A run that has begun ends with the rule that it has."""
        before, self._script = self._script, load_script(script)
        for project in self.projects().values():
            if project is not None and project.script is before:
                self._server.loop.call(partial(project.set_script, self._script))

    def _prepare(self, project: Project) -> None:
        """Apply `script`, `responder` and `state` to a new project."""
        project.set_script(self._script)
        if self.config.person:
            project.rules.person = "rest"
        if self._responder is not None:
            source, is_live = self._responder
            project.rules.add(Rule(source, live=is_live, label="--responder"))
        if self._state is not None and project.is_new:
            run_at_once(project.load_state(self._state))
