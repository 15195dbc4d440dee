"""Turns the replies of a responder into the events of one run.

The event is the write, so the task commits each event before it asks for the next, which is built from what is stored:
the events must not be collected and committed later. Nothing here waits.

A message or tool step stays open until the next reply is known, which may be its usage or an ending that cuts it short.
Objects are built with their keys in wire order: docs/reference/behaviour.md#messages and
docs/reference/behaviour.md#run-steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import enter
from assistants_emulator.resources.token_estimates import PER_MESSAGE, of_json
from assistants_emulator.responders.replies import FunctionCall, Usage, ending_of
from assistants_emulator.runs import content, events, tokens
from assistants_emulator.runs.limits import COMPLETION, PROMPT, fitted, left
from assistants_emulator.runs.tokens import prompt_tokens
from assistants_emulator.store import Event, Object

Links = Callable[[str], tuple[str, list[Object]]]
"""Returns a finished text with the links it lacks, and its annotations."""
NO_CALLS: Object = {"type": "tool_calls", "tool_calls": []}
NO_FIELDS: Mapping[str, Any] = {}
MESSAGE_REASONS = {
    "cancelled": "run_cancelled",
    "expired": "run_expired",
    "failed": "run_failed",
    "max_completion_tokens": "max_tokens",
    "content_filter": "content_filter",
}


class RunWriter:
    """The events of one run. Deltas are built only while `listening()` says that a stream wants them.

    `reply` is the number of a reply among the run's, from 0; chunks of one text have one number. A step keeps the
    number of its reply, so that after a restart the same reply finds its step.
    """

    def __init__(self, context: Context, run_id: str, listening: Callable[[], bool]) -> None:
        self.context = context
        self.run_id = run_id
        self.listening = listening
        self.open: OpenStep | None = None

    @property
    def run(self) -> Object:
        run = self.context.store.get("runs", self.run_id)
        if run is None:
            raise LookupError(f"{self.run_id} is under way but no longer stored")
        return run

    def steps(self) -> list[Object]:
        """The run's steps, oldest first."""
        return list(self.context.store.of("steps", "run_id", self.run_id))

    def played(self, reply: int) -> Object | None:
        """The step that this reply has made, now or before a restart."""
        return next((step for step in self.steps() if step.get("_reply") == reply), None)

    def next_reply(self) -> int:
        """The number of a reply after all that have made a step."""
        return max((step["_reply"] for step in self.steps()), default=-1) + 1

    def resumption(self) -> tuple[int, bool]:
        """The number of the reply to go on with after a restart, and True if its message was begun before."""
        steps = self.steps()
        is_begun = bool(steps) and (steps[-1]["status"], steps[-1]["type"]) == ("in_progress", "message_creation")
        return self.next_reply() - is_begun, is_begun

    def cut_short(self, number: int) -> str | None:
        """`max_completion_tokens` if that budget has cut this number's message short, now or before a restart."""
        if self.open is not None:
            return self.open.cut_short
        step = self.played(number)
        if step is None or step["type"] != "message_creation":
            return None
        message = self._message_of(step)
        details = message["incomplete_details"] if message is not None else None
        return COMPLETION if details == {"reason": MESSAGE_REASONS[COMPLETION]} else None

    def printed(self, number: int) -> list[str]:
        """The logs of the code interpreter call that this number made, open or ended; one string."""
        step = self.open.step if self.open is not None else self.played(number)
        calls = step["step_details"]["tool_calls"] if step is not None else []
        return ["".join(out.get("logs", "") for call in calls for out in call["code_interpreter"]["outputs"])]

    # Replies

    def message(
        self,
        reply: int,
        parts: Sequence[content.Part],
        files: Sequence[tuple[str, Object]] = (),
        is_unfinished: bool = False,
    ) -> Iterator[Event]:
        """One message_creation step with its message, both left open; `files` are stored with it.

        A failure leaves the message of an `is_unfinished` one incomplete.
        """
        step, message = self._message_step(reply)
        parts, was_cut = fitted(list(parts), left(self.context, self.run, COMPLETION))
        whole = {**message, "content": [part.stored() for part in parts], **content.quoted(parts)}
        completion_tokens = tokens.of_message(whole) - PER_MESSAGE
        cut_short = COMPLETION if was_cut else None
        self.open = OpenStep(step, whole, None, completion_tokens, cut_short, is_unfinished=is_unfinished)
        yield from events.message_begun(step, message, files)
        if self.listening():
            self.open.deltas = deltas = []
            for index, part in enumerate(parts):
                for delta in part.deltas(index):
                    deltas.append(delta)
                    yield events.message_delta(message, delta)
            self.open.deltas = None

    def chunk(self, reply: int, value: str, before: Sequence[content.Part], links: Links) -> Iterator[Event]:
        """A piece of a text that is streamed as it comes; the first begins the message, with the parts `before` it."""
        is_first = self.open is None
        deltas = [content.chunk_delta(len(before), value, first=is_first)]
        if self.open is None:
            step, message = self._message_step(reply)
            self.open = OpenStep(step, message, [], links=links)
            yield from events.message_begun(step, message)
            deltas = [delta for index, part in enumerate(before) for delta in part.deltas(index)] + deltas
        for delta in deltas:
            yield from self._add_delta(self.open, delta)

    def tool(
        self,
        reply: int,
        call: Object,
        deltas: Callable[[Object], Iterator[Object]],
        files: Sequence[tuple[str, Object]] = (),
        fields: Mapping[str, Any] = NO_FIELDS,
    ) -> Iterator[Event]:
        """A tool_calls step of a tool that the service runs itself, left open. `call` has no id yet.

        `files` that it made are stored with it; `fields` of the step are those that later replies need.
        """
        step = {**self._tool_step(reply, 1), **fields}
        call = {"id": step["_calls"][0], **call}
        yield events.step_created(step, files)
        yield events.step_in_progress(step)
        completed = {**step, "step_details": {"type": "tool_calls", "tool_calls": [call]}}
        self.open = OpenStep(completed, None, None, of_json(call))
        if self.listening():
            for delta in deltas(call):
                yield events.step_delta(step, [delta])

    def functions(self, number: int, calls: Sequence[FunctionCall]) -> Iterator[Event]:
        """A tool_calls step that the submission of its outputs will end, and the run that requires them.

        A run that ends while it writes the calls does not come to require them.
        """
        step = self._tool_step(number, len(calls))
        tool_calls = [_function_call(call, call.id or id) for call, id in zip(calls, step["_calls"], strict=True)]
        yield events.step_created(step)
        yield events.step_in_progress(step)
        if self.listening():
            for delta in content.function_deltas(tool_calls):
                yield events.step_delta(step, [delta])
        waiting = {**step, "step_details": {"type": "tool_calls", "tool_calls": tool_calls}}
        ending, seconds = ending_of(calls)
        if ending is not None and seconds is None:
            yield Event("run_step.calls", waiting, (("steps", waiting),))
            return
        fields: Object = {"required_action": _required_action(tool_calls)}
        if seconds is not None:
            fields["_waits"] = {**self.run.get("_waits", {}), str(number): self.context.clock.time() + seconds}
        yield self._enter("requires_action", also=[("steps", waiting)], **fields)

    def close(self, cut_short: str | None = None) -> Iterator[Event]:
        """End the open step: completed, or with its message cut short for that reason."""
        if self.open is None:
            return
        cut_short = cut_short or self.open.cut_short
        if (last := self.open.end_text(cut_short)) is not None:
            yield from self._add_delta(self.open, last)
        step, message, now = self.open.step, self.open.message, self.context.clock.now()
        completion_tokens = max(1, self.open.completion_tokens)
        usage = self.open.usage or tokens.usage(prompt_tokens(self.context, self.run), completion_tokens)
        if message is not None and cut_short is not None:
            yield events.message_ended(_incomplete(message, cut_short, now))
        elif message is not None:
            yield events.message_ended({**message, "status": "completed", "completed_at": now})
        self.open = None
        yield events.step_ended({**step, "status": "completed", "completed_at": now, "usage": usage})

    def use(self, number: int, usage: Usage) -> Iterator[Event]:
        """Set the usage of the step before this reply, which is open or, as a function call's, has ended."""
        stated = tokens.usage(usage.prompt_tokens, usage.completion_tokens)
        if self.open is not None:
            self.open.usage = stated
            return
        before = [step for step in self.steps() if step["_reply"] < number]
        if before and before[-1]["usage"] != stated:
            step = {**before[-1], "usage": stated}
            yield Event("run_step.usage", step, (("steps", step),))

    # The run itself

    def begin(self, **fields: Any) -> Iterator[Event]:
        """From queued to in progress, at first and after each submission; `fields` are added to the run."""
        if self.run["status"] == "queued":
            yield self._enter("in_progress", **fields)

    def complete(self) -> Iterator[Event]:
        yield from self.close()
        yield self._end("completed", usage=self._usage())

    def incomplete(self, reason: str) -> Iterator[Event]:
        yield from self.close(cut_short=None if reason == PROMPT else reason)
        yield self._end("incomplete", incomplete_details={"reason": reason}, usage=self._usage())

    def fail(self, code: str, message: str) -> Iterator[Event]:
        error = {"code": code, "message": message}
        if self.open is None or not self.open.is_partial:
            yield from self.close()
        yield from self._abandon("failed", error)
        yield self._end("failed", last_error=error, usage=self._usage())

    def cancel(self) -> Iterator[Event]:
        if self.run["status"] != "cancelling":
            begun = self.open.begun_message() if self.open is not None else []
            yield self._enter("cancelling", also=[("messages", message) for message in begun], required_action=None)
        yield from self._abandon("cancelled")
        yield self._enter("cancelled", usage=self._usage())

    def expire(self) -> Iterator[Event]:
        yield from self._abandon("expired")
        yield self._end("expired", usage=self._usage())

    # Parts

    def _enter(self, status: str, also: Sequence[tuple[str, Object]] = (), **fields: Any) -> Event:
        return events.run_entered(enter(self.run, status, self.context.clock.now(), **fields), also)

    def _end(self, status: str, **fields: Any) -> Event:
        """The end of the run: shown at once where a stream listens or the clock has ended it, else held back."""
        run, now = self.run, self.context.clock.now()
        ended = enter(run, status, now, **fields)
        is_due = status == "expired" and run["expires_at"] is not None and now >= run["expires_at"]
        return events.run_entered(ended) if is_due or self.listening() else events.run_end_held(run, ended)

    def _usage(self) -> Object:
        return tokens.total(step["usage"] for step in self.steps())

    def _abandon(self, status: str, error: Object | None = None) -> Iterator[Event]:
        """End the step that is under way, and its message with the content that streams have had so far."""
        now = self.context.clock.now()
        for step in (step for step in self.steps() if step["status"] == "in_progress"):
            if step["type"] == "message_creation" and (message := self._message_of(step)) is not None:
                parts = self.open.streamed_content() if self.open is not None else message["content"]
                yield events.message_ended(_incomplete({**message, "content": parts}, status, now))
            usage = tokens.usage(prompt_tokens(self.context, self.run), 0)
            ended = {"status": status, f"{status}_at": now, "last_error": error, "usage": usage}
            yield events.step_ended({**step, **ended})
        self.open = None

    def _add_delta(self, open_step: OpenStep, delta: Object) -> Iterator[Event]:
        if open_step.deltas is not None:
            open_step.deltas.append(delta)
        if open_step.message is not None and self.listening():
            yield events.message_delta(open_step.message, delta)

    def _message_step(self, reply: int) -> tuple[Object, Object]:
        """The step of a message, and the message: both new, or as they were begun before a restart."""
        step = self.played(reply)
        if step is None:
            details = {"type": "message_creation", "message_creation": {"message_id": self.context.ids.new("message")}}
            step = _new_step(self.context, self.run, details, reply)
        message = _new_message(self.context, self.run, step["step_details"]["message_creation"]["message_id"])
        if (stored := self._message_of(step)) is not None:
            message["created_at"] = stored["created_at"]
        return step, message

    def _message_of(self, step: Object) -> Object | None:
        return self.context.store.get("messages", step["step_details"]["message_creation"]["message_id"])

    def _tool_step(self, reply: int, calls: int) -> Object:
        if (step := self.played(reply)) is not None:
            return step
        ids = [self.context.ids.new("call") for _ in range(calls)]
        return _new_step(self.context, self.run, NO_CALLS, reply, ids)


