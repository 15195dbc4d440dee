"""Functions that compare a request with a recorded one, and return the difference, or None.

    def same_metadata(recorded: Request, request: Request, ids: IdMapping) -> str | None: ...

Several differences are lines of one text. `ids.same(a, b)` compares texts, with the ids in them matched up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from assistants_emulator.recording.exchange import Body, Part, Request, Stored
from assistants_emulator.recording.id_mapping import IdMapping
from assistants_emulator.recording.scrub import PLACEHOLDER

Matcher = Callable[[Request, Request, IdMapping], str | None]
MOST_SHOWN = 80  # characters of a value


def method(recorded: Request, request: Request, ids: IdMapping) -> str | None:
    return None if recorded.method == request.method else f"method is {request.method}, recorded was {recorded.method}"


def path(recorded: Request, request: Request, ids: IdMapping) -> str | None:
    expected, actual = (unquote(side.path.partition("?")[0]) for side in (recorded, request))
    return None if ids.same(expected, actual) else f"path is {actual}, recorded was {expected}"


def query(recorded: Request, request: Request, ids: IdMapping) -> str | None:
    """In any order; keys of credentials do not count."""
    expected, actual = _query(recorded), _query(request)
    secret = {name for name, values in expected.items() if values == [PLACEHOLDER]}
    lines = [
        _line(f"query {name}", _single(expected.get(name)), _single(actual.get(name)))
        for name in [*expected, *(name for name in actual if name not in expected)]
        if name not in secret and not _same_list(expected.get(name), actual.get(name), ids)
    ]
    return "\n".join(lines) or None


def body(recorded: Request, request: Request, ids: IdMapping) -> str | None:
    """JSON by value: null, and a `stream` that is false, are as good as missing, no body as `{}`; forms by fields,
    files by name and digest."""
    expected, actual = _plain(recorded.body), _plain(request.body)
    return "\n".join(_differences("body", expected, actual, ids)) or None


def beta(recorded: Request, request: Request, ids: IdMapping) -> str | None:
    """The version of the API, for a client that must not change it; not among the defaults."""
    expected, actual = (side.headers.get("openai-beta") for side in (recorded, request))
    return None if expected == actual else _line("openai-beta", expected, actual)


DEFAULT: tuple[Matcher, ...] = (method, path, query, body)


def _query(request: Request) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.path.partition("?")[2], keep_blank_values=True):
        values.setdefault(name.removesuffix("[]"), []).append(value)
    return values


def _single(values: list[str] | None) -> Any:
    return values[0] if values is not None and len(values) == 1 else values


def _same_list(expected: list[str] | None, actual: list[str] | None, ids: IdMapping) -> bool:
    if expected is None or actual is None or len(expected) != len(actual):
        return False
    return all(ids.same(a, b) for a, b in zip(sorted(expected), sorted(actual), strict=True))


def _plain(body: Body | None) -> Any:
    if body is None:
        return {}
    if body.kind == "form":
        return {part.name: _plain_part(part) for part in body.value}
    if body.kind == "file":
        return {"file": _digest(body.value)}
    if isinstance(body.value, dict) and body.value.get("stream") is False:
        return {name: value for name, value in body.value.items() if name != "stream"}
    return body.value


def _plain_part(part: Part) -> Any:
    if part.file is None:
        return part.value
    return {"filename": part.filename, "content": _digest(part.file)}


def _digest(file: Stored) -> str:
    return PLACEHOLDER if file.scrubbed else f"{file.size} bytes, sha256 {file.sha256}"


def _differences(place: str, expected: Any, actual: Any, ids: IdMapping) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in [*expected, *(key for key in actual if key not in expected)]:
            yield from _differences(f"{place}.{key}", expected.get(key), actual.get(key), ids)
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        expected, actual = _ordered(expected), _ordered(actual)
        for index, (a, b) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(f"{place}[{index}]", a, b, ids)
    elif isinstance(expected, str) and isinstance(actual, str):
        if not ids.same(expected, actual):
            yield _line(place, expected, actual)
    elif expected != actual or isinstance(expected, bool) is not isinstance(actual, bool):
        yield _line(place, expected, actual)


def _ordered(items: list[Any]) -> list[Any]:
    """Outputs of parallel tool calls may come in any order."""
    if all(isinstance(item, dict) and "tool_call_id" in item for item in items):
        return sorted(items, key=lambda item: str(item["tool_call_id"]))
    return items


def _line(place: str, expected: Any, actual: Any) -> str:
    return f"{place} is {_shown(actual, expected)}, recorded was {_shown(expected, actual)}"


def _shown(value: Any, other: Any) -> str:
    """A long text is shown from 20 characters before its first difference from `other`."""
    if value is None:
        return "missing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MOST_SHOWN and isinstance(value, str) and isinstance(other, str):
        pairs = enumerate(zip(text, other, strict=False))
        start = max(0, next((n for n, (a, b) in pairs if a != b), min(len(text), len(other))) - 20)
        text = f"{'...' if start else ''}{text[start : start + MOST_SHOWN]}..."
    elif len(text) > MOST_SHOWN:
        text = f"{text[:MOST_SHOWN]}..."
    return repr(text) if isinstance(value, str) else text
