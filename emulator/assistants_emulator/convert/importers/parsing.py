"""Reads a recording's file into plain data: JSON, or YAML with the tags of Ruby and Python.

The loader is safe: a tag never creates an object, its node stays the mapping, list or text that it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import yaml

from assistants_emulator.errors import EmulatorError
from assistants_emulator.responders.scripts.located import Located, Origin
from assistants_emulator.responders.scripts.yaml_limits import LimitedComposer, construct, single_node
from assistants_emulator.store.blobs import decode_base64


class ImportFault(EmulatorError):
    """A recording that cannot be read; the message names the file and the place in it."""


Progress = Callable[[int, int], None]
"""Called with the number of bytes read so far, and of all."""


_Fastest: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(LimitedComposer, _Fastest):  # type: ignore[misc]
    """PyYAML's safe loader, the fast one where there is one, with tags of other languages ignored."""

    def __init__(self, stream: Any) -> None:
        _Fastest.__init__(self, stream)
        LimitedComposer.__init__(self)


def _binary(loader: Any, node: yaml.Node) -> bytes:
    """`!binary` is Ruby's, `!!binary` YAML's own."""
    try:
        return decode_base64("".join(str(loader.construct_scalar(node)).split()))
    except ValueError as error:
        raise yaml.constructor.ConstructorError(None, None, f"this is not base64: {error}", node.start_mark) from None


def _plain(loader: Any, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        mapping = loader.construct_mapping(node, deep=True)
        return mapping["str"] if set(mapping) == {"str"} else mapping  # a Ruby string with instance variables
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_constructor("!binary", _binary)
_Loader.add_constructor("tag:yaml.org,2002:binary", _binary)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
_Loader.add_multi_constructor("", _plain)


def read_file(path: Path, progress: Progress | None) -> Located:
    """The file's content; ImportFault in one line, with line or position, for one that is neither JSON nor YAML."""
    try:
        with open(path, "rb") as file:
            size = path.stat().st_size
            start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
            file.seek(0)
            stream = file if progress is None else _ProgressReader(file, size, progress)
            value = _json(path, file.read()) if start[:1] in (b"{", b"[") else _yaml(path, stream)
            if progress is not None:
                progress(size, size)
    except OSError as error:
        raise ImportFault(f"{path}: cannot be read: {error.strerror}") from None
    return Located(value, (), Origin(str(path), error=ImportFault))


def _json(path: Path, raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ImportFault(f"{path}:{error.lineno}: is not JSON: {error.msg}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise ImportFault(f"{path}: is not JSON: {error}") from None


def _yaml(path: Path, stream: IO[bytes] | _ProgressReader) -> Any:
    try:
        loader = _Loader(stream)
        try:
            root = single_node(loader)
            return None if root is None else construct(loader, root)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        marked = error if isinstance(error, yaml.MarkedYAMLError) else None
        mark = marked and (marked.problem_mark or marked.context_mark)
        problem = (marked and marked.problem) or " ".join(str(error).split())
        raise ImportFault(f"{path}{f':{mark.line + 1}' if mark else ''}: is not YAML: {problem}") from None


class _ProgressReader:
    """A file that reports how far it has been read."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress) -> None:
        self._file, self._size, self._progress, self._done = file, size, progress, 0

    def read(self, most: int = -1) -> bytes:
        chunk = self._file.read(most)
        self._done += len(chunk)
        self._progress(self._done, self._size)
        return chunk
