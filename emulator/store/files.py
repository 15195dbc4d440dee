"""Errors of the file system as the one line that a user can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.errors import StoreError


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """An OSError inside becomes a StoreError of one line: the path and the system's reason."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def make_directory(path: Path) -> None:
    """With its parents; one that exists is fine. StoreError if it cannot be."""
    with reported(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise StoreError(f"{path}: not a directory") from None
