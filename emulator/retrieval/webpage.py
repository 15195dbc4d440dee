"""The words of a web page, without its markup, scripts and styles.

Not by `html.parser`: on Python 3.11 it takes quadratic time for unclosed tags and comments (200,000 times `<a` did
not end within 10 s). Here each piece of markup is matched once, to its end or the file's, so time is linear.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from emulator.retrieval import plain

_MARKUP = re.compile(
    r"""
      <!--.*?(?:-->|\Z)
    | <(?P<hidden>script|style|template|svg)\b.*?(?:</(?P=hidden)[^>]*(?:>|\Z)|\Z)
    | <(?P<end>/?)(?P<tag>[a-z][^\s/>]*)(?:[^>"']|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+(?:>|\Z)
    | <[!?/][^>]*(?:>|\Z)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_PARAGRAPHS = frozenset(
    ["p", "h1", "h2", "h3", "h4", "h5", "h6", "title", "table", "ul", "ol", "pre", "blockquote", "section", "article"]
)
_LINES = frozenset(["div", "header", "footer", "nav", "main", "aside"])
_ITEMS = frozenset(
    ["br", "hr", "li", "tr", "dt", "dd", "option"]
)  # their ends are followed by the next one's beginning
_CELLS = frozenset(("td", "th"))
_SPACE = re.compile(r"\s+")
_MANY_BREAKS = re.compile(r"\n{3,}")


def text(data: bytes) -> str:
    """Blocks on lines of their own, paragraphs with an empty line between; Unreadable as for any text file."""
    lines = "".join(_pieces(plain.text(data))).split("\n")
    return _MANY_BREAKS.sub("\n\n", "\n".join(line.strip() for line in lines)).strip()


def _pieces(page: str) -> Iterator[str]:
    at = 0
    for markup in _MARKUP.finditer(page):
        yield _words(page[at : markup.start()])
        yield _break((markup["tag"] or "").lower(), bool(markup["end"]))
        at = markup.end()
    yield _words(page[at:])


def _words(raw: str) -> str:
    return html.unescape(_SPACE.sub(" ", raw))


def _break(tag: str, at_end: bool) -> str:
    if tag in _PARAGRAPHS:
        return "\n\n"
    if tag in _LINES or (tag in _ITEMS and not at_end):
        return "\n"
    return "\t" if tag in _CELLS and not at_end else ""
