"""How a text is cut for a stream: token-like pieces, always the same for the same text."""

from __future__ import annotations

import re

MOST_PIECES = 4096  # a longer text gets longer pieces, so that a megabyte is not a quarter of a million events

_PIECE = re.compile(r" ?\w{1,16}|\s?[^\w\s]{1,4}|\s+")


def cut(text: str) -> list[str]:
    """The pieces of `text`, in order; joined they are the text."""
    pieces = _PIECE.findall(text)
    if len(pieces) <= MOST_PIECES:
        return pieces
    size = -(-len(pieces) // MOST_PIECES)
    return ["".join(pieces[start : start + size]) for start in range(0, len(pieces), size)]
