"""Tests with a cassette: its player stands in the emulator's place, or a recorder in front of a real server."""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from assistants_emulator.convert.conversion import Conversion
from assistants_emulator.errors import EmulatorError
from assistants_emulator.handle import Leftovers
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.recording.cassette import journal_of
from assistants_emulator.recording.player import Player
from assistants_emulator.recording.recorder import Recorder
from pytest_assistants_emulator.marker import Settings
from pytest_assistants_emulator.servers import Server

if TYPE_CHECKING:
    from assistants_emulator.handle import ProjectHandle
    from assistants_emulator.runs.invocation import Failure


NO_UPSTREAM = (
    "there is nothing to record from: say where by --assistants-upstream URL, by `assistants_upstream` in pytest's ini "
    "file, or by OPENAI_BASE_URL"
)


class CassetteServer:
    """One test's: `reaches_out` says that calls may go to another machine, which the guard would take for an escape."""

    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._mode: str = config.getoption("--assistants-record")
        self._upstream: str | None = config.getoption("--assistants-upstream") or config.getini("assistants_upstream")
        self._scrub: list[str] = config.getini("assistants_scrub")
        self._path = path
        self._served: Player | Recorder | None = None
        known = path.exists() or journal_of(path).exists()
        self.reaches_out = self._mode in ("all", "new_episodes") or (self._mode == "once" and not known)

    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle:
        if settings.script is not None:
            raise EmulatorError("a test has a cassette or a script, not both: a cassette has its own answers")
        self._served = self._recorder() if self.reaches_out else self._player()
        self._served.start()
        return cast("ProjectHandle", CassetteProject(name, self._served))

    def close(self, name: str) -> None:
        if self._served is not None:
            self._served.stop()

    def remarks(self) -> list[str]:
        """What was recorded and not replayed: no reason to fail."""
        if not isinstance(self._served, Player):
            return []
        return [f"{exchange.request} in {self._path.name} was never asked for" for exchange in self._served.leftovers()]

    def stop(self) -> None:
        """It is over with its test."""

    def _player(self) -> Player:
        if not self._path.exists() and not journal_of(self._path).exists():
            raise EmulatorError(f"there is no cassette {self._path}; --assistants-record=once records it")
        return Player(self._path, scrub=self._scrub)

    def _recorder(self) -> Recorder:
        upstream = self._upstream or os.environ.get("OPENAI_BASE_URL")
        if not upstream:
            raise EmulatorError(NO_UPSTREAM)
        mode: Any = "new_episodes" if self._mode == "new_episodes" else "all"
        recorder = Recorder(upstream, self._path, mode=mode, scrub=self._scrub)
        recorder.api_key = os.environ.get("OPENAI_API_KEY") or recorder.api_key  # it passes through to upstream
        return recorder


class CassetteProject:
    """A ProjectHandle as far as a recorded session goes; what it cannot do is an EmulatorError that says so."""

    def __init__(self, name: str, served: Player | Recorder) -> None:
        self.name = name
        self.base_url = served.base_url
        self.api_key = served.api_key
        self.failures: list[Failure] = []
        self.unmatched = served.unmatched if isinstance(served, Player) else []
        self._served = served

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise EmulatorError(f"`{name}` is not available in a test with a cassette: its answers are recorded ones")

    @property
    def requests(self) -> RequestLog:
        return self._served.requests

    def client(self, **options: Any) -> Any:
        return self._served.client(**options)

    def async_client(self, **options: Any) -> Any:
        return self._served.async_client(**options)

    def transcripts(self, newest: int) -> dict[str, str]:
        """What threads hold is known to whoever answered then."""
        return {}

    def leftovers(self) -> Leftovers:
        return Leftovers(self.failures, [str(unmatched) for unmatched in self.unmatched], [])


class SemanticServer:
    """One test's, on the session's server. The recording may be of any format that can be read."""

    reaches_out = False

    def __init__(self, server: Server, path: Path) -> None:
        self._server = server
        self._path = path
        self._handle: ProjectHandle | None = None
        self._missing: list[str] = []

    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle:
        if settings.script is not None:
            raise EmulatorError("a test has a cassette or a script, not both: a cassette becomes a script of its own")
        made = self._converted()
        assert made.script is not None
        self._missing = [f"{self._path.name}: {warning}" for warning in made.warnings]
        self._handle = self._server.open(name, seed, replace(settings, script=made.script.script, cassette=None))
        return self._handle

    def close(self, name: str) -> None:
        self._server.close(name)

    def remarks(self) -> list[str]:
        """What the recording does not show, and the runs in it that the test did not ask for."""
        unused = self._handle.leftovers().unused if self._handle is not None else []
        return [*self._missing, *(f"recorded, and not asked for: {rule}" for rule in unused)]

    def stop(self) -> None:
        """The server is the session's."""

    def _converted(self) -> Conversion:
        if not self._path.exists() and not journal_of(self._path).exists():
            raise EmulatorError(f"there is no cassette {self._path}; --assistants-record=once records it")
        return _read(self._path, self._path.stat().st_mtime_ns if self._path.exists() else 0)


@functools.lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Conversion:
    """Once for the tests that share it."""
    return Conversion.of(path, to="script")
