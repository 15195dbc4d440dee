"""Values that know their file, line and key path, so that every mistake can name them; and reads a script into such.

The data comes from the safe parsers; the lines from the node marks of YAML, which also reads nearly all JSON.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from assistants_emulator.errors import EmulatorError, ScriptError
from assistants_emulator.responders.scripts.yaml_limits import LimitedLoader, construct, single_node
from assistants_emulator.responders.validation import Kind, display, unknown

KeyPath: TypeAlias = tuple[str | int, ...]
Lines: TypeAlias = dict[KeyPath, int]
ScriptSource: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]
UNNAMED = "script"
_NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Origin:
    """A file or another source of values. `folder` is what paths in it are relative to; None: it may name no paths.

    `error` is raised for its mistakes.
    """

    name: str
    folder: Path | None = None
    lines: Lines = field(default_factory=dict)
    error: type[EmulatorError] = ScriptError


@dataclass(frozen=True, slots=True)
class Located:
    """A value in a script or a recording, and its place."""

    value: Any
    path: KeyPath
    origin: Origin

    def wrong(self, problem: str, key: str | None = None) -> EmulatorError:
        """The error to raise: `weather.yaml:7: replies[0].do[1]: problem`, with the line of `key` if that is given."""
        path = self.path if key is None else (*self.path, key)
        while path and path not in self.origin.lines:
            path = path[:-1]
        line = f":{self.origin.lines[path]}" if path in self.origin.lines else ""
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return self.origin.error(": ".join(part for part in (f"{self.origin.name}{line}", dotted, problem) if part))

    def child(self, key: str) -> Located:
        """The value under that key; this one itself if it has no such key."""
        if isinstance(self.value, dict) and key in self.value:
            return Located(self.value[key], (*self.path, key), self.origin)
        return self

    def fields(self, allowed: Iterable[str], required: Iterable[str] = (), kind: str = "key") -> dict[str, Located]:
        """An object's values by key, in the order of the file; any key that is not allowed is a mistake."""
        allowed = list(allowed)
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be an object with {', '.join(allowed)}, not {display(self.value)}")
        for key in self.value:
            if key not in allowed:
                raise self.wrong(unknown(kind, key, allowed), str(key))
        for key in required:
            if key not in self.value:
                raise self.wrong(f"{key} is missing; it needs {', '.join(required)}")
        return {key: self.child(key) for key in self.value}

    def of_kind(self, kind: Kind) -> Any:
        """The value, if it is of that kind."""
        if (problem := kind.problem(self.value)) is not None:
            raise self.wrong(problem)
        return self.value

    def get(self, key: str) -> Located:
        """The value under that key, None if there is none; an error if this is no object."""
        return Located(self.object().get(key), (*self.path, key), self.origin)

    def object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be an object, not {display(self.value)}")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong(f"must be a string, not {display(self.value)}")
        return self.value

    def whole(self) -> int:
        """A whole number, also one that is written as a string."""
        try:
            if isinstance(self.value, bool):
                raise ValueError
            return int(self.value)
        except (TypeError, ValueError, OverflowError):
            raise self.wrong(f"must be a whole number, not {display(self.value)}") from None

    def items(self) -> list[Located]:
        if not isinstance(self.value, list):
            raise self.wrong(f"must be a list, not {display(self.value)}")
        return [Located(item, (*self.path, index), self.origin) for index, item in enumerate(self.value)]


def read_script(source: ScriptSource, *, allow_paths: bool) -> Located:
    """The script as a whole, from a file, from text with line breaks, or from an object.

    Without `allow_paths` it must be an object or text: a script from the network must not name a file of this machine.
    """
    if isinstance(source, str) and "\n" in source:
        return _parse_yaml(source, Origin(UNNAMED, Path() if allow_paths else None))
    if isinstance(source, Mapping):
        return Located(copy.deepcopy(dict(source)), (), Origin(UNNAMED, Path() if allow_paths else None))
    if not allow_paths or not isinstance(source, str | os.PathLike):
        raise ScriptError(f"{UNNAMED}: must be an object with version, replies, not {display(source)}")
    path = Path(source)
    origin = Origin(str(path), path.parent)
    return (_parse_json if path.suffix.lower() == ".json" else _parse_yaml)(_text(path), origin)


def parse(text: str, source: str) -> Located:
    """The value of a YAML text, which mistakes call `source`; it may name no paths."""
    return _parse_yaml(text, Origin(source))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScriptError(f"{path}: is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ScriptError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _parse_json(text: str, origin: Origin) -> Located:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ScriptError(f"{origin.name}:{error.lineno}: is not JSON: {error.msg}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise ScriptError(f"{origin.name}: is not JSON: {error}") from None
    try:
        _compose(LimitedLoader(text), origin)
    except _NOT_YAML:  # tabs, for one, are JSON but not YAML: then errors name no lines
        origin.lines.clear()
        json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, origin))
    return Located(data, (), origin)


def _parse_yaml(text: str, origin: Origin) -> Located:
    try:
        loader = LimitedLoader(text)
        return Located(construct(loader, _compose(loader, origin)), (), origin)
    except _NOT_YAML as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        line = f":{mark.line + 1}" if mark else ""
        if problem.startswith("found unknown escape character"):
            problem += "; in double quotes a backslash is written twice, in single quotes once: '\\w'"
        raise ScriptError(f"{origin.name}{line}: is not YAML: {problem}") from None


def _compose(loader: LimitedLoader, origin: Origin) -> yaml.Node:
    node = single_node(loader, may_contain_itself=True)
    if node is None:
        raise ScriptError(f"{origin.name}: is empty")
    _note_lines(node, (), origin, set())
    return node


def _note_lines(node: yaml.Node, path: KeyPath, origin: Origin, seen: set[int]) -> None:
    """Fill the origin's lines. An alias is walked only where it was defined: it may contain itself."""
    origin.lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*path, index), origin, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if (*path, str(key.value)) in origin.lines:
                raise ScriptError(f"{origin.name}:{key.start_mark.line + 1}: the key '{key.value}' is given twice")
            origin.lines[(*path, str(key.value))] = key.start_mark.line + 1
            _note_lines(item, (*path, str(key.value)), origin, seen)


def _unique(pairs: list[tuple[str, Any]], origin: Origin) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if repeated := next((key for key in keys if keys.count(key) > 1), None):
        raise ScriptError(f"{origin.name}: the key '{repeated}' is given twice")
    return dict(pairs)
