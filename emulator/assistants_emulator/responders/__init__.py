"""Responders: what stands where the model stood. The reply vocabulary is what users import."""

from assistants_emulator.responders.from_files import answer_from_files
from assistants_emulator.responders.replies import (
    Chunk,
    Citation,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    Refusal,
    Reply,
    SearchResult,
    Text,
    Usage,
    Wait,
)

__all__ = [
    "Chunk",
    "Citation",
    "CodeInterpreter",
    "Expire",
    "Fail",
    "FileSearch",
    "FunctionCall",
    "Image",
    "Incomplete",
    "Pause",
    "Refusal",
    "Reply",
    "SearchResult",
    "Text",
    "Usage",
    "Wait",
    "answer_from_files",
]