@dataclass(slots=True)
class OpenStep:
    """The step that a run is at: begun, and its end not yet written.

    `message` is whole, but for a text that is streamed chunk by chunk, which has `links`. `deltas` are those so far,
    None when all are out.
    """

    step: Object
    message: Object | None
    deltas: list[Object] | None
    completion_tokens: int = 0
    cut_short: str | None = None
    usage: Object | None = None
    links: Links | None = None
    is_unfinished: bool = False

    @property
    def is_partial(self) -> bool:
        """True for a text whose next chunk is not known yet, or never comes."""
        return self.links is not None or self.is_unfinished

    def streamed_content(self) -> list[Object]:
        """The content of the message as far as it has been streamed."""
        if self.message is None:
            return []
        whole: list[Object] = self.message["content"]
        return whole if self.deltas is None else content.accumulate(self.deltas)

    def begun_message(self) -> list[Object]:
        """The message with the content that it has so far, if the step has one: to be kept over a restart."""
        return [] if self.message is None else [{**self.message, "content": self.streamed_content()}]

    def end_text(self, cut_short: str | None) -> Object | None:
        """Make the message of a text that came chunk by chunk whole; return its last delta, if there is one."""
        if self.message is None or self.links is None:
            return None
        deltas, last = self.deltas or [], None
        if cut_short is None and deltas and deltas[-1]["type"] == "text":
            index = deltas[-1]["index"]
            text = "".join(delta["text"]["value"] for delta in deltas if delta["index"] == index)
            linked, annotations = self.links(text)
            last = content.closing_delta(index, linked[len(text) :], annotations)
        self.message = {**self.message, "content": content.accumulate([*deltas, last] if last else deltas)}
        self.completion_tokens = tokens.of_message(self.message) - PER_MESSAGE
        self.deltas = self.links = None
        return last


