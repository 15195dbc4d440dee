"""Measures of replies that both APIs share: their pieces, and the files that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistants_emulator.errors import ScriptError
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import short_name
from assistants_emulator.store import Object

MOST_PIECES = 4096  # a longer text gets longer pieces, so that a megabyte is not a quarter of a million events
_PIECE = re.compile(r" ?\w{1,16}|\s?[^\w\s]{1,4}|\s+")


def cut(text: str) -> list[str]:
    """Cut `text` into pieces like tokens, always the same for the same text; joined they are the text."""
    pieces = _PIECE.findall(text)
    if len(pieces) <= MOST_PIECES:
        return pieces
    size = -(-len(pieces) // MOST_PIECES)
    return ["".join(pieces[start : start + size]) for start in range(0, len(pieces), size)]


def find_file(context: Context, store_ids: Iterable[str], name: str) -> Object:
    """A file by id or by name: first in these vector stores, then the newest of that name; ScriptError if none."""
    if (file := context.store.get("files", name)) is not None:
        return file
    stores = (context.store.of("vector_store_files", "vector_store_id", id) for id in store_ids)
    in_stores = (context.store.get("files", store_file["id"]) for files in stores for store_file in files)
    for file in (*in_stores, *reversed(list(context.store.all("files")))):
        if file is not None and name in (file["filename"], short_name(file)):
            return file
    names = ", ".join(dict.fromkeys(file["filename"] for file in context.store.all("files"))) or "none"
    raise ScriptError(f"there is no file with the id or name {name!r}; the project's files are: {names}")
