"""Two runs, threads, responses or conversations side by side, with their differences marked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from markupsafe import Markup, escape
from starlette.responses import Response

from assistants_emulator.inspector.conversation import first_text, text_of
from assistants_emulator.inspector.lists import run_row
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.inspector.responses import conversation_row, response_row
from assistants_emulator.inspector.responses import lasted as response_lasted
from assistants_emulator.inspector.search import question, usage_of
from assistants_emulator.inspector.templating import duration, excerpt
from assistants_emulator.inspector.timeline import answered_by, lasted
from assistants_emulator.project.transcript import run_transcript, transcript, transcript_of
from assistants_emulator.resources.context import Context
from assistants_emulator.store import Object, Store

TABLES = ("runs", "threads", "responses", "conversations")
OFFERED = 20
MOST_LINES = 400  # the newest of each side
MOST_CHARACTERS = 2000  # of a line
MOST_WORDS = 400  # of a line whose words are compared
_WORDS = re.compile(r"(\s+)")
_ENTRY_END = re.compile(r"\n(?! {4})")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of both sides; None where a side has no such line."""

    label: str
    left: Markup | None
    right: Markup | None
    differs: bool


async def compare(request: PageRequest) -> Response:
    """The comparison of the objects that the query names as `a` and `b`; with `a` alone, a list to choose `b` from."""
    context = request.context
    ids = [request.query("a").strip(), request.query("b").strip()]
    tables = [_table(context, id) for id in ids]
    unknown = [id for id, table in zip(ids, tables, strict=True) if id and not table]
    missing = [f"There is no run, thread, response or conversation {id!r}." for id in unknown]
    if not missing and all(tables) and tables[0] != tables[1]:
        missing = [f"These are of two kinds: {tables[0]} are compared with {tables[0]}."]
    values: dict[str, Any] = {"a": ids[0], "b": ids[1], "facts": None, "lines": None, "rows": [], "table": tables[0]}
    if not missing and tables[0] and tables[0] == tables[1]:
        left, right = (context.store.get(tables[0], id) or {} for id in ids)
        sides = _facts(request, tables[0], left), _facts(request, tables[0], right)
        entries = _entries(context, tables[0], left), _entries(context, tables[0], right)
        values["facts"] = [_fact(name, sides[0][name], sides[1][name]) for name in sides[0]]
        values["lines"] = await asyncio.to_thread(lambda: list(aligned(*entries)))
    elif tables[0] and not ids[1]:
        values["rows"] = _offered(context, tables[0], ids[0])
    return request.render("compare.html", status=404 if missing else 200, error=" ".join(missing) or None, **values)


def aligned(left: list[str], right: list[str]) -> Iterator[Line]:
    """The lines of both sides, equal ones next to each other."""
    for operation, start, end, other_start, other_end in SequenceMatcher(None, left, right).get_opcodes():
        for one, other in zip_longest(left[start:end], right[other_start:other_end]):
            yield _line("", one, other, operation == "equal")


def _fact(label: str, left: str, right: str) -> Line:
    """A line with the whole texts only where they differ."""
    return _line(label, *((excerpt(left), excerpt(right)) if left == right else (left, right)))


def _line(label: str, left: str | None, right: str | None, is_equal: bool | None = None) -> Line:
    if left == right if is_equal is None else is_equal:
        return Line(label, escape(left or ""), escape(right or ""), False)
    if left is None or right is None:
        return Line(label, None if left is None else escape(left), None if right is None else escape(right), True)
    return Line(label, *_marked(left, right), True)


def _marked(left: str, right: str) -> tuple[Markup, Markup]:
    """Both texts, with marks around the words that the other does not have in that place."""
    words, others = _WORDS.split(left), _WORDS.split(right)
    if max(len(words), len(others)) > MOST_WORDS:
        return _mark(left), _mark(right)
    marked: tuple[list[Markup], list[Markup]] = ([], [])
    for operation, start, end, other_start, other_end in SequenceMatcher(None, words, others, False).get_opcodes():
        texts = "".join(words[start:end]), "".join(others[other_start:other_end])
        for pieces, text in zip(marked, texts, strict=True):
            pieces.append(escape(text) if operation == "equal" else _mark(text))
    return Markup("").join(marked[0]), Markup("").join(marked[1])


