"""Which words of a question are searched for.

A question is full of words that tell nothing. Those in most chunks show themselves by counting; in a store of three
chunks counting says little, so the function words of English are known by name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

MAX_WORDS = 64  # of one query: a question has ten, a pasted document would cost a look-up for each
MAX_POSTINGS = 10_000
"""Places that one query may visit, rarest words first; 10,000 take about 10 ms, and a word so common that it goes over
that would hardly weigh anything."""

STEM = 6  # characters
_WORD = re.compile(r"[^\W_]+")  # what the unicode61 tokenizer takes for one
_FUNCTION_WORDS = frozenset(  # s and t: what the tokenizer leaves of "company's" and "don't"
    """
    a about am an and any are as at be been but by can could did do does for from had has have how i if in into is it
    its many me much my no not of on or our s shall should so t than that the their them then there these they this
    those to us was we were what when where which who whom whose why will with would you your
    """.split()  # noqa: SIM905
)


def words_of(query: str) -> list[str]:
    """Distinct, in order. None can mean anything to FTS5: only letters and digits are left."""
    found = _WORD.findall(unicodedata.normalize("NFC", query))
    return list(dict.fromkeys(word.lower() for word in found))[:MAX_WORDS]


def content_words(text: str) -> set[str]:
    """The words that tell what a text is about, cut to their beginnings so that `days` meets `day`; for comparing two
    texts, where the index's stemmer is out of reach."""
    return {word[:STEM].removesuffix("s") for word in words_of(text) if word not in _FUNCTION_WORDS}


def selective_terms(words: list[str], count: Callable[[str], int], chunks: int) -> dict[str, int]:
    """The words worth searching for, rarest first, with the number of chunks that each stands in.

    `count(word)` asks that number, `chunks` is that of the store. Words of no chunk are left out; function words, and
    then words of more than half of the chunks, are left out unless nothing else is left.
    """
    plain = [word for word in words if word not in _FUNCTION_WORDS]
    found = _counted(plain, count) or _counted(words, count)
    some = {word: number for word, number in found.items() if number <= chunks / 2}
    # in a large store a word of most chunks finds nothing in particular, and ranking them all takes 0.3 s
    return _affordable(some or {word: number for word, number in found.items() if number <= MAX_POSTINGS})


def _counted(words: list[str], count: Callable[[str], int]) -> dict[str, int]:
    return {word: number for word in words if (number := count(word))}


def _affordable(found: dict[str, int]) -> dict[str, int]:
    """Always the rarest word, then as many as the limit on postings allows."""
    chosen: dict[str, int] = {}
    for word, number in sorted(found.items(), key=lambda item: item[1]):
        if chosen and sum(chosen.values()) + number > MAX_POSTINGS:
            break
        chosen[word] = number
    return chosen
