"""The directory that one call works in: `data` is the code's /mnt/data, beside it are its home and its /tmp.

Home and /tmp stand apart from the data, for libraries keep caches there that are no output of the code.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import count
from pathlib import Path

from assistants_emulator.code_interpreter.limits import Limits

LONGEST = 240  # bytes; file systems take 255, and a copy's number needs room
_LONGEST_SUFFIX = 32
BLOCK_BYTES = 4096
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


# The code sees the same dates in every run, and any write shows; zip files refuse dates before 1980.
_PLACED_AT = 1_577_836_800  # 2020-01-01
_SHOWN = {"data": "/mnt/data", "home": "/home/sandbox", "tmp": "/tmp"}


class Scratch:
    """Places files, says afterwards which are new or changed, and hides where the directory really is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.home, self.tmp = (root / name for name in _SHOWN)
        self._placed: dict[str, tuple[int, int]] = {}
        for directory in (self.data, self.home, self.tmp):
            directory.mkdir()

    def place(self, files: Mapping[str, bytes | Path]) -> None:
        """Copies, for the code may write to them. OSError if one cannot be read or written."""
        for name, content in files.items():
            path = _copied(content, self.data, name)
            os.utime(path, (_PLACED_AT, _PLACED_AT))
            self._placed[path.name] = _signature(path)

    def takes_more_than(self, most: int) -> bool:
        """True if the files and directories, of 4 kB each at least, take more bytes than that."""
        bytes_taken = 0
        for directory, _, names in os.walk(self.root):
            bytes_taken += BLOCK_BYTES
            for name in names:
                with suppress(OSError):
                    bytes_taken += max(BLOCK_BYTES, os.lstat(os.path.join(directory, name)).st_size)
                if bytes_taken > most:
                    return True
        return bytes_taken > most

    def collect(self, limits: Limits) -> tuple[dict[str, bytes], int]:
        """New and changed regular files by their path in `data`, and how many of them were left out."""
        kept: dict[str, bytes] = {}
        left_out, room = 0, limits.kept_bytes
        for name, path in _regular_files(self.data):
            if self._is_as_placed(path):
                continue
            content = _content(path, room) if len(kept) < limits.kept_files else None
            if content is None:
                left_out += 1
            else:
                kept[name] = content
                room -= len(content)
        return kept, left_out

    def _is_as_placed(self, path: Path) -> bool:
        placed = self._placed.get(path.name) if path.parent == self.data else None
        return placed is not None and placed == _signature(path)

    def shown(self, text: str) -> str:
        """The text with the paths that the hosted sandbox had, so that logs are the same in every run."""
        for name, shown in _SHOWN.items():
            path = str(self.root / name)
            for form in (path, path.replace("\\", "\\\\"), path.replace("\\", "/")):  # Windows has all three
                text = text.replace(form, shown)
        return text


@contextmanager
def scratch() -> Iterator[Scratch]:
    """A new scratch directory, removed at the end. OSError if it cannot be made."""
    root = Path(os.path.realpath(tempfile.mkdtemp(prefix="code-interpreter-")))  # real, as `os.getcwd()` has it
    try:
        yield Scratch(root)
    finally:
        _remove(root)


def _remove(root: Path) -> None:
    """Without recursion or long paths, for code can nest directories deeper than `shutil.rmtree` goes.

    Each directory is moved up into the root and emptied there. What the system does not let go stays.
    """
    numbers = count()
    emptied = [root]
    with suppress(OSError):  # the code may have closed it, or taken it away
        root.chmod(stat.S_IRWXU)
    for directory in emptied:
        for entry in _entries(directory):
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    emptied.append(_moved(entry, root / str(next(numbers))))
                else:
                    os.unlink(entry)
    for directory in reversed(emptied):
        with suppress(OSError):
            directory.rmdir()


def _moved(entry: os.DirEntry[str], place: Path) -> Path:
    os.chmod(entry, stat.S_IRWXU)  # the code may have made it read-only, and moving writes to it
    os.rename(entry, place)
    return place


def _copied(content: bytes | Path, directory: Path, name: str) -> Path:
    for candidate in alternatives(name):
        path = directory / candidate
        with suppress(FileExistsError), path.open("xb") as target:  # the file system knows what is the same name
            with BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                shutil.copyfileobj(source, target)
            return path
    raise AssertionError("alternatives do not end")


def _signature(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_mtime_ns, status.st_size


def _regular_files(root: Path) -> Iterator[tuple[str, Path]]:
    """By name, the upper directories first. Links are not followed, and pipes, which would block, are not opened."""
    directories = [] if root.is_symlink() else [root]
    for directory in directories:
        for entry in _entries(directory):
            path = Path(entry)
            if entry.is_dir(follow_symlinks=False):
                directories.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield _readable(path.relative_to(root).as_posix()), path


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """Sorted by name; none if the directory is closed to us or its path too long."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _readable(name: str) -> str:
    """Without the surrogates that stand for bytes that are no UTF-8: JSON could not hold them."""
    return name.encode("utf-8", "replace").decode()


def _content(path: Path, most: int) -> bytes | None:
    """None if it is larger than that, its path is too long, or the code took our right to read it."""
    try:
        return path.read_bytes() if path.lstat().st_size <= most else None
    except OSError:
        return None
