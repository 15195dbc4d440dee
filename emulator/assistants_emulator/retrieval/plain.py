"""Text files: UTF-8, UTF-16 with a byte order mark, or ASCII, as the API documents."""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator

from assistants_emulator.retrieval.unreadable import invalid, too_large

MAX_BYTES = 40_000_002
"""No text of more bytes can be under the limit on tokens: 20 MB of ASCII are twice that in UTF-16, and its mark."""


def text(data: bytes) -> str:
    """Decoded, as it is; Unreadable if it is no such text."""
    if len(data) > MAX_BYTES:
        raise too_large()
    try:
        decoded = data.decode(_encoding(data))
    except UnicodeDecodeError:
        raise invalid("is not encoded as UTF-8, UTF-16 or ASCII") from None
    if "\0" in decoded:  # binary data may well be valid UTF-8, but no text has this
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
_ITEMS = frozenset(
    ["br", "hr", "li", "tr", "dt", "dd", "option"]
)  # their ends are followed by the next one's beginning
_CELLS = frozenset(("td", "th"))
_SPACE = re.compile(r"\s+")
_MANY_BREAKS = re.compile(r"\n{3,}")


def text_of_page(data: bytes) -> str:
    """Blocks on lines of their own, paragraphs with an empty line between; Unreadable as for any text file."""
    lines = "".join(_pieces(text(data))).split("\n")
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
