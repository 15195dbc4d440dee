"""A text cut into overlapping chunks, measured in estimated tokens: a quarter of the UTF-8 bytes, rounded up.

A chunk ends after a paragraph if one ends in its last quarter, else after a line, a sentence or a word; it begins with
a word. Every step looks at one chunk's length of text only, so time is linear in the text.
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
    """Estimate the number of tokens of a text."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def chunk(text: str, max_tokens: int = MAX_TOKENS, overlap: int = OVERLAP_TOKENS) -> list[Chunk]:
    """Cut the text into chunks, in order; an empty list for white space.

    Every word is in one; neighbours share up to `overlap` tokens, and at most half of `max_tokens`.
    """
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
    """Return the end of the chunk from `start`: at most `size` bytes on, and more than half of that, so that steps back
    by the overlap make progress."""
    window = text[start : start + size].encode("utf-8", "surrogatepass")
    latest = start + max(1, _characters(window, size))
    if latest >= end_of_text:
        return end_of_text
    earliest = start + _characters(window, size * 3 // 4)
    for ending in _ENDS:
        position = text.rfind(ending, earliest, latest)
        if position >= 0:
            return position + len(ending)
    return latest


def _step_back(text: str, start: int, cut: int, overlap: int) -> int:
    """Return the start of the first word in the `overlap` bytes before `cut`, or of the first character without one."""
    if not overlap:
        return cut
    tail = text[start:cut].encode("utf-8", "surrogatepass")
    earliest = start + _characters(tail, max(0, len(tail) - overlap), whole=False)
    space = _SPACES.search(text, max(start, earliest - 1), cut)
    return space.end() if space and space.end() < cut else earliest


def _next_word(text: str, position: int) -> int:
    match = _NO_SPACE.search(text, position)
    return match.start() if match else len(text)


def _characters(encoded: bytes, size: int, whole: bool = True) -> int:
    """Count the characters in the first `size` bytes; one that is cut in two counts only if not `whole`."""
    count = len(encoded[:size].translate(None, _CONTINUATIONS))
    is_cut = size < len(encoded) and encoded[size] & 0xC0 == 0x80
    return count - 1 if is_cut and whole else count
