"""A cassette that is being recorded."""

from __future__ import annotations

from pathlib import Path

from emulator.recording.cassette import Cassette, CassetteError, folder_of
from emulator.recording.exchange import Exchange
from emulator.recording.journal import CassetteLock, Journal, journal_of
from emulator.recording.keeper import Keeper
from emulator.recording.scrub import Scrubber


class Tape:
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
        self.keeper = Keeper(folder_of(path), scrubber)

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
