"""Responders: they answer runs in place of the model. Users import the replies and their types."""

from assistants_emulator.responders.from_files import answer_from_files
from assistants_emulator.responders.replies import (
    Cancel,
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
    Replies,
    Reply,
    SearchResult,
    Text,
    Usage,
    Wait,
)
from assistants_emulator.responders.sources import Responder

__all__ = [
    "Cancel",
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
    "Replies",
    "Reply",
    "Responder",
    "SearchResult",
    "Text",
    "Usage",
    "Wait",
    "answer_from_files",
]
