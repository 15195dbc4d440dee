"""A responder that searches the run's files, and replies with the best passage and its citation."""

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
    """Reply with the sentence of the best chunk that shares most words with the question; for `respond`."""
    question = turn.last_message.text if turn.last_message else ""
    yield FileSearch(question)
    hits = turn.search(question, 1)
    if not hits or not hits[0].score:
        yield Text(NOTHING_FOUND)
    else:
        yield Text(best_passage(hits[0].text, question), citations=hits)


def best_passage(text: str, question: str) -> str:
    """The passage that shares most words with the question, the shortest and first of those; one line."""
    wanted = content_words(question)
    passages = list(_passages(text))
    # a heading often holds the words and the sentence after it the answer, so neighbours are candidates together too
    candidates = [*passages, *(f"{first} {second}" for first, second in pairwise(passages))]
    return max(candidates, key=lambda passage: (len(wanted & content_words(passage)), -len(passage)), default=text)


def _passages(text: str) -> Iterator[str]:
    """The sentences of a text; of a table (lines with tabs) each row with the first, which names the columns."""
    for is_row, lines in groupby(text.splitlines(), key=lambda line: "\t" in line):
        if is_row:
            columns, *rows = [" | ".join(line.split("\t")) for line in lines]
            yield from (f"{columns}: {row}" for row in rows)
        else:
            for paragraph in "\n".join(lines).split("\n\n"):
                sentences = _SENTENCE_END.split(paragraph)
                yield from (" ".join(sentence.split()) for sentence in sentences if sentence.strip())
