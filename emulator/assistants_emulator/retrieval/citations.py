"""Citations in a message: the markers in its text and the annotations that explain them (dotnet FileSearchWorks)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_MARKER = re.compile(r"【[^【】]*†[^【】]*】")


def marker(message_number: int, number: int, filename: str) -> str:
    """`【4:0†favorite_foods.txt】`: the first citation of the fifth message."""
    return f"【{message_number}:{number}†{filename}】"


def cited_text(
    value: str, citations: Sequence[tuple[str, str]], message_number: int = 0
) -> tuple[str, list[dict[str, Any]]]:
    """The text with a marker for each `(file id, file name)`, and their annotations as a message stores them.

    Markers that the text has already are those of the first citations; the others' are put at its end. `start_index`
    and `end_index` count characters of the text with its markers.
    """
    there = [(found[0], found.start()) for found in _MARKER.finditer(value)]
    annotations = []
    for number, (file_id, filename) in enumerate(citations):
        if number < len(there):
            annotations.append(_annotation(*there[number], file_id))
            continue
        marked = marker(message_number, number, filename)
        annotations.append(_annotation(marked, len(value), file_id))
        value += marked
    return value, annotations


def _annotation(marked: str, start: int, file_id: str) -> dict[str, Any]:
    return {
        "type": "file_citation",
        "text": marked,
        "start_index": start,
        "end_index": start + len(marked),
        "file_citation": {"file_id": file_id},
    }
