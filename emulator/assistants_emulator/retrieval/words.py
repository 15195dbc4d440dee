"""Selection of a query's words: those that most chunks hold find nothing in particular.

In a store of three chunks counting says little, so the function words of English are listed here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

MAX_WORDS = 64  # of one query; a question has ten, and a pasted document would cost a look-up for each
MAX_POSTINGS = 10_000
"""Chunks that one query may visit, counted per word, rarest words first.

10,000 take about 10 ms, and a word that is common enough to exceed that weighs next to nothing.
"""

STEM = 6  # characters
_WORD = re.compile(r"[^\W_]+")  # as the unicode61 tokenizer splits words
_FUNCTION_WORDS = frozenset(  # s and t are left of "company's" and "don't" by the tokenizer
    """
    a about am an and any are as at be been but by can could did do does for from had has have how i if in into is it
    its many me much my no not of on or our s shall should so t than that the their them then there these they this
    those to us was we were what when where which who whom whose why will with would you your
    """.split()  # noqa: SIM905
)


def words_of(query: str) -> list[str]:
    """Return the distinct words in order, of letters and digits only, which FTS5 reads as no operator."""
    words = _WORD.findall(unicodedata.normalize("NFC", query))
    return list(dict.fromkeys(word.lower() for word in words))[:MAX_WORDS]


def content_words(text: str) -> set[str]:
    """Return a text's words without function words, cut to their beginnings so that `days` equals `day`.

    For comparing two texts, without the index's stemmer.
    """
    return {word[:STEM].removesuffix("s") for word in words_of(text) if word not in _FUNCTION_WORDS}


def selective_terms(words: list[str], count: Callable[[str], int], chunks: int) -> dict[str, int]:
    """Return the words to search for, rarest first, with the number of chunks that hold each.

    `count(word)` gives that number; `chunks` is the number of all chunks in the store. Words of no chunk are left out;
    function words, and then words of more than half of the chunks, are left out unless nothing else is left.
    """
    content = [word for word in words if word not in _FUNCTION_WORDS]
    counts = _counted(content, count) or _counted(words, count)
    rare = {word: number for word, number in counts.items() if number <= chunks / 2}
    # in a large store a word of most chunks finds nothing in particular, and ranking them all takes 0.3 s
    return _affordable(rare or {word: number for word, number in counts.items() if number <= MAX_POSTINGS})


def _counted(words: list[str], count: Callable[[str], int]) -> dict[str, int]:
    return {word: number for word in words if (number := count(word))}


def _affordable(counts: dict[str, int]) -> dict[str, int]:
    """Return the rarest word in any case, then as many as MAX_POSTINGS allows."""
    terms: dict[str, int] = {}
    for word, number in sorted(counts.items(), key=lambda item: item[1]):
        if terms and sum(terms.values()) + number > MAX_POSTINGS:
            break
        terms[word] = number
    return terms
