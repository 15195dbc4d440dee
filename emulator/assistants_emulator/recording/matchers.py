"""Whether a request is the recorded one. A matcher is a function of both that returns the difference, or None.

    def same_metadata(recorded: Request, asked: Request, ids: IdMapping) -> str | None: ...

Several differences are lines of one text. `ids.same(a, b)` compares texts with the ids in them matched up.
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
MOST_SHOWN = 80


def method(recorded: Request, asked: Request, ids: IdMapping) -> str | None:
    return None if recorded.method == asked.method else f"method is {asked.method}, recorded was {recorded.method}"


def path(recorded: Request, asked: Request, ids: IdMapping) -> str | None:
    ours, theirs = (unquote(request.path.partition("?")[0]) for request in (recorded, asked))
    return None if ids.same(ours, theirs) else f"path is {theirs}, recorded was {ours}"


def query(recorded: Request, asked: Request, ids: IdMapping) -> str | None:
    """In any order; keys of credentials do not count."""
    ours, theirs = _query(recorded), _query(asked)
    secret = {name for name, values in ours.items() if values == [PLACEHOLDER]}
    lines = [
        _line(f"query {name}", _single(ours.get(name)), _single(theirs.get(name)))
        for name in [*ours, *(name for name in theirs if name not in ours)]
        if name not in secret and not _same_list(ours.get(name), theirs.get(name), ids)
    ]
    return "\n".join(lines) or None


def body(recorded: Request, asked: Request, ids: IdMapping) -> str | None:
    """JSON by value: null is as good as missing, no body as `{}`; forms by fields, files by name and digest."""
    ours, theirs = _plain(recorded.body), _plain(asked.body)
    return "\n".join(_differences("body", ours, theirs, ids)) or None


def beta(recorded: Request, asked: Request, ids: IdMapping) -> str | None:
    """The version of the API, for a client that must not change it; not among the defaults."""
    ours, theirs = (request.headers.get("openai-beta") for request in (recorded, asked))
    return None if ours == theirs else _line("openai-beta", ours, theirs)


DEFAULT: tuple[Matcher, ...] = (method, path, query, body)


def _query(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.path.partition("?")[2], keep_blank_values=True):
        found.setdefault(name.removesuffix("[]"), []).append(value)
    return found


def _single(values: list[str] | None) -> Any:
    return values[0] if values is not None and len(values) == 1 else values


def _same_list(ours: list[str] | None, theirs: list[str] | None, ids: IdMapping) -> bool:
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    return all(ids.same(one, other) for one, other in zip(sorted(ours), sorted(theirs), strict=True))


def _plain(body: Body | None) -> Any:
    if body is None:
        return {}
    if body.kind == "form":
        return {part.name: _plain_part(part) for part in body.value}
    if body.kind == "file":
        return {"file": _digest(body.value)}
    return body.value


def _plain_part(part: Part) -> Any:
    if part.file is None:
        return part.value
    return {"filename": part.filename, "content": _digest(part.file)}


def _digest(file: Stored) -> str:
    return PLACEHOLDER if file.scrubbed else f"{file.size} bytes, sha256 {file.sha256}"


def _differences(place: str, ours: Any, theirs: Any, ids: IdMapping) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            yield from _differences(f"{place}.{key}", ours.get(key), theirs.get(key), ids)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        ours, theirs = _ordered(ours), _ordered(theirs)
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(f"{place}[{index}]", one, other, ids)
    elif isinstance(ours, str) and isinstance(theirs, str):
        if not ids.same(ours, theirs):
            yield _line(place, ours, theirs)
    elif ours != theirs or isinstance(ours, bool) is not isinstance(theirs, bool):
        yield _line(place, ours, theirs)


def _ordered(items: list[Any]) -> list[Any]:
    """Outputs of parallel tool calls may come in any order."""
    if all(isinstance(item, dict) and "tool_call_id" in item for item in items):
        return sorted(items, key=lambda item: str(item["tool_call_id"]))
    return items


def _line(place: str, ours: Any, theirs: Any) -> str:
    return f"{place} is {_shown(theirs, ours)}, recorded was {_shown(ours, theirs)}"


def _shown(value: Any, other: Any) -> str:
    """Long texts from shortly before they part."""
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
