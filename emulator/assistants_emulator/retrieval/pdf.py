"""The text of a PDF by pypdf, with a budget: a small file can describe work without end.

The budget counts bytes and operations, not seconds, so that a file is refused everywhere or nowhere.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import Any

from assistants_emulator.retrieval.unreadable import invalid, too_large

MAX_WORK = 25_000_000  # bytes of page content, as 1,000 closely printed pages have, and the costs below
PER_PAGE = 2_500  # also for a form, which is drawn as often as the page says without adding to its bytes
PER_OPERATION = 2
MANY_PIECES = 10_000  # of text on one page, a piece for every letter: from there on each takes pypdf noticeably longer

# pypdf logs every flaw that it repairs; without a handler that is printed in programs that set up no logging
logging.getLogger("pypdf").addHandler(logging.NullHandler())


def text(data: bytes) -> str:
    """Return the pages' text, split by empty lines. Encrypted files can be read if their password is empty."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not _decrypts(reader):
        raise invalid("is encrypted")
    budget = _Budget()
    return "\n\n".join(budget.text_of(page) for page in reader.pages)


def _decrypts(reader: Any) -> bool:
    """Try the empty password. AES needs a package that is no dependency: without it the file stays encrypted."""
    from pypdf.errors import DependencyError

    try:
        return bool(reader.decrypt(""))
    except (DependencyError, NotImplementedError):
        return False


class _Budget:
    """Work left for one file; Unreadable once it is spent."""

    def __init__(self) -> None:
        self._left = MAX_WORK
        self._pieces = 0

    def text_of(self, page: Any) -> str:
        self._pieces = 0
        contents = page.get_contents()
        self._spend(PER_PAGE + (len(contents.get_data()) if contents is not None else 0))
        extracted: str = page.extract_text(visitor_operand_before=self._count)
        self._spend(len(extracted))
        return extracted

    def _count(self, operator: bytes, operands: Sequence[Any], *matrices: object) -> None:
        if operator in (b"Tj", b"TJ", b"'", b'"'):
            self._pieces += len(operands[0]) if operator == b"TJ" and operands else 1
            self._spend(self._pieces // 100 if self._pieces > MANY_PIECES else 0)
        self._spend(PER_PAGE if operator == b"Do" else PER_OPERATION)

    def _spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise too_large()
