"""Tests with a cassette: a player answers in the emulator's place, or a recorder forwards calls to a real server."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from assistants_emulator.convert.conversion import Conversion
from assistants_emulator.errors import EmulatorError
from assistants_emulator.handle import Leftovers
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.recording.cassette import journal_of
from assistants_emulator.recording.player import Player
from assistants_emulator.recording.recorder import Recorder
from pytest_assistants_emulator.local import LocalServer
from pytest_assistants_emulator.marker import Settings
from pytest_assistants_emulator.servers import Handle, Server

if TYPE_CHECKING:
    from assistants_emulator.errors import Failure
    from pytest_assistants_emulator.session import Session

NO_UPSTREAM = (
    "no server to record from: name one with --assistants-upstream URL, with `assistants_upstream` in pytest's ini "
    "file, or with OPENAI_BASE_URL"
)


APART = (
    "with `assistants_environment = session` calls go to an emulator in another process, which does not replay "
    "cassettes; `replay='semantic'` can be used there"
)


class CassetteServer:
    """The player or recorder of one test. A recorder calls another machine, which the guard would take for an escape:
    `calls_upstream`."""

    def __init__(self, session: Session, path: Path) -> None:
        config = session.config
        self._session = session
        self._mode: str = config.getoption("--assistants-record")
        self._upstream: str | None = config.getoption("--assistants-upstream") or config.getini("assistants_upstream")
        self._scrub: list[str] = config.getini("assistants_scrub")
        self._path = path
        self._server: Player | Recorder | None = None
        self.calls_upstream = self._mode in ("all", "new_episodes") or (self._mode == "once" and not exists(path))

    def open(self, name: str, seed: str, settings: Settings) -> CassetteProject:
        if settings.script is not None:
            raise EmulatorError("a test has a cassette or a script, not both: a cassette has its own answers")
        if self._session.is_whole and self._session.is_apart:
            raise EmulatorError(APART)
        self._server = self._recorder() if self.calls_upstream else self._player()
        self._server.start()
        if self._session.is_whole and isinstance(port := self._session.server(), LocalServer):
            port.answer_by(self._server.app_for_another_loop(self._real_key))
        return CassetteProject(name, self._server)

    def close(self, name: str, test: str) -> None:
        if self._session.is_whole and isinstance(port := self._session.server(), LocalServer):
            port.answer_by(None)
        if self._server is not None:
            self._server.stop()

    def remarks(self) -> list[str]:
        """Recorded exchanges that were not replayed, which is no reason to fail."""
        if not isinstance(self._server, Player):
            return []
        return [f"{exchange.request} in {self._path.name} was never asked for" for exchange in self._server.leftovers()]

    def stop(self) -> None:
        """Nothing: `close` has stopped it with its test."""

    def _player(self) -> Player:
        require(self._path)
        return Player(self._path, scrub=self._scrub)

    def _recorder(self) -> Recorder:
        upstream = self._upstream or self._session.variable_before("OPENAI_BASE_URL")
        if not upstream:
            raise EmulatorError(NO_UPSTREAM)
        mode: Any = "new_episodes" if self._mode == "new_episodes" else "all"
        recorder = Recorder(upstream, self._path, mode=mode, scrub=self._scrub)
        key = self._session.variable_before("OPENAI_API_KEY")
        recorder.api_key = key or recorder.api_key  # it passes through to upstream
        return recorder

    def _real_key(self, scope: Scope) -> Scope:
        """The call with the recorder's key in the place of the session's, which only this port knows."""
        assert self._server is not None
        ours, real = self._session.key.encode(), self._server.api_key.encode()
        return {**scope, "headers": [(name, value.replace(ours, real)) for name, value in scope["headers"]]}


class CassetteProject:
    """A ProjectHandle as far as a recorded session goes; the rest is an EmulatorError that says so."""

    def __init__(self, name: str, server: Player | Recorder) -> None:
        self.name = name
        self.base_url = server.base_url
        self.api_key = server.api_key
        self.in_process = None
        self.failures: list[Failure] = []
        self.unmatched = server.unmatched if isinstance(server, Player) else []
        self._server = server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise EmulatorError(f"`{name}` is not available in a test with a cassette: its answers are recorded ones")

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def client(self, **options: Any) -> Any:
        return self._server.client(**options)

    def async_client(self, **options: Any) -> Any:
        return self._server.async_client(**options)

    def transcripts(self, newest: int | None = None, *, portable: bool = False) -> dict[str, str]:
        """None: only the recorded server knew its threads."""
        return {}

    def leftovers(self) -> Leftovers:
        return Leftovers(self.failures, [str(unmatched) for unmatched in self.unmatched], [])


class SemanticServer:
    """`replay="semantic"`: the model's replies of a recorded session, as the script of a project on the session's
    server. The recording may have any format that `convert` reads."""

    calls_upstream = False

    def __init__(self, server: Server, path: Path) -> None:
        self._server = server
        self._path = path
        self._handle: Handle | None = None
        self._warnings: list[str] = []

    def open(self, name: str, seed: str, settings: Settings) -> Handle:
        if settings.script is not None:
            raise EmulatorError("a test has a cassette or a script, not both: a cassette becomes a script of its own")
        require(self._path)
        conversion = _convert(self._path, self._path.stat().st_mtime_ns if self._path.exists() else 0)
        assert conversion.script is not None
        self._warnings = [f"{self._path.name}: {warning}" for warning in conversion.warnings]
        self._handle = self._server.open(name, seed, replace(settings, script=conversion.script.script, cassette=None))
        return self._handle

    def close(self, name: str, test: str) -> None:
        self._server.close(name, test)

    def remarks(self) -> list[str]:
        """Gaps of the recording, and recorded runs that the test did not create."""
        unused = self._handle.leftovers().unused if self._handle is not None else []
        return [*self._warnings, *(f"recorded, and not asked for: {rule}" for rule in unused)]

    def stop(self) -> None:
        """Nothing: the server is the session's."""


def exists(path: Path) -> bool:
    """A recording that was cut short has left its journal only."""
    return path.exists() or journal_of(path).exists()


def require(path: Path) -> None:
    if not exists(path):
        raise EmulatorError(f"there is no cassette {path}; --assistants-record=once records it")


@functools.lru_cache(maxsize=16)
def _convert(path: Path, mtime: int) -> Conversion:
    """Once for the tests that share it."""
    return Conversion.of(path, to="script")
