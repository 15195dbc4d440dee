"""A recorded session as one JSON file, its large files in a folder beside it.

While it is being recorded, exchanges are lines of a journal beside it (see `journal`); `load` reads both, so a
recording that was killed is a cassette like any other.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from assistants_emulator.errors import EmulatorError
from assistants_emulator.recording.capture import FileStore
from assistants_emulator.recording.exchange import MOST_INLINE, Exchange, Stored
from assistants_emulator.recording.scrub import Scrubber


class Journal:
    """Open for one recording; only one process may record to a cassette."""

    def __init__(self, path: Path, base: bytes | None, *, replaces: bool) -> None:
        self._path = journal_of(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = open(self._path, "wb", buffering=0)  # noqa: SIM115 - open while it records
        self._write({"replaces" if replaces else "follows": _digest(base)})

    def add(self, exchange: dict[str, Any]) -> None:
        """On its way to disk when this returns: a killed process loses nothing, a power failure may."""
        self._write(exchange)

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)

    def _write(self, line: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]


class CassetteLock:
    """For the one recorder of a cassette; the system frees it when its process ends, however it ends. It lies with the
    temporary files: beside a cassette it would be committed with it."""

    def __init__(self, path: Path) -> None:
        digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
        self._file = Path(tempfile.gettempdir()) / f"assistants-emulator-{digest}.lock"
        self._lock = FileLock(self._file, timeout=0, thread_local=False)

    def acquire(self) -> bool:
        try:
            self._lock.acquire()
        except Timeout:
            return False
        return True

    def release(self) -> None:
        with suppress(OSError):  # a system that removes no open file leaves an empty one
            self._file.unlink()
        self._lock.release()


def journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.journal")


def journalled(path: Path, base: bytes | None) -> tuple[bool, list[Any] | None]:
    """Whether the cassette's bytes are replaced, and what comes (after them); None where no journal counts."""
    try:
        raw = journal_of(path).read_bytes()
    except OSError:
        return False, None
    lines = [line for line in map(_parsed, raw.split(b"\n")[:-1]) if line is not None]
    if not lines:
        return False, None if base is not None else []
    head, *exchanges = lines
    if "replaces" in head and not exchanges:  # nothing has taken the cassette's place yet
        return False, None
    for word in ("follows", "replaces"):
        if word in head and head[word] == _digest(base):
            return word == "replaces", exchanges
    return False, None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _digest(base: bytes | None) -> str | None:
    return None if base is None else hashlib.sha256(base).hexdigest()


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


class CassetteWriter:
    """With `anew`, what was in the cassette goes when something takes its place. CassetteError if it cannot be had."""

    def __init__(self, path: Path, scrubber: Scrubber, *, anew: bool) -> None:
        self._path = path
        self._recorded = 0
        self._lock = CassetteLock(path)
        if not self._lock.acquire():
            raise CassetteError(f"{path} is being recorded by another process, or by another recorder of this one")
        try:
            self._begin(anew)
        except BaseException:
            self._lock.release()
            raise
        self.keeper = FileStore(folder_of(path), scrubber)

    def _begin(self, anew: bool) -> None:
        path = self._path
        self._before = 0.0  # where the recording that goes on had come to
        exists = path.exists()
        if journal_of(path).exists():  # of a recording that was killed: our own journal would overwrite it
            Cassette.load(path).save(path)
            exists = True
        if exists and not anew:
            self._before = max((exchange.at for exchange in Cassette.load(path).exchanges), default=0.0)
        try:
            base = path.read_bytes() if exists else None
            self._journal = Journal(path, base, replaces=anew and exists)
        except OSError as error:
            raise CassetteError(f"cannot write {path}: {error.strerror}") from error
        self._keep_old = exists

    @property
    def recorded(self) -> int:
        return self._recorded

    def add(self, exchange: Exchange) -> None:
        exchange.at += self._before
        self._scrub(exchange)
        self._journal.add(exchange.as_json())
        self._recorded += 1

    def close(self) -> None:
        """Take the journal in. A recording of nothing leaves a cassette that was there as it was."""
        try:
            self._take_in()
        finally:
            self._lock.release()

    def _take_in(self) -> None:
        if self._recorded or not self._keep_old:
            cassette = Cassette.load(self._path)
            for exchange in cassette.exchanges:
                self._scrub(exchange)  # once more: a secret may have been said before it was known for one
                for file in exchange.files():
                    self.keeper.scrub_again(file)
            cassette.save(self._path)
            self.keeper.sweep({file.sha256 for exchange in cassette.exchanges for file in exchange.files()})
        self._journal.remove()

    def _scrub(self, exchange: Exchange) -> None:
        scrubber = self.keeper.scrubber
        request, response, failure = exchange.request, exchange.response, exchange.failure
        request.path, request.body = scrubber.path(request.path), scrubber.body(request.body)
        request.headers = scrubber.headers(request.headers)
        if response is not None:
            response.headers, response.body = scrubber.headers(response.headers), scrubber.body(response.body)
        if failure is not None:
            failure.message = scrubber.text(failure.message)
