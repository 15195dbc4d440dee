"""Turns recordings into another form: a cassette, a responder script or a state file.

Conversion.of("old/weather.yaml", to="script").save("weather-script.yaml")
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistants_emulator.convert.importers import Imported, read_recording
from assistants_emulator.convert.importers.parsing import Progress
from assistants_emulator.convert.script import ScriptOf, script_of, script_text
from assistants_emulator.convert.state import state_of
from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording.cassette import Cassette
from assistants_emulator.recording.exchange import Exchange
from assistants_emulator.store.disk import replace_file

TARGETS = ("cassette", "script", "state")


@dataclass(slots=True)
class Conversion:
    """`summary` is a few words for people; `warnings` say what is missing, `left_out` which calls were not used."""

    to: str
    exchanges: list[Exchange]
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    summary: str = ""
    script: ScriptOf | None = None
    state: dict[str, Any] | None = None

    @classmethod
    def of(
        cls, *recordings: str | Path, to: str, format: str | None = None, progress: Progress | None = None
    ) -> Conversion:
        """Convert the recordings, one session in their order; EmulatorError for one that cannot be read or is empty.

        `format` is one of importers.NAMES, or it is recognised; `progress` is called while a file is read.
        """
        if to not in TARGETS:
            raise EmulatorError(f"{to!r} is nothing to convert to; there are {', '.join(TARGETS)}")
        imports = [read_recording(path, format, progress) for path in recordings]
        conversion = cls(to, _joined(imports), _counted(line for imported in imports for line in imported.left_out))
        conversion.warnings += _counted(line for imported in imports for line in imported.notes)
        source = ", ".join(str(path) for path in recordings)
        if not conversion.exchanges:
            raise EmulatorError(f"{source}: holds no call of the Assistants API{_such_as(conversion.left_out)}")
        match to:
            case "cassette":
                conversion.summary = _many(len(conversion.exchanges), "call")
            case "script":
                conversion._make_script(source)
            case "state":
                conversion._make_state(source)
        return conversion

    def save(self, path: str | Path) -> None:
        """Write the file; a script is YAML unless the name ends in .json. EmulatorError if it cannot be written."""
        path = Path(path)
        if self.to == "cassette":
            Cassette(self.exchanges).save(path)
        elif self.script is not None:
            _write(path, script_text(self.script, as_json=path.suffix.lower() == ".json"))
        else:
            _write(path, json.dumps(self.state, indent=2, ensure_ascii=False) + "\n")

    def _make_script(self, source: str) -> None:
        self.script = script_of(self.exchanges)
        if not self.script.runs:
            raise EmulatorError(f"{source}: no run is recorded, so there is nothing that a script could say")
        self.warnings += _counted(self.script.warnings)
        self.summary = f"{_many(len(self.script.runs), 'run')} of {_many(len(self.exchanges), 'call')}"

    def _make_state(self, source: str) -> None:
        result = state_of(self.exchanges)
        self.state, counts = result.state, {table: len(items) for table, items in result.state.items() if items}
        if not counts:
            raise EmulatorError(f"{source}: no object is left when the recording ends, so the state would be empty")
        self.warnings += result.warnings
        self.summary = ", ".join(f"{count} {table.replace('_', ' ')}" for table, count in counts.items())


def _joined(imports: list[Imported]) -> list[Exchange]:
    """The exchanges of all, one after the other in time too."""
    exchanges: list[Exchange] = []
    for imported in imports:
        start = exchanges[-1].at if exchanges else 0.0
        for exchange in imported.exchanges:
            exchange.at += start
        exchanges += imported.exchanges
    return exchanges


def _counted(lines: Iterable[str]) -> list[str]:
    return [line if count == 1 else f"{line} ({count} times)" for line, count in Counter(lines).items()]


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _such_as(left_out: list[str]) -> str:
    return f"; it has {left_out[0]}" if left_out else ""


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path, sync=False) as new:
            new.write(text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise EmulatorError(f"cannot write {path}: {error.strerror}") from error
