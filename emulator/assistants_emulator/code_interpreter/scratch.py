"""The directory of one call: `data` is the code's /mnt/data, beside it are its home and its /tmp.

Home and /tmp are apart from the data, since libraries keep caches there, which are no output of the code. A file's name
in the API is any text; here it becomes a name inside `data`.
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

from assistants_emulator.code_interpreter.process import Limits

LONGEST = 240  # bytes of a name; file systems take 255, and a copy's number needs room
_LONGEST_SUFFIX = 32
BLOCK_BYTES = 4096
_SEPARATORS = re.compile(r"[/\\\0]")
_WINDOWS = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]+$|^(?=(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))', re.IGNORECASE)

# The code sees the same dates in every run, and any write shows; zip files refuse dates before 1980.
_INPUT_TIME = 1_577_836_800  # 2020-01-01
_HOSTED_PATHS = {"data": "/mnt/data", "home": "/home/sandbox", "tmp": "/tmp"}


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Yield a new scratch directory, removed at the end. OSError if it cannot be created."""
    root = Path(os.path.realpath(tempfile.mkdtemp(prefix="code-interpreter-")))  # real, as `os.getcwd()` has it
    try:
        yield Scratch(root)
    finally:
        _remove(root)


class Scratch:
    """Writes input files, collects new and changed ones, and replaces its own paths in texts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.home, self.tmp = (root / name for name in _HOSTED_PATHS)
        self._inputs: dict[str, tuple[int, int]] = {}
        for directory in (self.data, self.home, self.tmp):
            directory.mkdir()

    def write_inputs(self, files: Mapping[str, bytes | Path]) -> None:
        """Copy files into `data`, where the code may change them. OSError if one cannot be read or written."""
        for name, content in files.items():
            path = _copy(content, self.data, name)
            os.utime(path, (_INPUT_TIME, _INPUT_TIME))
            self._inputs[path.name] = _signature(path)

    def takes_more_than(self, limit: int) -> bool:
        """True if the files and directories, of 4 kB each at least, take more bytes than that."""
        bytes_taken = 0
        for directory, _, names in os.walk(self.root):
            bytes_taken += BLOCK_BYTES
            for name in names:
                with suppress(OSError):
                    bytes_taken += max(BLOCK_BYTES, os.lstat(os.path.join(directory, name)).st_size)
                if bytes_taken > limit:
                    return True
        return bytes_taken > limit

    def collect(self, limits: Limits) -> tuple[dict[str, bytes], int]:
        """Return new and changed regular files by their path in `data`, and the number of those over the limits."""
        outputs: dict[str, bytes] = {}
        left_out, room = 0, limits.kept_bytes
        for name, path in _regular_files(self.data):
            if self._is_unchanged_input(path):
                continue
            content = _read(path, room) if len(outputs) < limits.kept_files else None
            if content is None:
                left_out += 1
            else:
                outputs[name] = content
                room -= len(content)
        return outputs, left_out

    def _is_unchanged_input(self, path: Path) -> bool:
        signature = self._inputs.get(path.name) if path.parent == self.data else None
        return signature is not None and signature == _signature(path)

    def hosted_paths(self, text: str) -> str:
        """Replace the directory's paths by those of the hosted sandbox, so that logs are the same in every run."""
        for name, hosted in _HOSTED_PATHS.items():
            path = str(self.root / name)
            for form in (path, path.replace("\\", "\\\\"), path.replace("\\", "/")):  # Windows has all three
                text = text.replace(form, hosted)
        return text


def _copy(content: bytes | Path, directory: Path, name: str) -> Path:
    """Copy under the first alternative that is free, which only the file system knows (case, normal forms)."""
    for candidate in alternatives(name):
        path = directory / candidate
        with suppress(FileExistsError), path.open("xb") as target:
            with BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                shutil.copyfileobj(source, target)
            return path
    raise AssertionError("alternatives do not end")


def alternatives(name: str) -> Iterator[str]:
    """Yield the safe name, then `stem-2.suffix`, `stem-3.suffix`, ... for files of the same name."""
    safe = safe_name(name)
    yield safe
    stem, suffix = os.path.splitext(safe)
    yield from (f"{stem}-{number}{suffix}" for number in count(2))


def safe_name(name: str, *, windows: bool = os.name == "nt") -> str:
    """Return the file's name in the scratch directory; a usual name stays as it is.

    It has no separators, is not `.` or `..`, and has at most 240 bytes (the suffix is kept); on Windows it is none that
    Windows reads as something else.
    """
    name = _SEPARATORS.sub("_", name.encode("utf-8", "replace").decode())
    if windows:
        name = _WINDOWS.sub("_", name)
    return _shorten("_" if name in ("", ".", "..") else name)


def _shorten(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, suffix = os.path.splitext(name)
    if len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, suffix = name, ""
    return stem.encode()[: LONGEST - len(suffix.encode())].decode(errors="ignore") + suffix


def _signature(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_mtime_ns, status.st_size


def _regular_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) by name, upper directories first. Links are not followed, and pipes, which block, not read."""
    directories = [] if root.is_symlink() else [root]
    for directory in directories:
        for entry in _entries(directory):
            path = Path(entry)
            if entry.is_dir(follow_symlinks=False):
                directories.append(path)
            elif entry.is_file(follow_symlinks=False):
                yield _well_formed(path.relative_to(root).as_posix()), path


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """Return a directory's entries by name; none if it cannot be opened or its path is too long."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _well_formed(name: str) -> str:
    """Replace the surrogates that stand for bytes outside UTF-8, which JSON cannot hold."""
    return name.encode("utf-8", "replace").decode()


def _read(path: Path, limit: int) -> bytes | None:
    """Return a file's bytes; None if they are more than the limit, its path is too long, or it cannot be read."""
    try:
        return path.read_bytes() if path.lstat().st_size <= limit else None
    except OSError:
        return None


def _remove(root: Path) -> None:
    """Remove the directory without recursion and long paths: code can nest directories deeper than `rmtree` goes.

    Each directory is moved up into the root and emptied there. Entries that the system does not remove stay.
    """
    numbers = count()
    directories = [root]
    with suppress(OSError):  # the code may have closed or removed it
        root.chmod(stat.S_IRWXU)
    for directory in directories:
        for entry in _entries(directory):
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    directories.append(_move(entry, root / str(next(numbers))))
                else:
                    os.unlink(entry)
    for directory in reversed(directories):
        with suppress(OSError):
            directory.rmdir()


def _move(entry: os.DirEntry[str], target: Path) -> Path:
    os.chmod(entry, stat.S_IRWXU)  # the code may have made it read-only, and moving writes to it
    os.rename(entry, target)
    return target
