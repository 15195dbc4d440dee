"""Turns the replies of a responder into the events and items of one response.

The event is the write, so the task commits each event before it asks for the next. An item stays open until the next
reply is known, which may be its usage or an ending that cuts it short; only what is done is in the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.errors import ScriptError
from assistants_emulator.object_kinds import CODE_ITEM, FILE_SEARCH_ITEM, FUNCTION_ITEM, MESSAGE, RESPONSE
from assistants_emulator.resources import items
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.items import TABLE, Includes, text_of
from assistants_emulator.resources.token_estimates import of_item, of_text
from assistants_emulator.resources.vector_stores import require_usable
from assistants_emulator.responders.replies import (
    Chunk,
    Citation,
    CodeInterpreter,
    FileSearch,
    FunctionCall,
    Image,
    Refusal,
    Text,
    Usage,
)
from assistants_emulator.responses import code, ending, events, history, tools
from assistants_emulator.responses.views import view
from assistants_emulator.store import Event, Object
from assistants_emulator.turns.execution import Execution
from assistants_emulator.turns.measures import cut, find_file
from assistants_emulator.turns.variation import NoContent

TOLERANCE = 1.25  # an estimate may be off by a quarter, so only beyond that a text is over its budget
BUDGET = "max_output_tokens"
REASONS = {"max_completion_tokens": BUDGET, "content_filter": "content_filter", BUDGET: BUDGET}
"""Reasons of Incomplete as a response gives them."""
TOO_LONG_CODE = "context_length_exceeded"
ANNOUNCED = {"rate_limit_exceeded": ("tokens", None), TOO_LONG_CODE: ("invalid_request_error", "input")}
"""Failures that an `error` event comes before, by their codes: its type and param."""
NO_EQUIVALENT = "The Responses API has no equivalent of {}: a run would have become {}."


@dataclass(slots=True)
class OpenItem:
    """The item that a response is at: begun, and its end not yet written.

    `part` is its only content part, if it is a message; `value` grows chunk by chunk where `is_partial`.
    """

    item: Object
    index: int
    value: str = ""
    annotations: list[Object] = field(default_factory=list)
    is_refusal: bool = False
    is_partial: bool = False
    cut_short: str | None = None


def is_unseen(response: Object) -> bool:
    """Return whether the response is answered whole, so that no request sees it before its end."""
    return not response["background"] and not response["_request"].get("stream")


class ResponseWriter:
    """The ReplyWriter of a response. Events that write nothing are made only while `listening()`.

    A response that is answered whole cannot be seen before its end, so all of it is written then, in one commit.
    """

    def __init__(self, context: Context, response_id: str, listening: Callable[[], bool]) -> None:
        self.context = context
        self.response_id = response_id
        self.open: OpenItem | None = None
        self._listening = listening
        self._unwritten: Object | None = None  # the response, where it differs from the stored one
        self._unwritten_items: list[Object] = []
        first = self.subject
        self._is_unseen = is_unseen(first)
        self._output = history.output_of(context, first) if "_rule" in first else []
        self._is_recorded: bool = first["_recorded"]
        self._include: Includes = frozenset(first["_include"])
        rows = context.store.count(events.EVENTS, "_response_id", response_id) if self._is_recorded else 0
        self._sequence = max(rows, 2 if first["background"] else 1)  # those of its creation
        self._usages: dict[int, Usage] = {}

    @property
    def subject(self) -> Object:
        if self._unwritten is not None:
            return self._unwritten
        response = self.context.store.get("responses", self.response_id)
        if response is None:
            raise LookupError(f"{self.response_id} is under way but no longer stored")
        return response

    @property
    def output(self) -> list[Object]:
        """The items that are done."""
        return self._output

    # What the task asks

    def store_ids(self) -> list[str]:
        return tools.store_ids(self.context, self.subject)

    def execution(self, reply: CodeInterpreter) -> Execution:
        return code.execution(self.context, self.subject, reply)

    def require_usable(self) -> None:
        for id in self.store_ids():
            require_usable(self.context, id)

    def check(self, reply: Any) -> None:
        hosted = sum(item["type"] in ("file_search_call", "code_interpreter_call") for item in self.output)
        tools.check_reply(self.subject, reply, hosted)

    def is_slow(self, reply: Any) -> bool:
        return tools.is_slow(self.subject, reply)

    def exhausted(self) -> str | None:
        left = self._left()
        return BUDGET if left is not None and left <= 0 else None

    def is_written(self, number: int) -> bool:
        return any(item["_reply"] == number for item in self.output)

    def cut_short(self, number: int) -> str | None:
        if self.open is not None:
            return self.open.cut_short
        return next((item.get("_cut_short") for item in self.output if item["_reply"] == number), None)

    def printed(self, number: int) -> list[str]:
        made = [self.open.item] if self.open is not None else self.output
        calls = [item for item in made if item["_reply"] == number and item["type"] == "code_interpreter_call"]
        return ["".join(out.get("logs", "") for call in calls for out in call["outputs"])]

    # The response itself

    def begin(self, **fields: Any) -> Iterator[Event]:
        response = self.subject
        if "_rule" in response:
            return
        begun = {**response, "status": "in_progress", **fields}
        if self._is_unseen:
            self._unwritten = begun
            return
        yield self._event("response.in_progress", {"response": self._streamed(begun)}, (("responses", begun),))

    def complete(self) -> Iterator[Event]:
        yield from self.close()
        yield from self._images_left()
        yield self._end("completed", completed_at=self.context.clock.now())

    def incomplete(self, reason: str) -> Iterator[Event]:
        if reason not in REASONS:
            yield from self.fail("server_error", NO_EQUIVALENT.format(f"Incomplete({reason!r})", "incomplete"))
            return
        if self.open is not None:
            self.open.cut_short = REASONS[reason]
        yield from self.close()
        yield self._end("incomplete", incomplete_details={"reason": REASONS[reason]})

    def fail(self, code: str, message: str) -> Iterator[Event]:
        yield from self.begin()
        yield from self.close()
        error = {"code": code, "message": message}
        if code in ANNOUNCED and not self.output:
            kind, param = ANNOUNCED[code]
            yield from self._shown("error", {"error": {"type": kind, **error, "param": param}})
        yield self._end("failed", error=error)

    def cancel(self) -> Iterator[Event]:
        self.open = None
        yield self._end("cancelled", has_usage=False)

    def expire(self) -> Iterator[Event]:
        yield from self.fail("server_error", NO_EQUIVALENT.format("Expire()", "expired"))

    def remember(self, number: int, value: Any) -> Iterator[Event]:
        response = self.subject
        changed = {**response, "_waits": {**response.get("_waits", {}), str(number): value}}
        yield from self._put([("responses", changed)])

    # Replies

    def use(self, number: int, usage: Usage) -> Iterator[Event]:
        self._usages[number] = usage
        yield from ()

    def write(self, number: int, reply: Any) -> Iterator[Event]:
        match reply:
            case Text():
                return self._text(number, reply)
            case NoContent():
                return iter(())
            case Chunk():
                return self._chunk(number, reply.value)
            case Refusal():
                return self._message(number, reply.value, None, [], is_refusal=True)
            case Image():
                return self._image(number, reply)
            case CodeInterpreter():
                return self._code(number, reply)
            case FileSearch():
                return self._search(number, reply)
        raise ScriptError(f"{type(reply).__name__} is not a reply that can be played here: {reply!r}")

    def functions(self, number: int, calls: Sequence[FunctionCall]) -> Iterator[Event]:
        """Whole items one after another; each is done at once, since the response ends with them."""
        for call in calls:
            index = len(self.output)
            call_id = call.id or self.context.ids.new("call")
            fields = {"arguments": call.arguments_json(), "call_id": call_id, "name": call.name, "_call_id": call_id}
            item = self._item(FUNCTION_ITEM.prefix, "function_call", number, **fields)
            yield from self._added(item, index)
            place = {"item_id": item["id"], "output_index": index}
            for piece in cut(item["arguments"]) if self._shows() else ():
                yield from self._shown("response.function_call_arguments.delta", {**place, "delta": piece})
            done = {**place, "arguments": item["arguments"]}
            yield from self._shown("response.function_call_arguments.done", done)
            yield from self._done(item, index)

    def close(self) -> Iterator[Event]:
        if self.open is None:
            return
        opened, self.open = self.open, None
        item = opened.item
        if item["type"] == "message":
            item = {**item, "content": [_part(opened)]}
            yield from self._end_text(opened)
        status = "completed" if opened.cut_short is None else "incomplete"
        yield from self._done({**item, "status": status, "_cut_short": opened.cut_short}, opened.index)

    # Messages

    def _text(self, number: int, reply: Text) -> Iterator[Event]:
        """The text, with links to the files that code has made, and the citations of files."""
        value, annotations = self._linked(reply.value)
        annotations += [{**self._cited(citation), "index": len(value)} for citation in reply.citations]
        fitting, is_cut = self._fitted(value)
        chunks = reply.chunks if fitting == reply.value else None
        return self._message(number, fitting, chunks, annotations, BUDGET if is_cut else None)

    def _cited(self, citation: Citation) -> Object:
        """The annotation of a file that is named, or of a result of the last search."""
        if citation.found is None:
            file = find_file(self.context, self.store_ids(), citation.file)
            return {"type": "file_citation", "file_id": file["id"], "filename": file["filename"]}
        searches = [item["results"] for item in self.output if item["type"] == "file_search_call"]
        results: list[Object] = searches[-1] if searches else []
        if citation.found >= len(results):
            raise ScriptError(f"cannot cite {citation.file}: the last file search has {len(results)} results")
        result = results[citation.found]
        return {"type": "file_citation", "file_id": result["file_id"], "filename": result["filename"]}

    def _message(
        self,
        number: int,
        value: str,
        chunks: Iterable[str] | None,
        annotations: list[Object],
        cut_short: str | None = None,
        is_refusal: bool = False,
    ) -> Iterator[Event]:
        self.open = opened = self._new_message(number, is_refusal)
        yield from self._begin_message(opened)
        opened.value, opened.annotations, opened.cut_short = value, annotations, cut_short
        if self._shows():
            yield from self._deltas(opened, cut(value) if chunks is None else chunks)

    def _new_message(self, number: int, is_refusal: bool = False) -> OpenItem:
        item = self._item(MESSAGE.prefix, "message", number, content=[], role="assistant")
        return OpenItem(item, len(self.output), is_refusal=is_refusal)

    def _begin_message(self, opened: OpenItem) -> Iterator[Event]:
        if self._shows():
            yield from self._added(opened.item, opened.index)
            yield from self._shown("response.content_part.added", {**_place(opened), "part": _part(opened, "")})

    def _deltas(self, opened: OpenItem, pieces: Iterable[str]) -> Iterator[Event]:
        name = "response.refusal.delta" if opened.is_refusal else "response.output_text.delta"
        logprobs: Object = {} if opened.is_refusal else {"logprobs": []}
        for piece in pieces:
            yield from self._shown(name, {**_place(opened), "delta": piece, **logprobs})

    def _chunk(self, number: int, value: str) -> Iterator[Event]:
        """A piece of a text that is streamed as it comes."""
        opened = self.open
        if opened is None:
            self.open = opened = self._new_message(number)
            opened.is_partial = True
            yield from self._begin_message(opened)
        opened.value += value
        yield from self._deltas(opened, [value])

    def _end_text(self, opened: OpenItem) -> Iterator[Event]:
        if opened.is_partial and opened.cut_short is None:
            linked, opened.annotations = self._linked(opened.value)
            rest, opened.value = linked[len(opened.value) :], linked
            yield from self._deltas(opened, [rest] if rest else [])
        if not self._shows():
            return
        place = _place(opened)
        for number, annotation in enumerate(opened.annotations):
            fields = {**place, "annotation": annotation, "annotation_index": number}
            yield from self._shown("response.output_text.annotation.added", fields)
        if opened.is_refusal:
            yield from self._shown("response.refusal.done", {**place, "refusal": opened.value})
        else:
            yield from self._shown("response.output_text.done", {**place, "logprobs": [], "text": opened.value})
        yield from self._shown("response.content_part.done", {**place, "part": _part(opened)})

    def _image(self, number: int, reply: Image) -> Iterator[Event]:
        """There is no image in an output: a file of the container, cited by a message without a text of its own."""
        with self.context.contents.dropped_on_error():
            container_id, puts = code.container_of(self.context, self.subject)
            file, file_puts = code.new_file(self.context, container_id, reply)
        yield from self._put([*puts, *file_puts])
        yield from self._message(number, "", [], [code.cited_image(file)])

    def _images_left(self) -> Iterator[Event]:
        """A message that cites the images which no message has cited when the response completes."""
        shown = [file for file in self._waiting() if file["_is_image"]]
        if shown:
            number = max((item["_reply"] for item in self.output), default=-1) + 1
            yield from self._message(number, "", [], [code.cited_image(file) for file in shown])
            yield from self.close()

    def _linked(self, value: str) -> tuple[str, list[Object]]:
        return code.linked(value, self._waiting())

    def _waiting(self) -> list[Object]:
        return code.waiting(self.context, self.output)

    # Hosted tools

    def _search(self, number: int, reply: FileSearch) -> Iterator[Event]:
        message = history.last_message(self.context, self.subject)
        query = reply.query or (text_of(message) if message is not None else "")
        results = tools.search_results(self.context, self.subject, reply, query)
        item = self._item(FILE_SEARCH_ITEM.prefix, "file_search_call", number, queries=[query], results=results)
        self.open = OpenItem(item, len(self.output))
        yield from self._added(item, self.open.index)
        place = {"item_id": item["id"], "output_index": self.open.index}
        for state in ("in_progress", "searching", "completed"):
            yield from self._shown(f"response.file_search_call.{state}", place)

    def _code(self, number: int, reply: CodeInterpreter) -> Iterator[Event]:
        made: list[Object] = []
        with self.context.contents.dropped_on_error():
            container_id, puts = code.container_of(self.context, self.subject)
            for image, is_image in [*((each, True) for each in reply.images), *((each, False) for each in reply.files)]:
                file, file_puts = code.new_file(self.context, container_id, image, is_image)
                made.append(file)
                puts += file_puts
        yield from self._put(puts)
        outputs = [] if reply.logs is None else [{"type": "logs", "logs": reply.logs}]
        fields = {"code": reply.input, "container_id": container_id, "outputs": outputs}
        item = self._item(CODE_ITEM.prefix, "code_interpreter_call", number, **fields)
        self.open = OpenItem({**item, "_made": [file["id"] for file in made]}, len(self.output))
        yield from self._added(item, self.open.index)
        place = {"item_id": item["id"], "output_index": self.open.index}
        yield from self._shown("response.code_interpreter_call.in_progress", place)
        for piece in cut(reply.input) if self._shows() else ():
            yield from self._shown("response.code_interpreter_call_code.delta", {**place, "delta": piece})
        yield from self._shown("response.code_interpreter_call_code.done", {**place, "code": reply.input})
        for state in ("interpreting", "completed"):
            yield from self._shown(f"response.code_interpreter_call.{state}", place)

    # Parts

    def _item(self, prefix: str, kind: str, number: int, **fields: Any) -> Object:
        response = self.subject
        root = response["id"][len(RESPONSE.prefix) :][:16]
        return {
            "id": self.context.ids.rooted(prefix, root, self.context.clock.now()),
            "type": kind,
            "status": "completed",
            "_call_id": None,
            **fields,
            "_reply": number,
            "_response_id": response["id"],
            "_conversation_id": None,
            **events.lasting_as(response),
        }

    def _added(self, item: Object, index: int) -> Iterator[Event]:
        if self._shows():
            shown = events.added(items.view(item, self._include))
            yield self._event("response.output_item.added", {"item": shown, "output_index": index})

    def _done(self, item: Object, index: int) -> Iterator[Event]:
        self._output.append(item)
        if self._is_unseen:
            self._unwritten_items.append(item)
            return
        shown = {"item": items.view(item, self._include), "output_index": index}
        yield self._event("response.output_item.done", shown, ((TABLE, item),))

    def _put(self, puts: list[tuple[str, Object]]) -> Iterator[Event]:
        """Write objects that the response needs now, and the response itself if it is among them."""
        if self._unwritten is not None:
            self._unwritten = next((each for table, each in puts if table == "responses"), self._unwritten)
        if puts:
            yield Event("response.changed", self.subject, tuple(puts))

    def _streamed(self, response: Object) -> Object:
        return view(response, self._include, streamed=True)

    def _shows(self) -> bool:
        return self._is_recorded or self._listening()

    def _shown(self, name: str, fields: Object) -> Iterator[Event]:
        """An event that writes nothing by itself."""
        if self._shows():
            yield self._event(name, fields)

    def _event(self, name: str, fields: Object, puts: Iterable[tuple[str, Object]] = ()) -> Event:
        made = events.event(self.response_id, name, self._sequence, fields, puts)
        self._sequence += 1
        return events.recorded(made, self.subject) if self._is_recorded else made

    def _end(self, status: str, has_usage: bool = True, **fields: Any) -> Event:
        """The response in its last status, with its output; its items come into the conversation unless it failed."""
        stated = list(self._usages.values()) if has_usage else None
        ended = ending.ended(self.subject, self.output, status, stated, **fields)
        self._unwritten = None
        made = ((TABLE, item) for item in self._unwritten_items)
        puts = [("responses", ended), *made, *ending.joined(self.context, ended)]
        return self._event(f"response.{status}", {"response": self._streamed(ended)} if self._shows() else {}, puts)

    def _left(self) -> int | None:
        """The tokens left of `max_output_tokens`; None without that budget."""
        most = self.subject["max_output_tokens"]
        return None if most is None else int(most) - sum(of_item(item) for item in self.output)

    def _fitted(self, value: str) -> tuple[str, bool]:
        """The text within the budget, and True if it had to be cut."""
        left = self._left()
        if left is None or of_text(value) <= left * TOLERANCE:
            return value, False
        return value.encode("utf-8", "surrogatepass")[: max(left, 0) * 4].decode("utf-8", "ignore"), True


def _place(opened: OpenItem) -> Object:
    return {"content_index": 0, "item_id": opened.item["id"], "output_index": opened.index}


def _part(opened: OpenItem, value: str | None = None) -> Object:
    text = opened.value if value is None else value
    if opened.is_refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "annotations": opened.annotations, "logprobs": [], "text": text}
