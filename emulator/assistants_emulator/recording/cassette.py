"""A recorded session as one JSON file, its large files in a folder beside it, and the writer of a new one.

During a recording its exchanges are lines of a journal beside the cassette, which takes them in when the recording
ends. The journal's first line is `{"follows": DIGEST}` if it continues the cassette with these bytes, `{"replaces":
DIGEST}` if it takes their place; DIGEST is null where there is no cassette. A journal with another digest was taken in
already: its recorder was killed before it could remove it. `Cassette.load` reads both files, so a recording that was
killed is a cassette like any other.
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
from typing import Any

from filelock import FileLock, Timeout

from assistants_emulator.errors import EmulatorError, StoreError
from assistants_emulator.recording.capture import FileStore
from assistants_emulator.recording.exchange import MOST_INLINE, Exchange, Stored
from assistants_emulator.recording.scrub import Scrubber
from assistants_emulator.store.disk import replace_file
from assistants_emulator.store.journal import Journal

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
        """CassetteError if the file is missing or no cassette; a torn last line of its journal is left out."""
        path = Path(path)
        raw = _read_bytes(path)
        replaces, later = read_journal(path, raw)
        if raw is None and later is None:
            raise CassetteError(f"there is no cassette {path}")
        first = [] if raw is None or replaces else _exchanges_of(path, raw)
        recorded = [_exchange(path, data) for data in later or []]
        recorded.sort(key=lambda exchange: exchange.at)  # they were written when they ended
        return cls([*(_exchange(path, data) for data in first), *recorded])

    def save(self, path: str | Path) -> None:
        """Replace the file as a whole, and copy files above 4 kB to the folder; CassetteError if it cannot be."""
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for exchange in self.exchanges:
                for file in exchange.files():
                    store_file(file, folder_of(path))
            with replace_file(path) as new:
                new.write(render(exchange.as_json() for exchange in self.exchanges))
        except OSError as error:
            raise CassetteError(f"cannot write {path}: {error.strerror}") from error


class CassetteWriter:
    """Records exchanges to a cassette. With `replace`, they take the place of what it has, unless there are none.

    CassetteError if another writer has it open, or if it cannot be written.
    """

    def __init__(self, path: Path, scrubber: Scrubber, *, replace: bool) -> None:
        self._path = path
        self._recorded = 0
        self._lock = CassetteLock(path)
        if not self._lock.acquire():
            raise CassetteError(f"{path} is being recorded by another process, or by another recorder of this one")
        try:
            self._begin(replace)
        except BaseException:
            self._lock.release()
            raise
        self.files = FileStore(folder_of(path), scrubber)

    def _begin(self, replace: bool) -> None:
        path = self._path
        self._before = 0.0  # seconds that the recording which is continued took
        exists = path.exists()
        if journal_of(path).exists():  # of a recording that was killed: our own journal would overwrite it
            Cassette.load(path).save(path)
            exists = True
        if exists and not replace:
            self._before = max((exchange.at for exchange in Cassette.load(path).exchanges), default=0.0)
        try:
            base = path.read_bytes() if exists else None
            self._journal = begin_journal(path, base, replaces=replace and exists)
        except OSError as error:
            raise CassetteError(f"cannot write {path}: {error.strerror}") from error
        except StoreError as error:
            raise CassetteError(f"cannot write {error}") from error
        self._existed = exists

    @property
    def recorded(self) -> int:
        return self._recorded

    def add(self, exchange: Exchange) -> None:
        """Scrub the exchange and write it: a killed process loses nothing after this, a power failure may."""
        exchange.at += self._before
        self._scrub(exchange)
        self._journal.append(journal_line(exchange.as_json()))
        self._recorded += 1

    def close(self) -> None:
        """Move the journal's exchanges into the cassette. Without any, a cassette that existed stays as it was."""
        try:
            self._take_in()
        finally:
            self._lock.release()

    def _take_in(self) -> None:
        if self._recorded or not self._existed:
            cassette = Cassette.load(self._path)
            for exchange in cassette.exchanges:
                self._scrub(exchange)  # once more: a secret may occur before the header that reveals it
                for file in exchange.files():
                    self.files.scrub_again(file)
            cassette.save(self._path)
            self.files.sweep({file.sha256 for exchange in cassette.exchanges for file in exchange.files()})
        self._journal.close()
        self._journal.path.unlink(missing_ok=True)

    def _scrub(self, exchange: Exchange) -> None:
        scrubber = self.files.scrubber
        request, response, failure = exchange.request, exchange.response, exchange.failure
        request.path, request.body = scrubber.path(request.path), scrubber.body(request.body)
        request.headers = scrubber.headers(request.headers)
        if response is not None:
            response.headers, response.body = scrubber.headers(response.headers), scrubber.body(response.body)
        if failure is not None:
            failure.message = scrubber.text(failure.message)


