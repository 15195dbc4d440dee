"""File names as the API holds them are data: any text. Here they become names that stay in one directory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count

LONGEST = 240  # bytes; file systems take 255, and a copy's number needs room
_LONGEST_SUFFIX = 32
_SEPARATORS = re.compile(r"[/\\\0]")
_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]+$|^(?=(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))', re.IGNORECASE)


def safe_name(name: str, *, windows: bool = os.name == "nt") -> str:
    """The name that the file has in the scratch directory; a usual name stays as it is.

    No separators, no `.` or `..`, at most 240 bytes (the suffix is kept), and on Windows nothing that Windows reads
    as something else.
    """
    name = _SEPARATORS.sub("_", name.encode("utf-8", "replace").decode())
    if windows:
        name = _WINDOWS.sub("_", name)
    return _cut("_" if name in ("", ".", "..") else name)


def alternatives(name: str) -> Iterator[str]:
    """The safe name, then `stem-2.suffix`, `stem-3.suffix`, ... for files of the same name."""
    safe = safe_name(name)
    yield safe
    stem, suffix = os.path.splitext(safe)
    yield from (f"{stem}-{number}{suffix}" for number in count(2))


def _cut(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, suffix = os.path.splitext(name)
    if len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, suffix = name, ""
    return stem.encode()[: LONGEST - len(suffix.encode())].decode(errors="ignore") + suffix