def _mark(text: str) -> Markup:
    return Markup("<mark>{}</mark>").format(text) if text else Markup("")


def _table(context: Context, id: str) -> str:
    return next((table for table in TABLES if id and context.store.get(table, id)), "")


class _Newest:
    """The newest objects of each list of a store: all that can have one of the newest MOST_LINES lines."""

    def __init__(self, store: Store) -> None:
        self.get, self.number = store.get, store.number
        self._of = store.of

    def of(self, table: str, field: str, parent: str) -> Iterable[Object]:
        return self._of(table, field, parent)[-MOST_LINES:]


def _entries(context: Context, table: str, stored: Object) -> list[str]:
    """The entries of its transcript; a run's begin with its question."""
    if table == "runs":
        asked = question(context, stored)
        first = [f"user: {text_of(asked)}"] if asked else []
        text = run_transcript(context.store, stored)
    elif table == "threads":
        first, text = [], transcript(_Newest(context.store), stored["id"])
    else:
        first, text = [], transcript_of(context.store, stored["id"]) or ""
    entries = first + [entry for entry in _ENTRY_END.split(text) if entry]
    return [entry.replace("\n    ", "\n")[:MOST_CHARACTERS] for entry in entries[-MOST_LINES:]]


def _facts(request: PageRequest, table: str, stored: Object) -> dict[str, str]:
    context = request.context
    metadata = ", ".join(f"{key}: {value}" for key, value in (stored.get("metadata") or {}).items())
    if table in ("runs", "responses"):
        took = lasted(stored) if table == "runs" else response_lasted(stored)
        return {
            "Status": stored["status"].replace("_", " "),
            **({"Assistant": _assistant(context, stored)} if table == "runs" else {}),
            "Model": str(stored["model"]),
            "Instructions": str(stored["instructions"] or ""),
            "Tools": ", ".join(_tool(tool) for tool in stored["tools"]),
            "Answered by": answered_by(request.project, stored),
            "Took": duration(took),
            "Tokens": str((stored["usage"] or {}).get("total_tokens", "")),
            "Metadata": metadata,
        }
    if table == "threads":
        runs = context.store.of("runs", "thread_id", stored["id"])[:]
        messages = context.store.count("messages", "thread_id", stored["id"])
        return {
            "Messages": str(messages),
            "Runs": str(len(runs)),
            "Failed runs": str(sum(run["status"] == "failed" for run in runs)),
            "Assistants": ", ".join(dict.fromkeys(_assistant(context, run) for run in runs)),
            "Tokens": str(usage_of(runs)),
            "Metadata": metadata,
        }
    row = conversation_row(context, stored)
    return {"Items": str(row["items"]), "Responses": str(row["responses"]), "Metadata": metadata}


def _tool(tool: Object) -> str:
    name = (tool.get("function") or tool).get("name")
    return f"{name}()" if name else str(tool.get("type", "")).replace("_", " ")


def _assistant(context: Context, run: Object) -> str:
    assistant = context.store.get("assistants", run["assistant_id"]) or {}
    return str(assistant.get("name") or run["assistant_id"])


def _offered(context: Context, table: str, id: str) -> list[tuple[str, str, int]]:
    """The ids, titles and times of the newest others of the kind."""
    newest = context.store.page(table, limit=OFFERED + 1, descending=True).items
    return [(each["id"], _title(context, table, each), each["created_at"]) for each in newest if each["id"] != id]


def _title(context: Context, table: str, stored: Object) -> str:
    match table:
        case "runs":
            return str(run_row(context, stored)["title"])
        case "threads":
            return first_text(context, stored["id"])
        case "responses":
            return str(response_row(context, stored)["title"])
    return str(conversation_row(context, stored)["title"])
