"""Replies of a run: from a reply to the message or tool call that is written for it, within the run's limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.replies import Chunk, CodeInterpreter, FileSearch, Image, Refusal, Text
from assistants_emulator.runs import code, content, file_search
from assistants_emulator.runs.limits import check_declared, check_reply, exhausted, is_slow
from assistants_emulator.runs.tokens import last_message
from assistants_emulator.runs.writer import RunWriter
from assistants_emulator.store import Event, Object
from assistants_emulator.turns.execution import Execution
from assistants_emulator.turns.variation import NoContent


class RunReplies(RunWriter):
    """The ReplyWriter of a run."""

    @property
    def subject(self) -> Object:
        return self.run

    def store_ids(self) -> list[str]:
        return file_search.store_ids(self.context, self.run)

    def execution(self, reply: CodeInterpreter) -> Execution:
        return code.execution(self.context, self.run, reply)

    def require_usable(self) -> None:
        file_search.require_stores(self.context, self.run)

    def check(self, reply: Any) -> None:
        check_declared(self.context, self.run, reply)
        check_reply(self.run, reply)

    def is_slow(self, reply: Any) -> bool:
        return is_slow(self.run, reply)

    def exhausted(self) -> str | None:
        return exhausted(self.context, self.run)

    def is_written(self, number: int) -> bool:
        step = self.played(number)
        return step is not None and step["status"] != "in_progress"

    def write(self, number: int, reply: Any) -> Iterator[Event]:
        return _written(self, number, reply)

    def complete(self) -> Iterator[Event]:
        """Complete the run, with a message of the images that no message has contained."""
        yield from self.close()
        if parts := _images(code.waiting(self.steps())):
            yield from self.message(self.next_reply(), parts)
        yield from super().complete()

    def remember(self, number: int, value: Any) -> Iterator[Event]:
        run = self.run
        changed = {**run, "_waits": {**run.get("_waits", {}), str(number): value}}
        yield Event("run.waits", changed, (("runs", changed),))


def _written(writer: RunWriter, number: int, reply: Any) -> Iterator[Event]:
    """The events of the reply of that number, which makes a step; ScriptError for any other value."""
    match reply:
        case Text():
            return writer.message(number, _text(writer, reply), is_unfinished=reply.then is not None)
        case Chunk():
            return _chunk(writer, number, reply)
        case NoContent():
            return writer.message(number, [])
        case Refusal():
            return writer.message(number, [content.RefusalPart(reply.value)])
        case Image():
            outputs, new = code.make(writer.context, [reply], [])
            return writer.message(number, _images(outputs), _puts(new))
        case CodeInterpreter():
            return _code_interpreter(writer, number, reply)
        case FileSearch():
            call = file_search.search_call(writer.context, writer.run, reply, _question(writer))
            return writer.tool(number, call, content.file_search_deltas)
    raise ScriptError(f"{type(reply).__name__} is not a reply that can be played here: {reply!r}")


def _text(writer: RunWriter, reply: Text) -> list[content.Part]:
    """The images that code has made since the last message, then the text, with its links and citations."""
    outputs = code.waiting(writer.steps())
    value, links = code.linked(reply.value, [output for output in outputs if not output.is_image])
    value, citations, quotes = file_search.cite(writer.context, writer.run, value, reply.citations)
    chunks = reply.chunks if value == reply.value else None
    return [*_images(outputs), content.TextPart(value, chunks, [*links, *citations], quotes)]


def _chunk(writer: RunWriter, number: int, reply: Chunk) -> Iterator[Event]:
    outputs = code.waiting(writer.steps()) if writer.open is None else []
    files = [output for output in outputs if not output.is_image]
    return writer.chunk(number, reply.value, _images(outputs), partial(code.linked, files=files))


def _code_interpreter(writer: RunWriter, number: int, reply: CodeInterpreter) -> Iterator[Event]:
    outputs, new = code.make(writer.context, reply.images, reply.files)
    items: list[Object] = [] if reply.logs is None else [{"type": "logs", "logs": reply.logs}]
    items += [{"type": "image", "image": {"file_id": output.file_id}} for output in outputs if output.is_image]
    call = {"type": "code_interpreter", "code_interpreter": {"input": reply.input, "outputs": items}}
    fields = {"_made": [output.as_json() for output in outputs]}
    return writer.tool(number, call, content.code_interpreter_deltas, _puts(new), fields)


def _images(outputs: Sequence[code.OutputFile]) -> list[content.Part]:
    return [content.ImagePart(output.file_id) for output in outputs if output.is_image]


def _puts(files: Sequence[Object]) -> list[tuple[str, Object]]:
    return [("files", file) for file in files]


def _question(writer: RunWriter) -> str:
    """The text of the user's last message: the query of a search that names none."""
    message = last_message(writer.context, writer.run)
    parts = message["content"] if message is not None and message["role"] == "user" else []
    return "\n".join(part["text"]["value"] for part in parts if part["type"] == "text")
