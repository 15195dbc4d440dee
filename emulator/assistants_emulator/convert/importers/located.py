"""A recording's file as plain data: JSON, or YAML read safely, whatever tags Ruby and Python have put into it.

A tag never makes an object: what it is put on is taken as the mapping, list or text that it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from assistants_emulator.errors import EmulatorError
from assistants_emulator.store.blobs import decode_base64


class ImportFault(EmulatorError):
    """A recording that cannot be read; the message names the file and the place in it."""


@dataclass(frozen=True, slots=True)
class Located:
    """`path` is the keys on the way to it: `interactions[3].response`."""

    value: Any
    file: str
    path: str = ""

    def wrong(self, problem: str) -> ImportFault:
        return ImportFault(": ".join(part for part in (self.file, self.path, problem) if part))

    def child(self, key: str) -> Located:
        """The value under that key, None where there is none; ImportFault if this is no object."""
        return Located(self.object().get(key), self.file, f"{self.path}.{key}".lstrip("."))

    def object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong(f"must be an object, not {_shown(self.value)}")
        return self.value

    def items(self) -> list[Located]:
        if not isinstance(self.value, list):
            raise self.wrong(f"must be a list, not {_shown(self.value)}")
        return [Located(item, self.file, f"{self.path}[{index}]") for index, item in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong(f"must be a string, not {_shown(self.value)}")
        return self.value

    def whole(self) -> int:
        """A whole number, also where it was written as a string."""
        try:
            if isinstance(self.value, bool):
                raise ValueError
            return int(self.value)
        except (TypeError, ValueError):
            raise self.wrong(f"must be a whole number, not {_shown(self.value)}") from None


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


Told = Callable[[int, int], None]
"""Called with how many bytes have been read, and of how many."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, the fast one where there is one, with tags of other languages taken for what they hold."""


def _binary(loader: Any, node: yaml.Node) -> bytes:
    """`!binary` is Ruby's, `!!binary` YAML's own."""
    try:
        return decode_base64("".join(str(loader.construct_scalar(node)).split()))
    except ValueError as error:
        raise yaml.constructor.ConstructorError(None, None, f"this is not base64: {error}", node.start_mark) from None


def _plain(loader: Any, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        held = loader.construct_mapping(node, deep=True)
        return held["str"] if set(held) == {"str"} else held  # a Ruby string that carried more than its text
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_constructor("!binary", _binary)
_Loader.add_constructor("tag:yaml.org,2002:binary", _binary)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
_Loader.add_multi_constructor("", _plain)


def read_file(path: Path, told: Told) -> Located:
    """What the file holds; ImportFault in one line, with line or position, for one that is neither JSON nor YAML."""
    try:
        with open(path, "rb") as file:
            size = path.stat().st_size
            start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
            file.seek(0)
            value = _json(path, file.read()) if start[:1] in (b"{", b"[") else _yaml(path, _Counting(file, size, told))
            told(size, size)
    except OSError as error:
        raise ImportFault(f"{path}: cannot be read: {error.strerror}") from None
    return Located(value, str(path))


def _json(path: Path, raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ImportFault(f"{path}:{error.lineno}: is not JSON: {error.msg}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise ImportFault(f"{path}: is not JSON: {error}") from None


def _yaml(path: Path, stream: _Counting) -> Any:
    try:
        return yaml.load(stream, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ImportFault(f"{path}{f':{mark.line + 1}' if mark else ''}: is not YAML: {problem}") from None


class _Counting:
    """A file that tells how far it has been read."""

    def __init__(self, file: IO[bytes], size: int, told: Told) -> None:
        self._file, self._size, self._told, self._done = file, size, told, 0

    def read(self, most: int = -1) -> bytes:
        chunk = self._file.read(most)
        self._done += len(chunk)
        self._told(self._done, self._size)
        return chunk
