"""From the reply vocabulary to the message or tool call that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.errors import ScriptError
from emulator.responders.replies import CodeInterpreter, FileSearch, Image, Refusal, Text
from emulator.runs import content
from emulator.runs.engine import Engine
from emulator.store import Event, Object

RANKING_OPTIONS: Object = {"ranker": "default_2024_08_21", "score_threshold": 0.0}


def play(engine: Engine, number: int, reply: Any) -> Iterator[Event]:
    """The events of a reply that makes a step; ScriptError for what is no such reply."""
    match reply:
        case Text():
            return engine.message(number, [content.TextPart(reply.value, reply.chunks)])
        case Refusal():
            return engine.message(number, [content.RefusalPart(reply.value)])
        case Image(file_id=str(file_id)):
            return engine.message(number, [content.ImagePart(file_id)])
        case CodeInterpreter():
            return engine.tool(number, _code_interpreter(reply), content.code_interpreter_deltas)
        case FileSearch():
            return engine.tool(number, _file_search(reply), content.file_search_deltas)
    raise ScriptError(f"{type(reply).__name__} is not a reply that can be played here: {reply!r}")


def _code_interpreter(reply: CodeInterpreter) -> Object:
    outputs = [] if reply.logs is None else [{"type": "logs", "logs": reply.logs}]
    return {"type": "code_interpreter", "code_interpreter": {"input": reply.input, "outputs": outputs}}


def _file_search(reply: FileSearch) -> Object:
    results = [
        {"file_id": result.file, "file_name": result.file, "score": result.score, "attributes": {}}
        for result in reply.results or ()
    ]
    return {"type": "file_search", "file_search": {"ranking_options": RANKING_OPTIONS, "results": results}}
