"""Citations in a message: markers in its text, and the annotations that explain them (dotnet FileSearchWorks)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

MARKER = re.compile(r"【[^【】]*†[^【】]*】")


def marker(message_number: int, number: int, filename: str) -> str:
    """Return `【4:0†favorite_foods.txt】` for the first citation of the fifth message."""
    return f"【{message_number}:{number}†{filename}】"


def cited_text(
    value: str, citations: Sequence[tuple[str, str]], message_number: int = 0
) -> tuple[str, list[dict[str, Any]]]:
    """Return the text with a marker for each `(file id, file name)`, and its annotations as a message stores them.

    Markers already in the text are those of the first citations; the others' are appended. `start_index` and
    `end_index` count characters of the text with its markers.
    """
    markers = [(match[0], match.start()) for match in MARKER.finditer(value)]
    annotations = []
    for number, (file_id, filename) in enumerate(citations):
        if number < len(markers):
            annotations.append(_annotation(*markers[number], file_id))
            continue
        text = marker(message_number, number, filename)
        annotations.append(_annotation(text, len(value), file_id))
        value += text
    return value, annotations


def _annotation(text: str, start: int, file_id: str) -> dict[str, Any]:
    return {
        "type": "file_citation",
        "text": text,
        "start_index": start,
        "end_index": start + len(text),
        "file_citation": {"file_id": file_id},
    }
