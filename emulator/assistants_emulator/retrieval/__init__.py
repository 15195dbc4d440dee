"""File search without a network: the text of files, its chunks, a ranked index of them, citations.

Everything here is a plain function or an object in memory; what is kept, and when it is indexed, is for the resources.
"""

from assistants_emulator.retrieval.chunks import Chunk, chunk, tokens
from assistants_emulator.retrieval.citations import MARKER, cited_text, locate, marker
from assistants_emulator.retrieval.index import Hit, Index, matches
from assistants_emulator.retrieval.text import EXTENSIONS, extension, extract, extract_apart
from assistants_emulator.retrieval.unreadable import Unreadable
from assistants_emulator.retrieval.words import content_words

__all__ = [
    "EXTENSIONS",
    "MARKER",
    "Chunk",
    "Hit",
    "Index",
    "Unreadable",
    "chunk",
    "cited_text",
    "content_words",
    "extension",
    "extract",
    "extract_apart",
    "locate",
    "marker",
    "matches",
    "tokens",
]
