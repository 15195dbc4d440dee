"""The keywords of `@pytest.mark.assistants(...)`, a row each.

Markers of the class and the module count too; for each keyword the nearest one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

MARKER = "assistants"


@dataclass(frozen=True, slots=True)
class Settings:
    """One test's settings of its project; None is the default."""

    script: Path | dict[str, Any] | None = None
    state: Path | dict[str, Any] | None = None
    clock: str | float | None = None
    seed: str | None = None
    cassette: Path | None = None
    replay: str | None = None
    transport: str | None = None
    keys: str | None = None
    strict_tools: bool | None = None
    has_own_state: bool = False
    """The state is the marker's, not the one that all tests have."""


def settings_of(item: pytest.Item) -> Settings:
    """The merged keywords of the item's markers; a mistake in them fails the test, in one line."""
    keywords: dict[str, Any] = {}
    for mark in item.iter_markers(MARKER):
        if mark.args:
            _refuse(f"takes keywords only, and was given {mark.args[0]!r}; they are {_names()}")
        keywords = {**mark.kwargs, **keywords}
    if unknown := [name for name in keywords if name not in KEYWORDS]:
        _refuse(f"unknown keyword {unknown[0]!r}; there are {_names()}")
    values = {name: KEYWORDS[name](value, item) for name, value in keywords.items() if value is not None}
    settings = Settings(**{**ini_settings(item.config, values), **values}, has_own_state="state" in values)
    if settings.replay is not None and settings.cassette is None:
        _refuse("replay says how a cassette is replayed, and there is no cassette")
    return settings


def ini_settings(config: pytest.Config, values: Mapping[str, Any]) -> dict[str, Any]:
    """The script and the state that the ini file gives all tests; a cassette has its own answers."""
    options = ("state",) if "cassette" in values else ("script", "state")
    return {name: path for name in options if (path := _ini_file(config, f"assistants_{name}")) is not None}


def _ini_file(config: pytest.Config, option: str) -> Path | None:
    """The file that an ini option names, from the ini file's folder."""
    value: str = config.getini(option)
    if not value:
        return None
    path = (config.inipath.parent if config.inipath is not None else config.rootpath) / value
    if not path.is_file():
        pytest.fail(f"{option}: there is no file {path}", pytrace=False)
    return path


def _file_or_dict(name: str) -> Callable[[Any, pytest.Item], Path | dict[str, Any]]:
    """Read a path (from the test file's folder, then from the root directory) or a dict in the place of a file."""

    def read(value: Any, item: pytest.Item) -> Path | dict[str, Any]:
        if isinstance(value, Mapping):
            return dict(value)
        if not isinstance(value, str | Path):
            _refuse(f"{name} is a path or a dict, not {value!r}")
        paths = [folder / value for folder in (item.path.parent, item.config.rootpath)]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            _refuse(f"there is no {name} {' or '.join(dict.fromkeys(map(str, paths)))}")
        return path

    return read


def _cassette(value: Any, item: pytest.Item) -> Path:
    """A path from the test file's folder; the file need not exist, since this test may record it."""
    if not isinstance(value, str | Path):
        _refuse(f"cassette is a path, not {value!r}")
    return item.path.parent / value


def _replay(value: Any, item: pytest.Item) -> str:
    if value in ("calls", "semantic"):
        return str(value)
    _refuse(f"replay is 'calls' or 'semantic', not {value!r}")


def _clock(value: Any, item: pytest.Item) -> str | float:
    from assistants_emulator.clock import is_instant
    from assistants_emulator.responders.validation import display

    if value in ("manual", "system") or (
        isinstance(value, int | float) and not isinstance(value, bool) and is_instant(value)
    ):
        clock: str | float = value
        return clock
    _refuse(f"clock is 'manual', 'system' or a unix time, not {display(value)}")


def _seed(value: Any, item: pytest.Item) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    _refuse(f"seed is a string or a whole number, not {value!r}")


def _transport(value: Any, item: pytest.Item) -> str:
    if value in ("socket", "inprocess"):
        return str(value)
    _refuse(f"transport is 'socket' or 'inprocess', not {value!r}")


def _keys(value: Any, item: pytest.Item) -> str:
    if value in ("one", "separate"):
        return str(value)
    _refuse(f"keys is 'one' or 'separate', not {value!r}")


def _strict_tools(value: Any, item: pytest.Item) -> bool:
    if isinstance(value, bool):
        return value
    _refuse(f"strict_tools is True or False, not {value!r}")


def _names() -> str:
    return ", ".join(KEYWORDS)


def _refuse(problem: str) -> NoReturn:
    pytest.fail(f"@pytest.mark.{MARKER}: {problem}", pytrace=False)


KEYWORDS: dict[str, Callable[[Any, pytest.Item], Any]] = {
    "script": _file_or_dict("script"),
    "cassette": _cassette,
    "replay": _replay,
    "state": _file_or_dict("state"),
    "clock": _clock,
    "seed": _seed,
    "transport": _transport,
    "keys": _keys,
    "strict_tools": _strict_tools,
}
