"""Text files, in UTF-8, UTF-16 with a byte order mark, or ASCII as the API documents, and the words of web pages.

Markup is not parsed by `html.parser`: on Python 3.11 it takes quadratic time for unclosed tags and comments (200,000
times `<a` did not end within 10 s). Here each piece of markup is matched once, to its end or the file's: linear time.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

from assistants_emulator.retrieval.unreadable import invalid, too_large

MAX_BYTES = 40_000_002
"""The longest file that can be within the limit on tokens: 20 MB of ASCII in UTF-16, and a byte order mark."""


def text(data: bytes) -> str:
    """Decode a text file; Unreadable if it is none, or too large."""
    if len(data) > MAX_BYTES:
        raise too_large()
    try:
        decoded = data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise invalid("is not encoded as UTF-8, UTF-16 or ASCII") from None
    if "\0" in decoded:  # binary data may be valid UTF-8, but no text has a NUL
        raise invalid("is not a text file")
    return decoded


def _encoding(data: bytes) -> str:
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


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
# no break at the end of one: the next one's start is a break
_ITEMS = frozenset(["br", "hr", "li", "tr", "dt", "dd", "option"])
_CELLS = frozenset(("td", "th"))
_SPACE = re.compile(r"\s+")
_MANY_BREAKS = re.compile(r"\n{3,}")


def text_of_page(data: bytes) -> str:
    """Return a page's words without markup, scripts and styles: a line a block, paragraphs split by empty lines.

    Unreadable as in `text`.
    """
    lines = "".join(_pieces(text(data))).split("\n")
    return _MANY_BREAKS.sub("\n\n", "\n".join(line.strip() for line in lines)).strip()


def _pieces(page: str) -> Iterator[str]:
    position = 0
    for markup in _MARKUP.finditer(page):
        yield _words(page[position : markup.start()])
        yield _break((markup["tag"] or "").lower(), is_end=bool(markup["end"]))
        position = markup.end()
    yield _words(page[position:])


def _words(raw: str) -> str:
    return html.unescape(_SPACE.sub(" ", raw))


def _break(tag: str, is_end: bool) -> str:
    if tag in _PARAGRAPHS:
        return "\n\n"
    if tag in _LINES or (tag in _ITEMS and not is_end):
        return "\n"
    return "\t" if tag in _CELLS and not is_end else ""
