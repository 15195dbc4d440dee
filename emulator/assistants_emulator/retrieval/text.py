"""The text of a file, read as its extension says.

The extensions are the API's, in lower case only (`.PDF` was rejected). The libraries for PDF, Word and PowerPoint are
imported for the first file of their kind; they are the extra `documents`.
"""

from __future__ import annotations

from collections.abc import Callable

from assistants_emulator.processes import READERS, HelperDied, TookTooLong
from assistants_emulator.retrieval import office, pdf, plain
from assistants_emulator.retrieval.unreadable import Unreadable, invalid, too_large, unsupported

NO_LIBRARY = " Reading {} files needs an extra: pip install 'assistants-emulator[documents]'."
MAX_TOKENS = 5_000_000
MAX_TEXT_BYTES = 4 * MAX_TOKENS  # the estimate of a token that chunks are measured by

_SOURCES = ".c .cpp .cs .css .go .java .js .json .md .php .py .rb .sh .tex .ts .txt"
_READERS: dict[str, Callable[[bytes], str]] = {
    **dict.fromkeys(_SOURCES.split(), plain.text),
    ".docx": office.word,
    ".html": plain.text_of_page,
    ".pdf": pdf.text,
    ".pptx": office.slides,
}
DOCUMENTS = (".docx", ".pdf", ".pptx")
MOST_HERE = 1_000_000  # bytes of a text file that is read in this process: for text, time and memory grow with it
READING_SECONDS = 20.0
EXTENSIONS = tuple(sorted([*_READERS, ".doc"]))
"""Extensions that a vector store accepts; a `.doc` fails when it is read."""


def extension(filename: str) -> str:
    """Return the file name from its last dot on, `.txt` of `notes.txt`, in its own case; "" without a dot."""
    dot = filename.rfind(".")
    return filename[dot:] if dot >= 0 else ""


def extract(filename: str, data: bytes) -> str:
    """Return the file's text, well-formed Unicode without NUL; Unreadable, and no other error, if the data has none."""
    reader = _reader(extension(filename))
    if not data:
        raise invalid("is empty")
    try:
        text = reader(data)
    except Unreadable:
        raise
    except ImportError:
        raise unsupported(NO_LIBRARY.format(extension(filename))) from None
    except MemoryError:
        raise too_large() from None
    except Exception:  # the libraries raise KeyError, RecursionError, lxml's own errors, ...
        raise invalid("is damaged") from None
    return _well_formed(text)


def extract_apart(filename: str, data: bytes) -> str:
    """As `extract`; documents are read in a helper process, within limits of memory and time. Blocks meanwhile."""
    if extension(filename) not in DOCUMENTS and len(data) <= MOST_HERE:
        return extract(filename, data)
    try:
        reading = READERS.call("assistants_emulator.retrieval.text:reading", [filename], READING_SECONDS, data)
    except TookTooLong:
        raise invalid("takes too long to read") from None
    except HelperDied:
        raise too_large() from None
    if reading["text"] is None:
        raise Unreadable(reading["code"], reading["message"])
    text: str = reading["text"]
    return text


def reading(filename: str, data: bytes) -> dict[str, str | None]:
    """For helpers: what `extract` returns, or the code and message of what it raises."""
    try:
        return {"text": extract(filename, data)}
    except Unreadable as error:
        return {"text": None, **error.last_error()}


def _reader(extension: str) -> Callable[[bytes], str]:
    if extension == ".doc":
        raise unsupported(" The emulator reads .docx, not .doc: save the document in that format.")
    try:
        return _READERS[extension]
    except KeyError:
        raise unsupported() from None


def _well_formed(text: str) -> str:
    """Replace lone surrogates and NUL, which PDF fonts can map to and neither SQLite nor JSON takes."""
    encoded = text.replace("\0", "").encode("utf-8", "replace")
    if len(encoded) > MAX_TEXT_BYTES:
        raise too_large()
    text = encoded.decode("utf-8")
    if not text.strip():
        raise invalid("contains no text")
    return text
