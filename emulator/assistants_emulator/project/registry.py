"""The projects of one emulator, and the eviction of their objects from memory.

A project is opened once and stays: its rules, faults, clock and requests exist in memory only. Its objects are on disk
too, where it has a directory, so only those of the most recently used projects stay in memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from assistants_emulator.config import DEFAULT_PROJECT, Config
from assistants_emulator.errors import StoreError
from assistants_emulator.project.project import Project
from assistants_emulator.store.disk import reported

FOLDER_NAME = re.compile(r"[a-z0-9_-]{1,64}")
HASH_NAME = re.compile(r"[0-9a-f]{32}")
MARK = "hashed."  # has a dot, as no FOLDER_NAME
MOST_LOOKED_AT = 20  # candidates for eviction, each time that a project is loaded: all of them may be at work


class Projects:
    """`make` opens the project of a name. Used on the server's loop only."""

    def __init__(self, config: Config, make: Callable[[str], Project]) -> None:
        self._config = config
        self._make = make
        self._opened: dict[str, Project] = {}
        self._loaded: OrderedDict[str, Project] = OrderedDict()  # may be unloaded, least recently used first
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, name: str) -> Project:
        if name in self._loaded:
            self._loaded.move_to_end(name)
        project = self._opened.get(name)
        return project if project is not None else self._open(name)

    def __contains__(self, name: str) -> bool:
        """True for a project that is open."""
        return name in self._opened

    def opened(self) -> list[str]:
        """The names of the open projects."""
        return list(self._opened)

    def listed(self) -> dict[str, Project | None]:
        """The projects by name, the default one first; None for one that is on disk under its name, but not open."""
        directory = self._config.data_dir
        folders = sorted(directory.iterdir()) if directory is not None else []
        names = [folder.name for folder in folders if folder.is_dir() and _is_plain(folder.name)]
        projects = {DEFAULT_PROJECT: None, **dict.fromkeys(names), **self._opened}
        return dict(sorted(projects.items(), key=lambda entry: (entry[0] != DEFAULT_PROJECT, entry[0])))

    def close(self, name: str) -> None:
        """Forget the project; its work ends in the background."""
        self._loaded.pop(name, None)
        if (project := self._opened.pop(name, None)) is not None:
            closing = asyncio.get_running_loop().create_task(project.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def remove(self, name: str) -> None:
        """Close the project, and delete its directory; at its next use it begins empty."""
        self._loaded.pop(name, None)
        project = self._opened.pop(name, None)
        if project is not None:
            await project.close()
        if self._config.data_dir is not None:
            directory = directory_of(self._config.data_dir, name)
            with reported(directory):
                if directory.exists():
                    await asyncio.to_thread(shutil.rmtree, directory)

    def end_streams(self) -> None:
        for project in self._opened.values():
            project.end_streams()

    async def close_all(self) -> None:
        """Close all of them; the first exception is raised afterwards."""
        closing = [asyncio.ensure_future(project.close()) for project in self._opened.values()]
        endings = await asyncio.gather(*closing, *self._closing, return_exceptions=True)
        for ending in endings:
            if isinstance(ending, BaseException):
                raise ending

    def clear(self) -> None:
        self._opened.clear()
        self._loaded.clear()

    def _open(self, name: str) -> Project:
        project = self._opened[name] = self._make(name)
        if project.directory is not None:
            project.context.store.on_load = partial(self._take_in, project)
            self._take_in(project)
        return project

    def _take_in(self, project: Project) -> None:
        """Note that its objects are in memory, and evict those of the least recently used projects."""
        if self._opened.get(project.name) is not project:
            return  # it is being closed, which reads its objects once more
        self._loaded[project.name] = project
        for _ in range(min(len(self._loaded) - 1, MOST_LOOKED_AT)):
            if len(self._loaded) <= self._config.loaded_projects:
                return
            name, oldest = next(iter(self._loaded.items()))
            if oldest.is_at_work:
                self._loaded.move_to_end(name)
            else:
                del self._loaded[name]
                oldest.unload()


def directory_of(data_dir: Path, project: str) -> Path:
    """The project's directory: its name where that is a plain one, else a marked hash of it.

    No name has the mark, so that no key selects another one's directory. Older versions had no mark: their directory
    is renamed when its project is opened. StoreError if a name is that of such a directory: it may be another's.
    """
    if _is_plain(project):
        return data_dir / project
    digest = hashlib.sha256(project.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    directory, unmarked = data_dir / f"{MARK}{digest}", data_dir / digest
    with reported(directory):
        if not directory.exists() and unmarked.is_dir():
            unmarked.rename(directory)
        if HASH_NAME.fullmatch(project) and not directory.exists() and (own := data_dir / project).is_dir():
            raise StoreError(
                f"{own}: an older version made it for this project or for one whose name has that hash; "
                f"rename it to {directory.name} if it is this project's"
            )
    return directory


def _is_plain(name: str) -> bool:
    """True if a directory of this name is that of the project of this name."""
    return FOLDER_NAME.fullmatch(name) is not None and HASH_NAME.fullmatch(name) is None
