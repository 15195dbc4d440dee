"""A responder that answers from the run's files: searches them, and replies with the best passage and its citation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise

from assistants_emulator.responders.replies import FileSearch, Text
from assistants_emulator.responders.turn import Turn
from assistants_emulator.retrieval import content_words

NOTHING_FOUND = "I found nothing about that in the files."
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n(?=[-*#])")


def answer_from_files(turn: Turn) -> Iterator[FileSearch | Text]:
    """For `respond(answer_from_files)`: the sentence of the best chunk that shares most words with the question."""
    question = turn.last_message.text if turn.last_message else ""
    yield FileSearch(question)
    found = turn.search(question, 1)
    if not found or not found[0].score:
        yield Text(NOTHING_FOUND)
    else:
        yield Text(best_passage(found[0].text, question), citations=found)


def best_passage(text: str, question: str) -> str:
    """One line: the passage that shares most words with the question, the shortest and first of those."""
    asked = content_words(question)
    passages = list(_passages(text))
    # a heading often holds the words and the sentence after it the answer, so neighbours are looked at together too
    candidates = [*passages, *(f"{first} {second}" for first, second in pairwise(passages))]
    return max(candidates, key=lambda passage: (len(asked & content_words(passage)), -len(passage)), default=text)


def _passages(text: str) -> Iterator[str]:
    """Sentences; and of a table (lines with tabs) each row together with the first, which names the columns."""
    for is_row, lines in groupby(text.splitlines(), key=lambda line: "\t" in line):
        if is_row:
            columns, *rows = [" | ".join(line.split("\t")) for line in lines]
            yield from (f"{columns}: {row}" for row in rows)
        else:
            for paragraph in "\n".join(lines).split("\n\n"):
                yield from (" ".join(one.split()) for one in _SENTENCE_END.split(paragraph) if one.strip())