class CassetteLock:
    """Held by the one recorder of a cassette; the system frees it when the process ends, however it ends. It lies in
    the system's folder for temporary files: beside a cassette it would be committed with it."""

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


def folder_of(path: Path) -> Path:
    """The folder of a cassette's large files: `weather-files` beside `weather.json`."""
    return path.with_name(f"{path.stem}-files")


def render(exchanges: Iterable[dict[str, Any]]) -> bytes:
    data = {"format": FORMAT, "version": VERSION, "exchanges": list(exchanges)}
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def store_file(file: Stored, folder: Path) -> None:
    """Write a large file to the folder unless it is there; its bytes may be in memory or in another folder."""
    if file.content is not None and len(file.content) <= MOST_INLINE:
        return
    path = folder / file.sha256
    if file.path != path:
        folder.mkdir(parents=True, exist_ok=True)
        if file.content is not None:
            path.write_bytes(file.content)
        elif file.path is not None and not (path.exists() and path.samefile(file.path)):
            shutil.copyfile(file.path, path)
        file.path, file.content = path, None


def _read_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CassetteError(f"cannot read {path}: {error.strerror}") from error


def _exchanges_of(path: Path, raw: bytes) -> list[Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise CassetteError(f"{path} is not a cassette: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("exchanges"), list):
        raise CassetteError(f'{path} is not a cassette: it has no `"format": "{FORMAT}"` with `exchanges`')
    if data.get("version") != VERSION:
        raise CassetteError(f"{path} is a cassette of version {data.get('version')}; this reads version {VERSION}")
    exchanges: list[Any] = data["exchanges"]
    return exchanges


def _exchange(path: Path, data: Any) -> Exchange:
    try:
        return Exchange.from_json(data, folder_of(path))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        detail = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CassetteError(f"{path} holds something that is no exchange ({detail}): {str(data)[:200]}") from None


def journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.journal")


def begin_journal(path: Path, base: bytes | None, *, replaces: bool) -> Journal:
    """A journal for the cassette `path` with the bytes `base`; OSError or StoreError if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(journal_of(path))
    journal.append(journal_line({"replaces" if replaces else "follows": _digest(base)}))
    return journal


def journal_line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def read_journal(path: Path, base: bytes | None) -> tuple[bool, list[Any] | None]:
    """True if the journal replaces the cassette's bytes, and its exchanges; None for these if no journal counts."""
    try:
        raw = journal_of(path).read_bytes()
    except OSError:
        return False, None
    lines = [data for data in map(_parsed, raw.split(b"\n")[:-1]) if data is not None]
    if not lines:
        return False, None if base is not None else []
    head, *exchanges = lines
    if "replaces" in head and not exchanges:  # there is nothing yet to take the cassette's place
        return False, None
    for word in ("follows", "replaces"):
        if word in head and head[word] == _digest(base):
            return word == "replaces", exchanges
    return False, None


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _digest(base: bytes | None) -> str | None:
    return None if base is None else hashlib.sha256(base).hexdigest()
