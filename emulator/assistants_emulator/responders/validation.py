"""Checks of replies, rules and scripts: kinds of values, and errors that name a field, its value and the right one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from assistants_emulator.clock import LAST_INSTANT
from assistants_emulator.errors import ScriptError, suggestion, well_formed


class FieldError(ScriptError):
    """`owner.field problem`. Field and problem stay apart so that a script can name its own line and key instead."""

    def __init__(self, owner: str, field: str, problem: str) -> None:
        super().__init__(f"{owner}.{field} {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value that a field may hold: `name` completes "must be ...", `accepts` decides."""

    name: str
    accepts: Callable[[object], bool]

    def or_none(self) -> Kind:
        return Kind(f"{self.name} or None", lambda value: value is None or self.accepts(value))

    def problem(self, value: object) -> str | None:
        """`must be a string, not 5 (int)`; None for a value of this kind."""
        return None if self.accepts(value) else f"must be {self.name}, not {display(value)}"


def _is_number(value: object, least: float = -sys.float_info.max, most: float = sys.float_info.max) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


TEXT = Kind("a string", lambda value: isinstance(value, str))
NAME = Kind("a string that is not empty", lambda value: isinstance(value, str) and value != "")
PATH = Kind("a path", lambda value: isinstance(value, str | os.PathLike) and str(value) != "")
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TRUE = Kind("true", lambda value: value is True)
NUMBER = Kind("a number", _is_number)
SECONDS = Kind(f"a number of seconds, 0 to {LAST_INSTANT}", lambda value: _is_number(value, 0, LAST_INSTANT))
COUNT = Kind("a whole number, 0 or more", lambda value: _is_whole(value, 0))
POSITIVE = Kind("a whole number, 1 or more", lambda value: _is_whole(value, 1))
BYTES = Kind("bytes", lambda value: isinstance(value, bytes))
LIST = Kind("a list", lambda value: isinstance(value, list | tuple))


def list_of(kind: Kind) -> Kind:
    return Kind(
        f"a list, each item {kind.name}",
        lambda value: isinstance(value, list | tuple) and all(kind.accepts(item) for item in value),
    )


def one_of(names: Collection[str]) -> Kind:
    return Kind(" or ".join(names), lambda value: isinstance(value, str) and value in names)


def check(owner: object, **kinds: Kind) -> None:
    """Raise FieldError for the first attribute of `owner` that is not of its kind; make its strings well formed."""
    for field, kind in kinds.items():
        value = getattr(owner, field)
        if (problem := kind.problem(value)) is not None:
            raise FieldError(type(owner).__name__, field, problem)
        if isinstance(value, str) and (text := well_formed(value)) is not value:
            object.__setattr__(owner, field, text)


def display(value: object, limit: int = 80) -> str:
    """The value for an error message: at most `limit` characters, with its type where the text alone may mislead."""
    try:
        text = repr(value)
    except BaseException:  # of a value of user code; of a whole number with thousands of digits too
        text = "(a value without a text)"
    text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return text if value is None or isinstance(value, str) else f"{text} ({type(value).__name__})"


def unknown(kind: str, name: object, allowed: Iterable[str]) -> str:
    """`unknown action 'txt'; did you mean 'text'? Actions: text, refusal, ...`"""
    names = list(allowed)
    return f"unknown {kind} '{name}'{suggestion(str(name), names, '.')} {kind.capitalize()}s: {', '.join(names)}"
