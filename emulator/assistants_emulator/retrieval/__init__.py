"""File search without a network: the text of files, its chunks, a ranked index of them, and citations.

Plain functions, and one index in memory; storing files and deciding when to index them is up to the resources.
"""

from assistants_emulator.retrieval.chunks import Chunk, chunk
from assistants_emulator.retrieval.citations import MARKER, cited_text
from assistants_emulator.retrieval.index import Hit, Index
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
]
