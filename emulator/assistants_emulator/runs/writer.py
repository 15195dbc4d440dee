"""Turns what a responder replies into the events of one run.

A newcomer would collect the events and commit them later: don't. The driver commits each before it asks for the next,
since the event is the write and the next one is made from what is stored. Nothing here waits.

A message or tool step is left open until the next reply is known, which may be its usage or that it was cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistants_emulator.resources.context import Context
from assistants_emulator.resources.run_states import enter
from assistants_emulator.responders.replies import FunctionCall
from assistants_emulator.runs import content, events, tokens
from assistants_emulator.runs.limits import COMPLETION, PROMPT, fitted, left
from assistants_emulator.runs.tokens import prompt_tokens
from assistants_emulator.store import Event, Object

Links = Callable[[str], tuple[str, list[Object]]]


@dataclass(slots=True)
class OpenStep:
    """`message` is whole, but for a text that is told chunk by chunk: that has `links`, which gives the finished text
    and its annotations. `said` are the deltas so far, None when all has been said."""

    step: Object
    message: Object | None
    said: list[Object] | None
    completion_tokens: int = 0
    cut_short: str | None = None
    usage: Object | None = None
    links: Links | None = None

    @property
    def half_told(self) -> bool:
        """Whether its text would have gone on."""
        return self.links is not None

    def told(self) -> list[Object]:
        """The content of the message as far as it has been told."""
        if self.message is None:
            return []
        whole: list[Object] = self.message["content"]
        return whole if self.said is None else content.accumulate(self.said)

    def ending(self, cut_short: str | None) -> Object | None:
        """End a text that was told chunk by chunk: its message is whole then. A last delta, where there is one."""
        if self.message is None or self.links is None:
            return None
        said = self.said or []
        last = None
        if cut_short is None and said and said[-1]["type"] == "text":
            index = said[-1]["index"]
            text = "".join(delta["text"]["value"] for delta in said if delta["index"] == index)
            linked, annotations = self.links(text)
            last = content.closing_delta(index, linked[len(text) :], annotations)
        whole = content.accumulate([*said, last] if last else said)
        self.message = {**self.message, "content": whole}
        self.completion_tokens = tokens.of_message(self.message) - tokens.PER_MESSAGE
        self.said = self.links = None
        return last


def new_step(context: Context, run: Object, details: Object, reply: int, calls: Sequence[str] = ()) -> Object:
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


def new_reply_message(context: Context, run: Object, id: str) -> Object:
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


def message_step(context: Context, run: Object, begun: Object | None, reply: int) -> tuple[Object, Object]:
    """The step of a message and the message, both new, or as they were `begun` before a restart."""
    step = begun
    if step is None:
        details = {"type": "message_creation", "message_creation": {"message_id": context.ids.new("message")}}
        step = new_step(context, run, details, reply)
    message = new_reply_message(context, run, step["step_details"]["message_creation"]["message_id"])
    if (stored := context.store.get("messages", message["id"])) is not None:
        message["created_at"] = stored["created_at"]
    return step, message


def function_call(call: FunctionCall, id: str) -> Object:
    function = {"name": call.name, "arguments": call.arguments_json(), "output": None}
    return {"id": id, "type": "function", "function": function}


def required_action(calls: Sequence[Object]) -> Object:
    """What a run that requires action asks for: the calls without the `output` key (dotnet FunctionToolsWork)."""
    asked = [{**call, "function": {key: call["function"][key] for key in ("name", "arguments")}} for call in calls]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": asked}}


MESSAGE_REASONS = {
    "cancelled": "run_cancelled",
    "expired": "run_expired",
    "failed": "run_failed",
    "max_completion_tokens": "max_tokens",
    "content_filter": "content_filter",
}
NOTHING: Mapping[str, Any] = {}
NO_CALLS: Object = {"type": "tool_calls", "tool_calls": []}


class RunWriter:
    """The events of one run. `listening()` says whether a stream wants deltas; they are not made for nobody."""

    def __init__(self, context: Context, run_id: str, listening: Callable[[], bool]) -> None:
        self.context = context
        self.run_id = run_id
        self.listening = listening
        self.open: OpenStep | None = None

    @property
    def run(self) -> Object:
        run = self.context.store.get("runs", self.run_id)
        if run is None:
            raise LookupError(f"{self.run_id} is driven but no longer stored")
        return run

    def played(self, reply: int) -> Object | None:
        """The step that the reply of that number made before a restart, if it did."""
        return next((step for step in self.steps() if step.get("_reply") == reply), None)

    def next_reply(self) -> int:
        """The number of a reply after all that have made a step."""
        return max((step["_reply"] for step in self.steps()), default=-1) + 1

    def cut_short(self, reply: int) -> str | None:
        """The completion budget, if it has cut that reply's message short, now or before a restart."""
        if self.open is not None:
            return self.open.cut_short
        step = self.played(reply)
        if step is None or step["type"] != "message_creation":
            return None
        message = self.context.store.get("messages", step["step_details"]["message_creation"]["message_id"])
        details = message["incomplete_details"] if message is not None else None
        return COMPLETION if details == {"reason": MESSAGE_REASONS[COMPLETION]} else None

    def printed(self, reply: int) -> list[str]:
        """The logs of the code interpreter call that the reply of that number made, open or ended."""
        step = self.open.step if self.open is not None else self.played(reply)
        calls = step["step_details"]["tool_calls"] if step is not None else []
        return ["".join(out.get("logs", "") for call in calls for out in call["code_interpreter"]["outputs"])]

    # Replies

    def message(
        self, reply: int, parts: Sequence[content.Part], files: Sequence[tuple[str, Object]] = ()
    ) -> Iterator[Event]:
        """One message_creation step with its message, both left open; `files` are stored with it."""
        step, message = message_step(self.context, self.run, self.played(reply), reply)
        parts, was_cut = fitted(list(parts), left(self.context, self.run, COMPLETION))
        whole = {**message, "content": [part.stored() for part in parts], **content.quoted(parts)}
        spent = tokens.of_message(whole) - tokens.PER_MESSAGE
        self.open = OpenStep(step, whole, None, spent, COMPLETION if was_cut else None)
        yield from events.message_begun(step, message, files)
        if self.listening():
            self.open.said = said = []
            for index, part in enumerate(parts):
                for delta in part.deltas(index):
                    said.append(delta)
                    yield events.message_delta(message, delta)
            self.open.said = None

    def chunk(self, reply: int, value: str, before: Sequence[content.Part], links: Links) -> Iterator[Event]:
        """A piece of a text that is told as it comes; the first begins the message, with the parts `before` it."""
        first = self.open is None
        deltas = [content.chunk_delta(len(before), value, first=first)]
        if self.open is None:
            step, message = message_step(self.context, self.run, self.played(reply), reply)
            self.open = OpenStep(step, message, [], links=links)
            yield from events.message_begun(step, message)
            deltas = [delta for index, part in enumerate(before) for delta in part.deltas(index)] + deltas
        for delta in deltas:
            yield from self._say(self.open, delta)

    def _say(self, open: OpenStep, delta: Object) -> Iterator[Event]:
        if open.said is not None:
            open.said.append(delta)
        if open.message is not None and self.listening():
            yield events.message_delta(open.message, delta)

    def tool(
        self,
        reply: int,
        call: Object,
        deltas: Callable[[Object], Iterator[Object]],
        files: Sequence[tuple[str, Object]] = (),
        remembered: Mapping[str, Any] = NOTHING,
    ) -> Iterator[Event]:
        """A tool_calls step of a tool that the service runs itself, left open. `call` has no id yet.

        `files` that it made are stored with it, and `remembered` is what a later reply has to know of the step.
        """
        step = {**self._tool_step(reply, 1), **remembered}
        call = {"id": step["_calls"][0], **call}
        yield events.step_created(step, files)
        yield events.step_in_progress(step)
        done = {**step, "step_details": {"type": "tool_calls", "tool_calls": [call]}}
        self.open = OpenStep(done, None, None, tokens.of_json(call))
        if self.listening():
            for delta in deltas(call):
                yield events.step_delta(step, [delta])

    def functions(self, reply: int, calls: Sequence[FunctionCall]) -> Iterator[Event]:
        """A tool_calls step that its outputs will end, and the run requiring them."""
        step = self._tool_step(reply, len(calls))
        rendered = [function_call(call, call.id or id) for call, id in zip(calls, step["_calls"], strict=True)]
        yield events.step_created(step)
        yield events.step_in_progress(step)
        if self.listening():
            for delta in content.function_deltas(rendered):
                yield events.step_delta(step, [delta])
        asking = {**step, "step_details": {"type": "tool_calls", "tool_calls": rendered}}
        yield self._enter("requires_action", also=[("steps", asking)], required_action=required_action(rendered))

    def close(self, cut_short: str | None = None) -> Iterator[Event]:
        """End what was left open: completed, or with its message cut short for that reason."""
        if self.open is None:
            return
        cut_short = cut_short or self.open.cut_short
        if (last := self.open.ending(cut_short)) is not None:
            yield from self._say(self.open, last)
        step, message, now = self.open.step, self.open.message, self.context.clock.now()
        spent = max(1, self.open.completion_tokens)
        used = self.open.usage or tokens.usage(prompt_tokens(self.context, self.run), spent)
        if message is not None and cut_short is not None:
            yield events.message_ended(_incomplete(message, cut_short, now))
        elif message is not None:
            yield events.message_ended({**message, "status": "completed", "completed_at": now})
        self.open = None
        yield events.step_ended({**step, "status": "completed", "completed_at": now, "usage": used})

    def use(self, reply: int, usage: Object) -> Iterator[Event]:
        """The usage of the step before that reply, which is open or has ended (a function call's, or by a restart)."""
        if self.open is not None:
            self.open.usage = usage
            return
        before = [step for step in self.steps() if step["_reply"] < reply]
        if before and before[-1]["usage"] != usage:
            step = {**before[-1], "usage": usage}
            yield Event("run_step.usage", step, (("steps", step),))

    # The run itself

    def begin(self, **remembered: Any) -> Iterator[Event]:
        """From queued to in progress, at first and after each submission."""
        if self.run["status"] == "queued":
            yield self._enter("in_progress", **remembered)

    def complete(self) -> Iterator[Event]:
        yield from self.close()
        yield self._enter("completed", usage=self._usage())

    def incomplete(self, reason: str) -> Iterator[Event]:
        yield from self.close(cut_short=None if reason == PROMPT else reason)
        yield self._enter("incomplete", incomplete_details={"reason": reason}, usage=self._usage())

    def fail(self, code: str, message: str) -> Iterator[Event]:
        error = {"code": code, "message": message}
        if self.open is None or not self.open.half_told:
            yield from self.close()
        yield from self._abandon("failed", error)
        yield self._enter("failed", last_error=error, usage=self._usage())

    def cancel(self) -> Iterator[Event]:
        yield from self._abandon("cancelled")
        yield self._enter("cancelled", usage=self._usage())

    def expire(self) -> Iterator[Event]:
        yield from self._abandon("expired")
        yield self._enter("expired", usage=self._usage())

    # Parts

    def _enter(self, status: str, also: Sequence[tuple[str, Object]] = (), **fields: Any) -> Event:
        return events.run_entered(enter(self.run, status, self.context.clock.now(), **fields), also)

    def steps(self) -> list[Object]:
        return list(self.context.store.of("steps", "run_id", self.run_id))

    def _usage(self) -> Object:
        return tokens.total(step["usage"] for step in self.steps())

    def _tool_step(self, reply: int, calls: int) -> Object:
        ids = [self.context.ids.new("call") for _ in range(calls)] if self.played(reply) is None else []
        return self.played(reply) or new_step(self.context, self.run, NO_CALLS, reply, ids)

    def _abandon(self, status: str, error: Object | None = None) -> Iterator[Event]:
        """End the step that is under way, and its message with what was told of it so far."""
        now = self.context.clock.now()
        for step in (step for step in self.steps() if step["status"] == "in_progress"):
            if step["type"] == "message_creation":
                message = self.context.store.get("messages", step["step_details"]["message_creation"]["message_id"])
                if message is not None:
                    said = self.open.told() if self.open is not None else []
                    yield events.message_ended(_incomplete({**message, "content": said}, status, now))
            used = tokens.usage(prompt_tokens(self.context, self.run), 0)
            yield events.step_ended({**step, "status": status, f"{status}_at": now, "last_error": error, "usage": used})
        self.open = None


def _incomplete(message: Object, why: str, now: int) -> Object:
    details = {"reason": MESSAGE_REASONS[why]}
    return {**message, "status": "incomplete", "incomplete_details": details, "incomplete_at": now}
