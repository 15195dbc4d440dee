"""Text files: UTF-8, UTF-16 with a byte order mark, or ASCII, as the API documents."""

from __future__ import annotations

import codecs

from emulator.retrieval.unreadable import invalid, too_large

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
