"""The passages that a message cites. The API says only which file; which passage, the run's own searches show, or the
responder has said."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.retrieval import MARKER
from assistants_emulator.store import Object

_WORD = re.compile(r"\w{3,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n{2,}")
MOST_AROUND = 300  # characters shown on either side of what is most alike
MOST_BEFORE = 400  # characters of the message that are compared with a passage


@dataclass(frozen=True, slots=True)
class Footnote:
    """`passage` is cut in three, the middle one being what is most alike; None where nobody knows."""

    number: int
    kind: str
    file_id: str
    filename: str
    passage: tuple[str, str, str] | None


def footnotes(context: Context, message: Object, part: Object) -> list[Footnote]:
    """Of one text of a message, in the order of its annotations."""
    text = part["text"]
    notes = []
    for number, note in enumerate(text.get("annotations") or ()):
        kind = note.get("type", "")
        file_id = str((note.get(kind) or {}).get("file_id", ""))
        file = context.store.get("files", file_id)
        said = text["value"][: note.get("start_index") or 0][-MOST_BEFORE:]
        quote = message.get("_quotes", {}).get(note.get("text"), "")
        passage = _passage(context, message, file_id, said, quote) if kind == "file_citation" else None
        notes.append(Footnote(number, kind, file_id, file["filename"] if file else file_id, passage))
    return notes


def _passage(context: Context, message: Object, file_id: str, said: str, quote: str) -> tuple[str, str, str] | None:
    wanted = _words(MARKER.sub(" ", said))
    chunks = list(_found(context, message.get("run_id"), file_id))
    if not chunks:
        return ("", quote, "") if quote else None
    best = max(chunks, key=lambda chunk: _likeness(wanted, chunk))
    return _marked(best, wanted)


def _found(context: Context, run_id: Any, file_id: str) -> Iterator[str]:
    """The chunks of the file that the run's searches found, in their order."""
    for step in context.store.of("steps", "run_id", run_id) if run_id else ():
        for call in step["step_details"].get("tool_calls", []):
            for result in (call.get("file_search") or {}).get("results") or []:
                if result.get("file_id") == file_id:
                    yield from (piece["text"] for piece in result.get("content") or [] if piece.get("text"))


def _marked(chunk: str, wanted: set[str]) -> tuple[str, str, str]:
    spans, at = [], 0
    for between in [*_SENTENCE.finditer(chunk), None]:
        end = between.start() if between else len(chunk)
        spans.append((at, end))
        at = between.end() if between else end
    start, end = max(spans, key=lambda span: _likeness(wanted, chunk[slice(*span)]))
    if not _likeness(wanted, chunk[start:end]):
        start = end = 0
    before, after = chunk[:start], chunk[end:]
    if len(before) > MOST_AROUND:
        before = f"… {before[-MOST_AROUND:].partition(' ')[2]}"
    if len(after) > MOST_AROUND:
        after = f"{after[:MOST_AROUND].rpartition(' ')[0]} …"
    return before, chunk[start:end], after


def _likeness(wanted: set[str], text: str) -> float:
    """What they have in common, long texts not being favoured for their length."""
    words = _words(text)
    return len(wanted & words) / math.sqrt(len(words) + 5)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
