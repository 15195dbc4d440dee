"""From one recording to another form of it: a cassette, a responder script or a state file.

Conversion.of("old/weather.yaml", to="script").save("weather-script.yaml")
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistants_emulator.convert.importers import Imported, read_recording
from assistants_emulator.convert.importers.located import Told
from assistants_emulator.convert.script import ScriptOf, script_of, script_text
from assistants_emulator.convert.state import state_of
from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording.cassette import Cassette
from assistants_emulator.recording.exchange import Exchange

TARGETS = ("cassette", "script", "state")


def _unheard(done: int, size: int) -> None:
    return None


@dataclass(slots=True)
class Conversion:
    """`summary` says in a few words what there is; `warnings` what is missing, `left_out` what was not taken."""

    to: str
    exchanges: list[Exchange]
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    summary: str = ""
    script: ScriptOf | None = None
    state: dict[str, Any] | None = None

    @classmethod
    def of(cls, *recordings: str | Path, to: str, format: str | None = None, told: Told = _unheard) -> Conversion:
        """Several recordings are one session, in their order; EmulatorError for one that cannot be read or is empty."""
        if to not in TARGETS:
            raise EmulatorError(f"{to!r} is nothing to convert to; there are {', '.join(TARGETS)}")
        read = [read_recording(path, format, told) for path in recordings]
        made = cls(to, _joined(read), _counted(line for one in read for line in one.left_out))
        made.warnings += _counted(line for one in read for line in one.notes)
        where = ", ".join(str(path) for path in recordings)
        if not made.exchanges:
            raise EmulatorError(f"{where}: holds no call of the Assistants API{_such_as(made.left_out)}")
        getattr(made, f"_make_{to}")(where)
        return made

    def save(self, path: str | Path) -> None:
        """A script is YAML, or JSON where the name ends in .json; a state is JSON; EmulatorError if it cannot be."""
        path = Path(path)
        if self.to == "cassette":
            Cassette(self.exchanges).save(path)
        elif self.script is not None:
            _write(path, script_text(self.script, as_json=path.suffix.lower() == ".json"))
        else:
            _write(path, json.dumps(self.state, indent=2, ensure_ascii=False) + "\n")

    def _make_cassette(self, where: str) -> None:
        self.summary = _many(len(self.exchanges), "call")

    def _make_script(self, where: str) -> None:
        self.script = script_of(self.exchanges)
        if not self.script.runs:
            raise EmulatorError(f"{where}: no run is recorded, so there is nothing that a script could say")
        self.warnings += _counted(self.script.warnings)
        self.summary = f"{_many(len(self.script.runs), 'run')} of {_many(len(self.exchanges), 'call')}"

    def _make_state(self, where: str) -> None:
        made = state_of(self.exchanges)
        self.state, counts = made.state, {table: len(items) for table, items in made.state.items() if items}
        if not counts:
            raise EmulatorError(f"{where}: no object is left when the recording ends, so the state would be empty")
        self.warnings += made.warnings
        self.summary = ", ".join(f"{count} {table.replace('_', ' ')}" for table, count in counts.items())


def _joined(read: list[Imported]) -> list[Exchange]:
    """One after the other; times go on where the one before ended."""
    exchanges: list[Exchange] = []
    for one in read:
        start = exchanges[-1].at if exchanges else 0.0
        for exchange in one.exchanges:
            exchange.at += start
        exchanges += one.exchanges
    return exchanges


def _counted(lines: Iterable[str]) -> list[str]:
    return [line if count == 1 else f"{line} ({count} times)" for line, count in Counter(lines).items()]


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _such_as(left_out: list[str]) -> str:
    return f"; it has {left_out[0]}" if left_out else ""


def _write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8", errors="surrogatepass", newline="\n")
        os.replace(new, path)
    except OSError as error:
        raise EmulatorError(f"cannot write {path}: {error.strerror}") from error
