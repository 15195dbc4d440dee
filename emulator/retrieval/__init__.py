"""File search without a network: the text of files, its chunks, a ranked index of them, citations.

Everything here is a plain function or an object in memory; what is kept, and when it is indexed, is for the resources.
"""

from emulator.retrieval.chunks import Chunk, chunk, tokens
from emulator.retrieval.cite import cited_text, locate, marker
from emulator.retrieval.filters import matches
from emulator.retrieval.index import Hit, Index
from emulator.retrieval.text import EXTENSIONS, extension, extract
from emulator.retrieval.unreadable import Unreadable
from emulator.retrieval.words import content_words

__all__ = [
    "EXTENSIONS",
    "Chunk",
    "Hit",
    "Index",
    "Unreadable",
    "chunk",
    "cited_text",
    "content_words",
    "extension",
    "extract",
    "locate",
    "marker",
    "matches",
    "tokens",
]
