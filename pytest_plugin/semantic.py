"""`replay="semantic"`: what the model did in a recorded session, as the script of a test that uses an emulator."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import EmulatorError
from emulator.recording.convert import Conversion
from emulator.recording.journal import journal_of
from pytest_plugin.marker import Settings
from pytest_plugin.servers import Server

if TYPE_CHECKING:
    from emulator.handle import ProjectHandle


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
