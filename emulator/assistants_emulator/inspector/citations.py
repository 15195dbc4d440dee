"""The passages that a message cites. The API names only the file; the passage is taken from the results of the run's
searches, or from the responder's citation."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from assistants_emulator.resources.context import Context
from assistants_emulator.retrieval import MARKER, content_words
from assistants_emulator.store import Object

_WORD = re.compile(r"\w{3,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n{2,}")
MOST_AROUND = 300  # characters shown on either side of the most similar sentence
MOST_BEFORE = 400  # characters of the message that are compared with a passage


@dataclass(frozen=True, slots=True)
class Footnote:
    """A citation of a file. `passage` is the text before, in and after the cited sentence; None if it is unknown."""

    number: int
    kind: str
    file_id: str
    filename: str
    passage: tuple[str, str, str] | None


def footnotes(context: Context, message: Object, part: Object) -> list[Footnote]:
    """The footnotes of one text part of a message, in the order of its annotations."""
    text = part["text"]
    notes = []
    for number, note in enumerate(text.get("annotations") or ()):
        kind = note.get("type", "")
        file_id = str((note.get(kind) or {}).get("file_id", ""))
        file = context.store.get("files", file_id)
        claim = text["value"][: note.get("start_index") or 0][-MOST_BEFORE:]
        quote = message.get("_quotes", {}).get(note.get("text"), "")
        passage = _passage(context, message, file_id, claim, quote) if kind == "file_citation" else None
        notes.append(Footnote(number, kind, file_id, file["filename"] if file else file_id, passage))
    return notes


def _passage(context: Context, message: Object, file_id: str, claim: str, quote: str) -> tuple[str, str, str] | None:
    """The chunk that has most in common with the text before the citation; the responder's quote without a chunk."""
    words = _words(MARKER.sub(" ", claim))
    chunks = list(_chunks(context, message.get("run_id"), file_id))
    if not chunks:
        return ("", quote, "") if quote else None
    best = max(chunks, key=lambda chunk: _similarity(words, chunk))
    return _marked(best, words)


def _chunks(context: Context, run_id: Any, file_id: str) -> Iterator[str]:
    """The chunks of the file that the run's searches found, in their order."""
    for step in context.store.of("steps", "run_id", run_id) if run_id else ():
        for call in step["step_details"].get("tool_calls", []):
            for result in (call.get("file_search") or {}).get("results") or []:
                if result.get("file_id") == file_id:
                    yield from (piece["text"] for piece in result.get("content") or [] if piece.get("text"))


def _marked(chunk: str, words: set[str]) -> tuple[str, str, str]:
    """The chunk cut in three, the sentence that is most similar in the middle."""
    spans, at = [], 0
    for between in [*_SENTENCE.finditer(chunk), None]:
        end = between.start() if between else len(chunk)
        spans.append((at, end))
        at = between.end() if between else end
    start, end = max(spans, key=lambda span: _similarity(words, chunk[slice(*span)]))
    if not _similarity(words, chunk[start:end]):
        start = end = 0
    before, after = chunk[:start], chunk[end:]
    if len(before) > MOST_AROUND:
        before = f"… {before[-MOST_AROUND:].partition(' ')[2]}"
    if len(after) > MOST_AROUND:
        after = f"{after[:MOST_AROUND].rpartition(' ')[0]} …"
    return before, chunk[start:end], after


def _similarity(words: set[str], text: str) -> float:
    """The number of words in common, divided so that long texts have no advantage."""
    others = _words(text)
    return len(words & others) / math.sqrt(len(others) + 5)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def marked_words(text: str, words: set[str]) -> Markup:
    """The escaped text with a mark around each of these words, which are `content_words` of a query."""
    pieces, at = [], 0
    for match in _WORD.finditer(text):
        if content_words(match[0]) & words:
            pieces += [escape(text[at : match.start()]), Markup("<mark>"), escape(match[0]), Markup("</mark>")]
            at = match.end()
    return Markup("").join([*pieces, escape(text[at:])])
