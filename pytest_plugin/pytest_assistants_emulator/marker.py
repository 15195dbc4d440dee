"""The keywords of `@pytest.mark.assistants(...)`, a row each.

Markers of the class and the module count too; for each keyword the nearest one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytest

MARKER = "assistants"


@dataclass(frozen=True, slots=True)
class SweepSettings:
    """The settings of a test's sweep; None is the default.

    `limit`: the most variants. `strict`: another answer fails too. `allowed`: exceptions that the application may raise
    besides the SDK's. `xfail`: reasons by a pattern of the names of variants that may fail. `effects`: the names of the
    only ones. `bounds`: the most `polls` of one path, `calls` and `seconds` of sleep, instead of what follows from the
    passing test.
    """

    limit: int | None = None
    strict: bool = False
    allowed: tuple[type[BaseException], ...] = ()
    xfail: Mapping[str, str] = field(default_factory=dict)
    effects: tuple[str, ...] | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)


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
    sweep: SweepSettings | Literal[False] | None = None
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


def _sweep(value: Any, item: pytest.Item) -> SweepSettings | Literal[False]:
    if isinstance(value, bool):
        return SweepSettings() if value else False
    if not isinstance(value, Mapping):
        _refuse(f"sweep is True, False or a dict, not {value!r}")
    if unknown := [name for name in value if name not in SWEEP_KEYS]:
        _refuse(f"sweep has no key {unknown[0]!r}; there are {', '.join(SWEEP_KEYS)}")
    for name, given in value.items():
        is_valid, wanted = SWEEP_KEYS[name]
        if not is_valid(given):
            _refuse(f"sweep's {name} is {wanted}, not {given!r}")
    options = {**value}
    if "allowed" in options:
        options["allowed"] = _as_tuple(options["allowed"])
    if "effects" in options:
        options["effects"] = tuple(map(_effect, options["effects"]))
    return SweepSettings(**options)


def _effect(name: str) -> str:
    from assistants_emulator.sweep import EFFECTS, effect_of

    try:
        return name if name in EFFECTS else effect_of(name).name and name
    except ValueError as error:
        _refuse(f"sweep's effects: {error}")


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _are_exceptions(value: Any) -> bool:
    return all(isinstance(each, type) and issubclass(each, BaseException) for each in _as_tuple(value))


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _are_reasons(value: Any) -> bool:
    return isinstance(value, Mapping) and _are_names([*value, *value.values()])


def _are_bounds(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name in BOUNDS and isinstance(most, int | float) and not isinstance(most, bool) and most > 0
        for name, most in value.items()
    )


def _is_limit(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


BOUNDS = ("polls", "calls", "seconds")
SWEEP_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "limit": (_is_limit, "a whole number from 1 up"),
    "strict": (lambda value: isinstance(value, bool), "True or False"),
    "allowed": (_are_exceptions, "an exception class or a tuple of them"),
    "xfail": (_are_reasons, "a dict of reasons by the name of a variant"),
    "effects": (_are_names, "a list of names"),
    "bounds": (_are_bounds, f"a dict of numbers above 0 for {', '.join(BOUNDS)}"),
}


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
    "sweep": _sweep,
}
