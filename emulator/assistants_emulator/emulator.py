"""The emulator as its users hold it: a server on a real socket, started and stopped by `with`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from assistants_emulator.config import DEFAULT_HOST, DEFAULT_PROJECT, Config, key_of_project
from assistants_emulator.errors import EmulatorError, StoppedError
from assistants_emulator.handle import ProjectHandle
from assistants_emulator.ids import new_secret
from assistants_emulator.project.project import Project
from assistants_emulator.project.registry import Projects, folder_of
from assistants_emulator.project.state import read_state
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.responders.sources import as_source
from assistants_emulator.server.http import HttpServer, bind
from assistants_emulator.server.inprocess import InProcessServer
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.server.sdk_clients import make_client
from assistants_emulator.store import DirectoryLock, repair
from assistants_emulator.turns.workers import Workers
from assistants_emulator.web.api import RUN_HEADER
from assistants_emulator.web.app import make_app


class Running(NamedTuple):
    """What there is while an emulator runs."""

    loop: LoopThread
    server: HttpServer
    door: InProcessServer
    workers: Workers


class Emulator(ProjectHandle):
    """A running emulator, which is also the handle of its default project.

    `data_dir` None keeps everything in memory; `script` (a path or dict), `responder` (what `respond` takes) and
    `state` (a path or dict) are what every project begins with; `port` 0 takes a free one; `options` are Config's
    other fields. StoreError if the directory cannot be used (DirectoryInUse if another process has it), ScriptError
    for a script that cannot, EmulatorError for a state or an address that cannot.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        script: str | Path | Mapping[str, Any] | None = None,
        seed: int | str = 0,
        clock: Literal["system", "manual"] = "system",
        host: str = DEFAULT_HOST,
        port: int = 0,
        *,
        responder: object = None,
        state: str | Path | Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        directory = None if data_dir is None else Path(data_dir)
        self.config = Config(data_dir=directory, seed=seed, clock=clock, **options)
        self._script: Script | None = None if script is None else load_script(script)
        self._responder = None if responder is None else as_source(responder)
        self._is_live = getattr(responder, "live", False)
        self._state = None if state is None else read_state(state)
        self._address = (host, port)
        self._projects = Projects(self.config, self._make_project)
        self._lock = None if directory is None else DirectoryLock(directory)
        self._running: Running | None = None
        self.base_url = self.token = ""
        self.repaired: list[str] = []

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Emulator:
        """Listen; from here on every method may be called. Starting a started emulator changes nothing."""
        if self._running is not None:
            return self
        listener = bind(*self._address)
        try:
            if self._lock is not None:
                self._lock.acquire()
                if self.config.repair and self.config.data_dir is not None:
                    self.repaired = repair(self.config.data_dir)
        except BaseException:
            listener.close()
            raise
        host, port = listener.getsockname()[:2]
        loop, workers = LoopThread(), Workers()
        self.token = self.config.token or new_secret()
        config = replace(self.config, allow_hosts=(*self.config.allow_hosts, host), token=self.token)
        app = make_app(config, self.open_project, lambda: self._inspector(config))
        server, door = loop.call(lambda: HttpServer(app, listener)), InProcessServer(app, loop)
        loop.wait(server.start())
        self._running = Running(loop, server, door, workers)
        base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        key = key_of_project(DEFAULT_PROJECT)
        super().__init__(loop, lambda: self.open_project(DEFAULT_PROJECT), base_url, key, door)
        return self

    def stop(self) -> None:
        """Stop listening and write everything to disk; runs under way go on when the directory is used again."""
        if self._running is None:
            return
        running, self._running = self._running, None
        try:
            running.loop.wait(self._stop(running))
        finally:
            running.workers.close()
            running.loop.close()
            self._projects.clear()
            if self._lock is not None:
                self._lock.release()

    @property
    def inspector_url(self) -> str:
        """Where people look inside: `http://127.0.0.1:PORT/_emulator/`."""
        return self.base_url.removesuffix("/v1") + "/_emulator/"

    @property
    def inspector_link(self) -> str:
        """The inspector's address with the token of this start, which signs a browser in."""
        return f"{self.inspector_url}?token={quote(self.token, safe='')}"

    def project(self, name: str) -> ProjectHandle:
        """The handle of a project; it comes to be when it is first used. EmulatorError for a name no key can carry."""
        if not name.isascii() or not name.isprintable() or name != name.strip() or not name:
            raise EmulatorError(f"a project's name is carried in a header, so it is printable ASCII: {name!r} is not")
        running = self._parts()
        open_it = partial(self.open_project, name)
        return ProjectHandle(running.loop, open_it, self.base_url, key_of_project(name), running.door)

    def open_project(self, name: str) -> Project:
        """The project itself; on the server's loop only."""
        return self._projects.open(name)

    def projects(self) -> dict[str, Project | None]:
        """Those that there are by name: the open ones, and None for one that lies on disk under its own name."""
        return self._projects.listed()

    def close_project(self, name: str) -> None:
        """Forget a project that is kept in memory; it is empty when it is used again. What it was at ends meanwhile."""
        self._parts().loop.soon(lambda: self._projects.close(name))

    def _inspector(self, config: Config) -> Any:
        from assistants_emulator.inspector.app import Inspector

        return Inspector(config, self.projects, self.open_project)

    def _make_project(self, name: str) -> Project:
        running = self._parts()

        def client_for_run(run_id: str, options: dict[str, Any]) -> Any:
            headers = {**options.pop("default_headers", {}), RUN_HEADER.decode(): run_id}
            door = running.door if project.transport == "inprocess" else None
            return make_client(self.base_url, key_of_project(name), {**options, "default_headers": headers}, door)

        directory = None if self.config.data_dir is None else self.config.data_dir / folder_of(name)
        project = Project(name, self.config, directory, running.workers, running.loop.call, client_for_run)
        project.set_script(self._script)
        if self._responder is not None:
            project.rules.add(Rule(self._responder, live=self._is_live, label="--responder"))
        if self._state is not None and project.is_new:
            project.load_state(self._state)
        return project

    async def _stop(self, running: Running) -> None:
        self._projects.end_streams()
        await running.server.stop()
        await running.door.stop()
        await self._projects.close_all()

    def _parts(self) -> Running:
        if self._running is None:
            raise StoppedError("this emulator is not running; use it in a `with` block, or call start()")
        return self._running