def _new_step(context: Context, run: Object, details: Object, reply: int, calls: Sequence[str] = ()) -> Object:
    """`_reply` is the number of the reply that made the step, `_calls` the ids of its tool calls: for a restart."""
    return {
        "id": context.ids.new("step"),
        "object": "thread.run.step",
        "created_at": context.clock.now(),
        "run_id": run["id"],
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "type": details["type"],
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expires_at": run["expires_at"],
        "failed_at": None,
        "last_error": None,
        "step_details": details,
        "usage": None,
        "_reply": reply,
        "_calls": list(calls),
    }


def _new_message(context: Context, run: Object, id: str) -> Object:
    return {
        "id": id,
        "object": "thread.message",
        "created_at": context.clock.now(),
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "run_id": run["id"],
        "status": "in_progress",
        "incomplete_details": None,
        "incomplete_at": None,
        "completed_at": None,
        "role": "assistant",
        "content": [],
        "attachments": [],
        "metadata": {},
    }


def _incomplete(message: Object, cause: str, now: int) -> Object:
    details = {"reason": MESSAGE_REASONS[cause]}
    return {**message, "status": "incomplete", "incomplete_details": details, "incomplete_at": now}


def _function_call(call: FunctionCall, id: str) -> Object:
    function = {"name": call.name, "arguments": call.arguments_json(), "output": None}
    return {"id": id, "type": "function", "function": function}


def _required_action(calls: Sequence[Object]) -> Object:
    """The calls without the `output` key (dotnet FunctionToolsWork)."""
    waiting = [{**call, "function": {key: call["function"][key] for key in ("name", "arguments")}} for call in calls]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": waiting}}
