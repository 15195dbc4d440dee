"""One run's talk with a chat model: what is asked each time, and what its tool calls make the run do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from assistants_emulator.errors import ModelError
from assistants_emulator.responders.chat import prompt
from assistants_emulator.responders.chat.client import Answer, Call
from assistants_emulator.responders.chat.prompt import CODE_INTERPRETER, FILE_SEARCH, Object
from assistants_emulator.responders.replies import CodeInterpreter, FileSearch, FunctionCall, Step, Text, Usage
from assistants_emulator.responders.turn import Turn

Outputs: TypeAlias = Sequence[str] | None


@dataclass(slots=True)
class Work:
    """What the run does for one or more of the model's calls: a reply (None: nothing), and from what is sent back
    their outputs. `outputs` may look things up, so not on an event loop."""

    calls: list[Call]
    reply: Step | None
    outputs: Callable[[Outputs], Sequence[str]]


class Talk:
    """Made where it may look things up: it reads the thread."""

    def __init__(self, turn: Turn, model: str) -> None:
        self._turn = turn
        self._model = model
        self._messages = prompt.messages(turn)
        self._tools = prompt.tools(turn)
        self._before = turn.steps
        self._spent = 0
        self._asked = 0

    # What the model is asked

    @property
    def room(self) -> int | None:
        """The completion tokens that the run still has; None where it has no such budget."""
        most = self._turn.run["max_completion_tokens"]
        return None if most is None else max(0, most - self._spent)

    def question(self) -> Object:
        """The body of the next request."""
        tools = [] if self._broke_off_in_a_text() and not self._asked else self._tools
        body = {"model": self._model, "messages": self._messages, "stream": True}
        body |= {"stream_options": {"include_usage": True}}
        body |= {} if self.room is None else {"max_tokens": self.room}
        body |= prompt.options(self._turn, tools, is_first=not self._asked and not self._before)
        self._asked += 1
        return body

    def heard(self, answer: Answer) -> None:
        """Keep what the model has said, for the next question."""
        self._spent += answer.usage.completion_tokens if answer.usage else 0
        taken: set[str] = set()
        for number, call in enumerate(answer.calls):
            if not call.id or call.id in taken:  # some servers give none, some the same to all
                call.id = f"call_{self._asked}_{number}"
            taken.add(call.id)
        if answer.calls:
            self._remember(answer.text or None, answer.calls)

    def keep(self, calls: Sequence[Call], outputs: Sequence[str]) -> None:
        """What the calls gave."""
        for call, output in zip(calls, outputs, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call.id, "content": output})

    def _remember(self, text: str | None, calls: Sequence[Call]) -> None:
        told = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
        self._messages.append({"role": "assistant", "content": text, "tool_calls": told})

    # What the run does for it

    def work(self, calls: Sequence[Call]) -> Iterator[Work]:
        """The service's own tools one by one, then the functions: parallel, where the run allows it."""
        functions = {function["name"] for function in prompt.functions(self._turn)}
        asking = [call for call in calls if call.name in functions]
        yield from (self._own_work(call) for call in calls if call.name not in functions)
        parallel = self._turn.run["parallel_tool_calls"]
        for together in [asking] if parallel and asking else [[call] for call in asking]:
            made = [FunctionCall(call.name, call.arguments or "{}", call.id) for call in together]
            yield Work(together, list(made), lambda sent: sent or ())

    def _own_work(self, call: Call) -> Work:
        offered = {tool["function"]["name"] for tool in self._tools}
        if call.name not in offered:
            return Work([call], None, lambda _: [f"There is no tool named {call.name!r}."])
        needed = {FILE_SEARCH["name"]: "query", CODE_INTERPRETER["name"]: "code"}[call.name]
        value = _argument(call, needed)
        if value is None:
            return Work([call], None, lambda _: [f'The arguments have to be a JSON object with "{needed}", a string.'])
        if call.name == CODE_INTERPRETER["name"]:
            return Work([call], CodeInterpreter(value, execute=True), lambda sent: sent or [""])
        return Work([call], FileSearch(value), lambda _: [found(self._turn, value)])

    # After a restart

    def done_before(self) -> Iterator[Work]:
        """What the run did before the emulator was stopped: said again, it is not played again (its steps are there).

        A number between those of two steps was the usage of the first; a text that was broken off is told anew.
        """
        number, used = 0, Usage(0, 0)
        for step in self._before:
            for _ in range(number, step["_reply"]):
                yield Work([], used, lambda _: ())
            if step["status"] != "completed" and not _is_of(step, "function"):
                if _is_of(step, "message_creation"):
                    return
                raise ModelError("the emulator was stopped in the middle of a tool call, which cannot be made again")
            used = _usage(step["usage"])
            self._spent += used.completion_tokens
            yield self._again(step)
            number = step["_reply"] + 1

    def _again(self, step: Object) -> Work:
        if _is_of(step, "message_creation"):
            return Work([], Text(""), lambda _: ())  # the thread's messages have it
        told = step["step_details"]["tool_calls"]
        calls = [self._call(call) for call in told]
        self._remember(None, calls)
        if _is_of(step, "function"):
            made = [FunctionCall(call.name, call.arguments, call.id) for call in calls]
            return Work(calls, list(made), lambda sent: sent or ())
        if _is_of(step, "code_interpreter"):
            logs = "".join(output.get("logs", "") for output in told[0]["code_interpreter"]["outputs"])
            return Work(calls, CodeInterpreter(""), lambda _: [logs])
        return Work(calls, FileSearch(""), lambda _: [passages(told[0]["file_search"]["results"])])

    def _call(self, call: Object) -> Call:
        if call["type"] == "function":
            return Call(call["function"]["name"], call["function"]["arguments"], call["id"])
        if call["type"] == "code_interpreter":
            arguments = {"code": call["code_interpreter"]["input"]}
        else:
            arguments = {"query": self._turn.last_message.text if self._turn.last_message else ""}
        return Call(call["type"], orjson.dumps(arguments).decode(), call["id"])

    def _broke_off_in_a_text(self) -> bool:
        """Then the first answer has to be a text: its step is there already."""
        last = self._before[-1] if self._before else None
        return last is not None and last["status"] == "in_progress" and _is_of(last, "message_creation")


def found(turn: Turn, query: str) -> str:
    """What file search tells the model."""
    hits = turn.search(query)
    return passages([{"file_name": hit.filename, "content": [{"text": hit.text}]} for hit in hits])


def passages(results: Sequence[Object]) -> str:
    told = [f"[{one['file_name']}]\n{''.join(part['text'] for part in one.get('content') or ())}" for one in results]
    return "\n\n".join(told) or "Nothing was found."


def _argument(call: Call, name: str) -> str | None:
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return None
    value = arguments.get(name) if isinstance(arguments, dict) else None
    return value if isinstance(value, str) else None


def _is_of(step: Object, kind: str) -> bool:
    """Whether the step is a message, or one of calls of that tool; functions have no calls yet while they are made."""
    if step["type"] == kind:
        return True
    calls = step["step_details"].get("tool_calls", [])
    return bool(calls) and calls[0]["type"] == kind


def _usage(told: Object | None) -> Usage:
    return Usage(told["prompt_tokens"], told["completion_tokens"]) if told else Usage(0, 0)
