"""The replies of a run under a variant: what its responder says, with one thing changed.

The variant stands between the responder and the task, so its effects are written as replies are: streamed and polled
alike, under any clock. It lasts until the run ends or has made function calls. What is played then is not checked: a
model may do what no responder may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import orjson

from assistants_emulator.responders.replies import (
    Cancel,
    Chunk,
    Ending,
    Expire,
    Fail,
    FunctionCall,
    Incomplete,
    Pause,
    Refusal,
    Text,
    Usage,
    Wait,
)
from assistants_emulator.responders.sources import Outputs
from assistants_emulator.store import Object
from assistants_emulator.sweep.calls import Action
from assistants_emulator.turns.invocation import Invocation

ENDINGS: Mapping[str, Ending] = {
    "failed: server_error": Fail(),
    "failed: rate_limit_exceeded": Fail("rate_limit_exceeded", "You exceeded your current quota."),
    "expired": Expire(),
    "cancelled": Cancel(),
}
INCOMPLETE, ADDED_MESSAGES = "incomplete: ", ("empty answer", "refusal")
REFUSAL = "I'm sorry, but I can't assist with that request."
UNKNOWN_FUNCTION = "no_such_function"
NOT_REPLACED = (Wait, Pause, Usage)
SAMPLES: Mapping[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "null": None}
"""A value of each type of JSON schema, for the arguments of a call that no responder makes."""


@dataclass(frozen=True, slots=True)
class NoContent:
    """A message without content, which no responder can write."""


class Varied:
    """An Invocation whose replies have the effect; `subject` is the run or response, `meet` is called once it has."""

    def __init__(self, invocation: Invocation, effect: str, subject: Object, meet: Callable[[], None]) -> None:
        self._invocation = invocation
        self._effect = effect
        self._functions = functions_of(subject)
        self._meet = meet
        self._next: deque[object] = deque()
        self._is_over = False
        self._chunks: list[Chunk] = []  # of the text that is being said
        self._expected: int | None = None  # outputs, by the responder's own calls

    async def next(self, outputs: Outputs) -> object:
        while not self._next:
            if outputs is not None and self._expected is not None:
                outputs, self._expected = outputs[: self._expected], None
            reply = await self._invocation.next(outputs)
            if self._is_over:
                return reply
            outputs = None
            self._next += self._changed(reply)
        return self._next.popleft()

    @property
    def varied(self) -> Invocation:
        """The invocation whose replies are changed."""
        return self._invocation

    def place(self) -> TracebackType | None:
        return self._invocation.place()

    def close(self) -> None:
        self._invocation.close()

    def _changed(self, reply: object) -> Sequence[object]:
        """The replies to play in the place of the responder's; none to ask it for the next."""
        if isinstance(reply, FunctionCall | list):
            self._is_over = True
        if (ending := ENDINGS.get(self._effect)) is not None:
            return [reply] if isinstance(reply, NOT_REPLACED) else self._met(ending)
        if isinstance(reply, Text):
            return self._text(reply)
        if isinstance(reply, Chunk):
            return self._chunk(reply)
        before = self._after_chunks()
        if isinstance(reply, FunctionCall | list):
            return [*before, *self._calls(reply if isinstance(reply, list) else [reply])]
        return [*before, reply]

    def _met(self, *replies: object) -> Sequence[object]:
        self._meet()
        return replies

    # Messages

    def _text(self, text: Text) -> Sequence[object]:
        before = self._after_chunks()
        if self._effect.startswith(INCOMPLETE):
            half = text.value[: len(text.value) // 2]
            return self._met(Text(half, then=self._incomplete()))
        if self._effect == "twice as many messages":
            return self._met(*before, replace(text, then=None), text)
        return self._met(*before, self._other_message()) if self._effect in ADDED_MESSAGES else [text]

    def _chunk(self, chunk: Chunk) -> Sequence[object]:
        is_first = not self._chunks
        self._chunks.append(chunk)
        if self._effect in ADDED_MESSAGES:
            return self._met(self._other_message()) if is_first else []
        if self._effect.startswith(INCOMPLETE) and not is_first:
            return self._met(self._incomplete())
        return [chunk]

    def _after_chunks(self) -> Sequence[object]:
        """The replies that follow a text which came chunk by chunk."""
        chunks, self._chunks = self._chunks, []
        if chunks and self._effect.startswith(INCOMPLETE):
            return self._met(self._incomplete())
        if chunks and self._effect == "twice as many messages":
            return self._met(Text("".join(chunk.value for chunk in chunks)))
        return []

    def _incomplete(self) -> Incomplete:
        return Incomplete(self._effect.removeprefix(INCOMPLETE))

    def _other_message(self) -> object:
        return Refusal(REFUSAL) if self._effect == "refusal" else NoContent()

    # Function calls

    def _calls(self, calls: list[FunctionCall]) -> Sequence[object]:
        self._expected = len(calls)
        first, rest = calls[0], calls[1:]
        match self._effect:
            case "arguments not JSON":
                return self._met([replace(first, arguments=first.arguments_json()[:-1]), *rest])
            case "unknown function":
                return self._met([replace(first, name=UNKNOWN_FUNCTION), *rest])
            case "missing argument":
                return self._met([self._without_an_argument(first), *rest])
            case "another call":
                other = next(name for name in self._functions if name != first.name)
                return self._met([*calls, FunctionCall(other, sample(self._functions[other]))])
            case "same call twice":
                return self._met([*calls, replace(first, id=None, then=None, after=None)])
        return [calls]

    def _without_an_argument(self, call: FunctionCall) -> FunctionCall:
        arguments = arguments_of(call)
        required = self._functions.get(call.name, {}).get("required") or []
        gone = next((name for name in [*required, *arguments] if name in arguments), None)
        return replace(call, arguments={name: value for name, value in arguments.items() if name != gone})


def functions_of(subject: Object) -> dict[str, Object]:
    """The schemas of the parameters of the functions that a run or response declares, by name."""
    declared = [tool.get("function", tool) for tool in subject["tools"] if tool["type"] == "function"]
    return {function["name"]: function.get("parameters") or {} for function in declared}


def arguments_of(call: FunctionCall) -> dict[str, Any]:
    """The arguments; none for a call whose arguments are no JSON object."""
    try:
        arguments = orjson.loads(call.arguments_json())
    except orjson.JSONDecodeError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


def action_of(reply: FunctionCall | list[FunctionCall], subject: Object) -> Action:
    calls = reply if isinstance(reply, list) else [reply]
    can_be_two = len(calls) == 1 and bool(subject["parallel_tool_calls"])
    others = set(functions_of(subject)) - {calls[0].name}
    return Action(bool(arguments_of(calls[0])), can_be_two, bool(others))


def sample(schema: Any) -> Any:
    """A value that fits a plain JSON schema: required properties only, the first of alternatives."""
    if not isinstance(schema, Mapping):
        return {}
    if "enum" in schema or "const" in schema:
        return (schema.get("enum") or [schema.get("const")])[0]
    for alternatives in ("anyOf", "oneOf", "allOf"):
        if schema.get(alternatives):
            return sample(schema[alternatives][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind in SAMPLES:
        return SAMPLES[kind]
    properties = schema.get("properties") or {}
    return {name: sample(properties.get(name, {"type": "string"})) for name in schema.get("required") or []}
