"""A recorded session as one JSON file, its large files in a folder beside it.

While it is being recorded, exchanges are lines of a journal beside it (see `journal`); `load` reads both, so a
recording that was killed is a cassette like any other.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emulator.errors import EmulatorError
from emulator.recording.exchange import Exchange
from emulator.recording.journal import journalled
from emulator.recording.stored import MOST_INLINE, Stored

FORMAT = "assistants-cassette"
VERSION = 1


class CassetteError(EmulatorError):
    """A cassette that cannot be read or written."""


class Cassette:
    """`Cassette.load(path)`, or `Cassette(exchanges).save(path)`; the exchanges are in the order of their requests."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self.exchanges = list(exchanges)

    @classmethod
    def load(cls, path: str | Path) -> Cassette:
        """CassetteError if there is none, or if it is none of ours; a torn last line of its journal is left out."""
        path = Path(path)
        raw = _bytes_of(path)
        replaces, later = journalled(path, raw)
        if raw is None and later is None:
            raise CassetteError(f"there is no cassette {path}")
        first = [] if raw is None or replaces else _exchanges_of(path, raw)
        recorded = [_exchange(path, shown) for shown in later or []]
        recorded.sort(key=lambda exchange: exchange.at)  # they were written when they ended
        return cls([*(_exchange(path, shown) for shown in first), *recorded])

    def save(self, path: str | Path) -> None:
        """Whole or not at all: written beside it, then put in its place. Files above 4 kB go to the folder."""
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for exchange in self.exchanges:
                for file in exchange.files():
                    keep(file, folder_of(path))
            replace(path, render(exchange.as_json() for exchange in self.exchanges))
        except OSError as error:
            raise CassetteError(f"cannot write {path}: {error.strerror}") from error


def folder_of(path: Path) -> Path:
    """Where the large files of a cassette lie: `weather-files` beside `weather.json`."""
    return path.with_name(f"{path.stem}-files")


def render(exchanges: Iterable[dict[str, Any]]) -> bytes:
    shown = {"format": FORMAT, "version": VERSION, "exchanges": list(exchanges)}
    return (json.dumps(shown, indent=2, ensure_ascii=False) + "\n").encode()


def replace(path: Path, content: bytes) -> None:
    """Never half a file under this name, whenever the machine stops."""
    new = path.with_name(f"{path.name}.new")
    with open(new, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def keep(file: Stored, folder: Path) -> None:
    """See to it that a large file is in the folder; it may come from memory or from another cassette's folder."""
    if file.content is not None and len(file.content) <= MOST_INLINE:
        return
    place = folder / file.sha256
    if file.path != place:
        folder.mkdir(parents=True, exist_ok=True)
        if file.content is not None:
            place.write_bytes(file.content)
        elif file.path is not None and not (place.exists() and place.samefile(file.path)):
            shutil.copyfile(file.path, place)
        file.path, file.content = place, None


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CassetteError(f"cannot read {path}: {error.strerror}") from error


def _exchanges_of(path: Path, raw: bytes) -> list[Any]:
    try:
        shown = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CassetteError(f"{path} is not a cassette: {error}") from None
    if not isinstance(shown, dict) or shown.get("format") != FORMAT or not isinstance(shown.get("exchanges"), list):
        raise CassetteError(f'{path} is not a cassette: it has no `"format": "{FORMAT}"` with `exchanges`')
    if shown.get("version") != VERSION:
        raise CassetteError(f"{path} is a cassette of version {shown.get('version')}; this reads version {VERSION}")
    exchanges: list[Any] = shown["exchanges"]
    return exchanges


def _exchange(path: Path, shown: Any) -> Exchange:
    try:
        return Exchange.from_json(shown, folder_of(path))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        detail = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CassetteError(f"{path} holds something that is no exchange ({detail}): {str(shown)[:200]}") from None
