"""From the reply vocabulary to the message or tool call that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import Chunk, CodeInterpreter, FileSearch, Image, Refusal, Text
from assistants_emulator.runs import code, content, file_search
from assistants_emulator.runs.tokens import last_message
from assistants_emulator.runs.writer import RunWriter
from assistants_emulator.store import Event, Object


def play(engine: RunWriter, number: int, reply: Any) -> Iterator[Event]:
    """The events of a reply that makes a step; ScriptError for what is no such reply."""
    match reply:
        case Text():
            return engine.message(number, _text(engine, reply))
        case Chunk():
            return _chunk(engine, number, reply)
        case Refusal():
            return engine.message(number, [content.RefusalPart(reply.value)])
        case Image():
            made, new = code.make(engine.context, [reply], [])
            return engine.message(number, [content.ImagePart(one.file_id) for one in made], _puts(new))
        case CodeInterpreter():
            return _code_interpreter(engine, number, reply)
        case FileSearch():
            call = file_search.search_call(engine.context, engine.run, reply, _question(engine))
            return engine.tool(number, call, content.file_search_deltas)
    raise ScriptError(f"{type(reply).__name__} is not a reply that can be played here: {reply!r}")


def leftovers(engine: RunWriter) -> Iterator[Event]:
    """A message with the images that no message has shown when the run completes."""
    parts = _images(code.waiting(engine.steps()))
    return engine.message(engine.next_reply(), parts) if parts else iter(())


def _text(engine: RunWriter, reply: Text) -> list[content.Part]:
    """The images that code has made since the last message, then the text, with its links and citations."""
    made = code.waiting(engine.steps())
    value, links = code.linked(reply.value, [one for one in made if not one.is_image])
    value, citations, quotes = file_search.cite(engine.context, engine.run, value, reply.citations)
    chunks = reply.chunks if value == reply.value else None
    return [*_images(made), content.TextPart(value, chunks, [*links, *citations], quotes)]


def _chunk(engine: RunWriter, number: int, reply: Chunk) -> Iterator[Event]:
    made = code.waiting(engine.steps()) if engine.open is None else []
    files = [one for one in made if not one.is_image]
    return engine.chunk(number, reply.value, _images(made), partial(code.linked, made=files))


def _images(made: Sequence[code.Made]) -> list[content.Part]:
    return [content.ImagePart(one.file_id) for one in made if one.is_image]


def _code_interpreter(engine: RunWriter, number: int, reply: CodeInterpreter) -> Iterator[Event]:
    made, new = code.make(engine.context, reply.images, reply.files)
    told: list[Object] = [] if reply.logs is None else [{"type": "logs", "logs": reply.logs}]
    told += [{"type": "image", "image": {"file_id": one.file_id}} for one in made if one.is_image]
    call = {"type": "code_interpreter", "code_interpreter": {"input": reply.input, "outputs": told}}
    remembered = {"_made": [one.as_json() for one in made]}
    return engine.tool(number, call, content.code_interpreter_deltas, _puts(new), remembered)


def _puts(files: Sequence[Object]) -> list[tuple[str, Object]]:
    return [("files", file) for file in files]


def _question(engine: RunWriter) -> str:
    """The text of the user's last message: what is searched for where a search says nothing else."""
    message = last_message(engine.context, engine.run)
    parts = message["content"] if message is not None and message["role"] == "user" else []
    return "\n".join(part["text"]["value"] for part in parts if part["type"] == "text")
