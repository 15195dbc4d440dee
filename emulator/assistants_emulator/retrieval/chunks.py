"""A text cut into overlapping chunks, measured in estimated tokens: a quarter of the UTF-8 bytes, rounded up.

A chunk ends after a paragraph where one ends in its last quarter, else after a line, a sentence or a word; it begins
with a word. Every step looks at one chunk's length of text only, so time grows with the text alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BYTES_PER_TOKEN = 4
MAX_TOKENS = 800
OVERLAP_TOKENS = 400
_ENDS = ("\n\n", "\n", ". ", "。", " ", "\t")  # best first
_CONTINUATIONS = bytes(range(0x80, 0xC0))  # of UTF-8: the bytes that begin no character
_SPACES = re.compile(r"\s+")
_NO_SPACE = re.compile(r"\S")


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is `whole[start:end]`, offsets in characters, no white space at either end."""

    start: int
    end: int
    text: str


def tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def chunk(text: str, max_tokens: int = MAX_TOKENS, overlap: int = OVERLAP_TOKENS) -> list[Chunk]:
    """In order, together holding every word; neighbours share up to `overlap` tokens, which is at most half of
    `max_tokens`. None for a text of white space."""
    return list(_chunks(text, max_tokens * BYTES_PER_TOKEN, min(overlap, max_tokens // 2) * BYTES_PER_TOKEN))


def _chunks(text: str, size: int, overlap: int) -> Iterator[Chunk]:
    end_of_text = len(text.rstrip())
    start = _next_word(text, 0)
    while start < end_of_text:
        cut = _cut(text, start, size, end_of_text)
        piece = text[start:cut].rstrip()
        yield Chunk(start, start + len(piece), piece)
        if cut >= end_of_text:
            return
        start = _next_word(text, max(start + 1, _step_back(text, start, cut, overlap)))


def _cut(text: str, start: int, size: int, end_of_text: int) -> int:
    """Where the chunk from `start` ends: at most `size` bytes on, and more than half of that, so that steps back by the
    overlap never stand still."""
    window = text[start : start + size].encode("utf-8", "surrogatepass")
    latest = start + max(1, _characters(window, size))
    if latest >= end_of_text:
        return end_of_text
    earliest = start + _characters(window, size * 3 // 4)
    for ending in _ENDS:
        found = text.rfind(ending, earliest, latest)
        if found >= 0:
            return found + len(ending)
    return latest


def _step_back(text: str, start: int, cut: int, overlap: int) -> int:
    """The first word within `overlap` bytes before `cut`; the very character where there is no word's beginning."""
    if not overlap:
        return cut
    tail = text[start:cut].encode("utf-8", "surrogatepass")
    earliest = start + _characters(tail, max(0, len(tail) - overlap), whole=False)
    space = _SPACES.search(text, max(start, earliest - 1), cut)
    return space.end() if space and space.end() < cut else earliest


def _next_word(text: str, at: int) -> int:
    found = _NO_SPACE.search(text, at)
    return found.start() if found else len(text)


def _characters(encoded: bytes, size: int, whole: bool = True) -> int:
    """How many characters the first `size` bytes hold; one that is cut in two counts only if not `whole`."""
    begun = len(encoded[:size].translate(None, _CONTINUATIONS))
    torn = size < len(encoded) and encoded[size] & 0xC0 == 0x80
    return begun - 1 if torn and whole else begun
