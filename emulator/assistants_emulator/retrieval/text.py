"""The text of a file, by its extension.

The extensions are the API's and in lower case only (`.PDF` was rejected). The libraries for PDF, Word and PowerPoint
are imported when the first such file comes; they are the extra `documents`.
"""

from __future__ import annotations

from collections.abc import Callable

from assistants_emulator.retrieval import office, pdf, plain
from assistants_emulator.retrieval.unreadable import Unreadable, invalid, too_large, unsupported

NO_LIBRARY = " Reading {} files needs an extra: pip install 'assistants-emulator[documents]'."
MAX_TOKENS = 5_000_000
MAX_TEXT_BYTES = 4 * MAX_TOKENS  # a token is a quarter of a UTF-8 byte count: the same estimate as everywhere

_SOURCES = ".c .cpp .cs .css .go .java .js .json .md .php .py .rb .sh .tex .ts .txt"
_READERS: dict[str, Callable[[bytes], str]] = {
    **dict.fromkeys(_SOURCES.split(), plain.text),
    ".docx": office.word,
    ".html": plain.text_of_page,
    ".pdf": pdf.text,
    ".pptx": office.slides,
}
EXTENSIONS = tuple(sorted([*_READERS, ".doc"]))
"""What the API lets into a vector store; `.doc` fails there when it is read."""


def extension(filename: str) -> str:
    """What stands from the last dot on, `.txt` of `notes.txt`, in the case that was given; "" without a dot."""
    dot = filename.rfind(".")
    return filename[dot:] if dot >= 0 else ""


def extract(filename: str, data: bytes) -> str:
    """The file's text, well-formed Unicode without NUL; Unreadable for whatever data has none, and nothing else."""
    reader = _reader(extension(filename))
    if not data:
        raise invalid("is empty")
    try:
        found = reader(data)
    except Unreadable:
        raise
    except ImportError:
        raise unsupported(NO_LIBRARY.format(extension(filename))) from None
    except MemoryError:
        raise too_large() from None
    except Exception:  # the libraries let anything escape: KeyError, RecursionError, lxml's own, ...
        raise invalid("is damaged") from None
    return _checked(found)


def _reader(extension: str) -> Callable[[bytes], str]:
    if extension == ".doc":
        raise unsupported(" The emulator reads .docx, not .doc: save the document in that format.")
    try:
        return _READERS[extension]
    except KeyError:
        raise unsupported() from None


def _checked(text: str) -> str:
    """PDF fonts can map to lone surrogates and NUL, which neither SQLite nor JSON takes."""
    encoded = text.replace("\0", "").encode("utf-8", "replace")
    if len(encoded) > MAX_TEXT_BYTES:
        raise too_large()
    clean = encoded.decode("utf-8")
    if not clean.strip():
        raise invalid("contains no text")
    return clean
