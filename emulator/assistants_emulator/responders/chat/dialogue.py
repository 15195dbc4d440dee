"""The dialogue of one run with a chat model: the body of each request, and the run's work for the tool calls."""

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
    """The run's work for one or more calls of the model.

    `reply` is the step to make (None: none); `outputs` turns the step's outputs into those of the calls. It may look
    things up in the project, so it is not called on an event loop.
    """

    calls: list[Call]
    reply: Step | None
    outputs: Callable[[Outputs], Sequence[str]]


class Dialogue:
    """The messages of the dialogue, from the run's thread on. It reads the thread, so not on an event loop."""

    def __init__(self, turn: Turn, model: str) -> None:
        self._turn = turn
        self._model = model
        self._messages = prompt.messages(turn)
        self._tools = prompt.tools(turn)
        self._earlier_steps = turn.steps
        self._completion_tokens = 0
        self._requests = 0

    # Requests to the model

    @property
    def room(self) -> int | None:
        """The completion tokens left for the run; None if it has no such budget."""
        most = self._turn.run["max_completion_tokens"]
        return None if most is None else max(0, most - self._completion_tokens)

    def request(self) -> Object:
        """The body of the next request."""
        tools = [] if self._was_cut_in_text() and not self._requests else self._tools
        body = {"model": self._model, "messages": self._messages, "stream": True}
        body |= {"stream_options": {"include_usage": True}}
        body |= {} if self.room is None else {"max_tokens": self.room}
        body |= prompt.options(self._turn, tools, is_first=not self._requests and not self._earlier_steps)
        self._requests += 1
        return body

    def add_answer(self, answer: Answer) -> None:
        """Keep the model's answer for the next request; calls get ids of their own."""
        self._completion_tokens += answer.usage.completion_tokens if answer.usage else 0
        ids: set[str] = set()
        for number, call in enumerate(answer.calls):
            if not call.id or call.id in ids:  # some servers give no ids, some the same to all
                call.id = f"call_{self._requests}_{number}"
            ids.add(call.id)
        if answer.calls:
            self._add_calls(answer.text or None, answer.calls)

    def add_outputs(self, calls: Sequence[Call], outputs: Sequence[str]) -> None:
        for call, output in zip(calls, outputs, strict=True):
            self._messages.append({"role": "tool", "tool_call_id": call.id, "content": output})

    def _add_calls(self, text: str | None, calls: Sequence[Call]) -> None:
        tool_calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
        self._messages.append({"role": "assistant", "content": text, "tool_calls": tool_calls})

    # The run's work

    def work(self, calls: Sequence[Call]) -> Iterator[Work]:
        """The service's own tools one by one, then the functions, in parallel if the run allows it."""
        functions = {function["name"] for function in prompt.functions(self._turn)}
        function_calls = [call for call in calls if call.name in functions]
        yield from (self._own_work(call) for call in calls if call.name not in functions)
        parallel = self._turn.run["parallel_tool_calls"]
        for group in [function_calls] if parallel and function_calls else [[call] for call in function_calls]:
            step: list[FunctionCall] = [FunctionCall(call.name, call.arguments or "{}", call.id) for call in group]
            yield Work(group, step, lambda outputs: outputs or ())

    def _own_work(self, call: Call) -> Work:
        offered = {tool["function"]["name"] for tool in self._tools}
        if call.name not in offered:
            return Work([call], None, lambda _: [f"There is no tool named {call.name!r}."])
        needed = {FILE_SEARCH["name"]: "query", CODE_INTERPRETER["name"]: "code"}[call.name]
        value = _argument(call, needed)
        if value is None:
            return Work([call], None, lambda _: [f'The arguments have to be a JSON object with "{needed}", a string.'])
        if call.name == CODE_INTERPRETER["name"]:
            return Work([call], CodeInterpreter(value, execute=True), lambda outputs: outputs or [""])
        return Work([call], FileSearch(value), lambda _: [search(self._turn, value)])

    # After a restart

    def earlier_work(self) -> Iterator[Work]:
        """The run's work before the emulator was stopped. Its steps exist, so the same replies make no new ones.

        A number between those of two steps was the usage of the first; a text that was cut is asked for again.
        """
        number, usage = 0, Usage(0, 0)
        for step in self._earlier_steps:
            for _ in range(number, step["_reply"]):
                yield Work([], usage, lambda _: ())
            if step["status"] != "completed" and not _is_of(step, "function"):
                if _is_of(step, "message_creation"):
                    return
                raise ModelError("the emulator was stopped in the middle of a tool call, which cannot be made again")
            usage = _usage(step["usage"])
            self._completion_tokens += usage.completion_tokens
            yield self._again(step)
            number = step["_reply"] + 1

    def _again(self, step: Object) -> Work:
        if _is_of(step, "message_creation"):
            return Work([], Text(""), lambda _: ())  # the thread's messages have it
        tool_calls = step["step_details"]["tool_calls"]
        calls = [self._call(call) for call in tool_calls]
        self._add_calls(None, calls)
        if _is_of(step, "function"):
            again: list[FunctionCall] = [FunctionCall(call.name, call.arguments, call.id) for call in calls]
            return Work(calls, again, lambda outputs: outputs or ())
        if _is_of(step, "code_interpreter"):
            logs = "".join(output.get("logs", "") for output in tool_calls[0]["code_interpreter"]["outputs"])
            return Work(calls, CodeInterpreter(""), lambda _: [logs])
        return Work(calls, FileSearch(""), lambda _: [passages(tool_calls[0]["file_search"]["results"])])

    def _call(self, call: Object) -> Call:
        if call["type"] == "function":
            return Call(call["function"]["name"], call["function"]["arguments"], call["id"])
        if call["type"] == "code_interpreter":
            arguments = {"code": call["code_interpreter"]["input"]}
        else:
            arguments = {"query": self._turn.last_message.text if self._turn.last_message else ""}
        return Call(call["type"], orjson.dumps(arguments).decode(), call["id"])

    def _was_cut_in_text(self) -> bool:
        """True if the run was stopped in a text: its step exists, so the first answer has to be a text."""
        last = self._earlier_steps[-1] if self._earlier_steps else None
        return last is not None and last["status"] == "in_progress" and _is_of(last, "message_creation")


def search(turn: Turn, query: str) -> str:
    """The output of file search for the model."""
    hits = turn.search(query)
    return passages([{"file_name": hit.filename, "content": [{"text": hit.text}]} for hit in hits])


def passages(results: Sequence[Object]) -> str:
    texts = ("".join(part["text"] for part in result.get("content") or ()) for result in results)
    blocks = [f"[{result['file_name']}]\n{text}" for result, text in zip(results, texts, strict=True)]
    return "\n\n".join(blocks) or "Nothing was found."


def _argument(call: Call, name: str) -> str | None:
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return None
    value = arguments.get(name) if isinstance(arguments, dict) else None
    return value if isinstance(value, str) else None


def _is_of(step: Object, kind: str) -> bool:
    """True for a step of that type, or of calls of that tool; a function step has no calls while it is begun."""
    if step["type"] == kind:
        return True
    calls = step["step_details"].get("tool_calls", [])
    return bool(calls) and calls[0]["type"] == kind


def _usage(usage: Object | None) -> Usage:
    return Usage(usage["prompt_tokens"], usage["completion_tokens"]) if usage else Usage(0, 0)
