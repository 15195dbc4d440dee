"""Mending a journal that something other than a kill has damaged: everything before the damage is kept."""

from __future__ import annotations

from pathlib import Path

from emulator.errors import StoreError
from emulator.store.files import reported
from emulator.store.journal import Journal

BROKEN = ".broken"


def repair(data_dir: Path) -> list[str]:
    """What was done, a line for each journal that had to be cut; the lines cut off are kept beside it."""
    return [told for path in sorted(data_dir.glob("*/db.json.journal")) if (told := _repair(path)) is not None]


def _repair(path: Path) -> str | None:
    journal = Journal(path)
    try:
        for _ in journal.read():
            pass
        return None
    except StoreError as error:
        with reported(path):
            content = path.read_bytes()
            broken = path.with_name(path.name + BROKEN)
            broken.write_bytes(content[journal.size :])
            path.write_bytes(content[: journal.size])
        return f"{error}; kept everything before it, and put the rest into {broken}"
