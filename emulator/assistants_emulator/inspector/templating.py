"""The templates, with their functions and filters. Everything that a template prints is escaped unless it is Markup."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, Template
from markupsafe import Markup

from assistants_emulator.clock import machine_time
from assistants_emulator.inspector.citations import marked_words
from assistants_emulator.inspector.markdown import marked, marked_json, rendered

ROOT = "/_emulator"
EXCERPT = 140


def template(name: str) -> Template:
    return _ENVIRONMENT.get_template(name)


def path(project: str, /, *parts: str, **query: str) -> str:
    """The path of a project's page; project names and object ids may have any characters."""
    joined = "/".join([ROOT, "projects", *(quote(str(part), safe="", errors="replace") for part in (project, *parts))])
    return f"{joined}?{urlencode(query, encoding='utf-8', errors='replace')}" if query else joined


def instant(seconds: float | None) -> str:
    """`2025-01-01 00:00:00`, in UTC; empty for None, the number itself for years beyond the calendar."""
    if seconds is None:
        return ""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def shown_json(stored: dict[str, Any]) -> Markup:
    """An object as JSON without the emulator's own fields."""
    return marked_json({key: value for key, value in stored.items() if not key.startswith("_")})


def excerpt(text: str | None, length: int = EXCERPT) -> str:
    words = " ".join((text or "")[: 4 * length].split())
    return words if len(words) <= length else f"{words[: length - 1].rstrip()}…"


def size(count: int) -> str:
    """`12.3 kB`."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB", "GB"):
        count_of_unit = count / 1000 ** ("kB", "MB", "GB").index(unit) / 1000
        if count_of_unit < 1000 or unit == "GB":
            break
    return f"{count_of_unit:.1f} {unit}"


def duration(seconds: float | None) -> str:
    """`2 min 5 s`; timestamps are whole seconds, so that 0 means less than one."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 1:
        return "under 1 s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest)
    return " ".join(parts)


def milliseconds(seconds: float) -> str:
    """`0.8 ms`, `12 ms`, `1.5 s`; empty for a time that was not measured."""
    if not seconds:
        return ""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def counted(number: int, thing: str) -> str:
    """`1 thread`, `1,200 threads`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def words(status: str) -> str:
    return status.replace("_", " ")


def plain_json(value: Any) -> str:
    """Indented JSON for a form; escaped like any text."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def script_line(error: str) -> str:
    """The line that a script's error names; empty if it names none."""
    match = re.match(r"script:(\d+)", error)
    return "" if match is None else match[1]


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=ChainableUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals.update(path=path, ROOT=ROOT, markdown=rendered)
_ENVIRONMENT.filters.update(
    instant=instant,
    counted=counted,
    marked=marked,
    marked_json=marked_json,
    shown_json=shown_json,
    excerpt=excerpt,
    size=size,
    duration=duration,
    milliseconds=milliseconds,
    words=words,
    machine_time=machine_time,
    marked_words=marked_words,
    plain_json=plain_json,
    script_line=script_line,
)
