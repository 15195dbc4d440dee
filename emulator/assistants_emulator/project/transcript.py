"""Threads, conversations and chains of responses as text for comparison: in order, without times.

There is a line for each message, tool call and run status. A turn of responses, from a message of the user to the next,
stands as one run. A portable transcript is the same text for the same behaviour in both APIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from assistants_emulator.resources.items import TABLE
from assistants_emulator.retrieval.citations import MARKER
from assistants_emulator.store import Object, Store

IMAGES = ("image_file", "image_url", "input_image")
ENDINGS = {"max_output_tokens": "max_completion_tokens"}  # reasons as runs give them


class Objects(Protocol):
    """As much of a Store as a transcript reads; `number` is an object's place in the order of creation."""

    def get(self, table: str, id: str) -> Object | None: ...
    def of(self, table: str, field: str, parent: str) -> Iterable[Object]: ...
    def number(self, table: str, id: str) -> float: ...


def transcript(store: Objects, thread_id: str, portable: bool = False) -> str:
    """The thread's transcript. It ends with a newline unless it is empty; further lines of a text are indented."""
    messages = store.of("messages", "thread_id", thread_id)
    numbered: list[tuple[float, str]] = [
        (store.number("messages", message["id"]), _message(message, portable)) for message in messages
    ]
    for run in store.of("runs", "thread_id", thread_id):
        numbered += _events(store, run, portable)
    numbered.sort(key=lambda entry: entry[0])
    return "".join(f"{line}\n" for _, line in numbered)


def run_transcript(store: Objects, run: Object) -> str:
    """The run's part of its thread's transcript: its tool calls, its messages and its status."""
    messages = store.of("messages", "run_id", run["id"])
    numbered = [(store.number("messages", message["id"]), _message(message, False)) for message in messages]
    numbered = sorted([*numbered, *_events(store, run, False)], key=lambda entry: entry[0])
    return "".join(f"{line}\n" for _, line in numbered)


def open_calls(store: Store) -> tuple[str, ...]:
    """A line for each run that waits for tool outputs: `run_abc waits for the output of get_weather`."""
    lines = []
    for run in store.all("runs"):
        if run["status"] == "requires_action":
            calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
            lines.append(f"{run['id']} waits for the output of {', '.join(call['function']['name'] for call in calls)}")
    return tuple(lines)


def _events(store: Objects, run: Object, portable: bool) -> Iterator[tuple[float, str]]:
    """The run's tool calls and status with their places among the messages.

    Each call comes just before the run's next message, the rest after its last one: a state file has no other order.
    """
    place: float = store.number("runs", run["id"])
    waiting: list[str] = []
    for step in store.of("steps", "run_id", run["id"]):
        waiting += _calls(step, portable)
        message_id = step["step_details"].get("message_creation", {}).get("message_id", "")
        if store.get("messages", message_id) is not None:
            place = store.number("messages", message_id)
            yield from ((place - 0.5, line) for line in waiting)
            waiting = []
    yield from ((place + 0.5, line) for line in [*waiting, _run(run)])


def _message(message: Object, portable: bool) -> str:
    texts = [_part(part, portable) for part in message["content"]]
    return _line(message, " ".join(text for text in texts if text or not portable))


def _line(message: Object, text: str) -> str:
    mark = "" if message["status"] == "completed" else f" ({message['status']})"
    return f"{message['role']}{mark}: {_indented(text)}"


def _part(part: dict[str, Any], portable: bool) -> str:
    kind = part["type"]
    if kind == "text":
        value = str(part["text"]["value"])
        return _named(MARKER.sub("", value), _cited(value)) if portable else value
    if kind == "refusal":
        return f"[refusal] {part['refusal']}"
    return "[image]" if portable and kind in IMAGES else f"[{kind}]"


def _cited(value: str) -> list[str]:
    """The names of the files that the text's markers cite."""
    return [match[0][1:-1].partition("†")[2] for match in MARKER.finditer(value)]


def _named(value: str, files: Iterable[str]) -> str:
    """The text with the cited files behind it: `It is cake. [cake.txt]`."""
    return value + "".join(f" [{name}]" for name in files)


def _calls(step: Object, portable: bool) -> Iterator[str]:
    for call in step["step_details"].get("tool_calls", []):
        details = call[call["type"]]
        if call["type"] == "function":
            yield _function(details["name"], details["arguments"], details["output"])
        elif call["type"] == "code_interpreter":
            image = "" if portable else "[image]"
            yield _code(details["input"], "".join(output.get("logs", image) for output in details["outputs"]))
        else:
            yield f"{call['type']}: {len(details.get('results', []))} results"


def _function(name: str, arguments: str, output: str | None) -> str:
    return f"function {name}({arguments}){'' if output is None else _indented(f' -> {output}')}"


def _code(code: str, logs: str) -> str:
    return f"code_interpreter: {_indented(code)}" + (f" -> {_indented(logs)}" if logs else "")


def _run(run: Object) -> str:
    why = run["last_error"] or run["incomplete_details"]
    return f"run {run['status']}" + (f": {_indented(why.get('message') or why['reason'])}" if why else "")


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


# Responses


class _Turns:
    """The lines of responses in their order; the status of a turn is that of its last response."""

    def __init__(self, portable: bool) -> None:
        self.lines: list[str] = []
        self._portable = portable
        self._calls: dict[str, tuple[int, Object]] = {}  # those without output: their lines
        self._status = ""

    def add_response(self, heard: Iterable[Object], said: Iterable[Object], response: Object) -> None:
        """`heard` are its new input items, `said` its output."""
        inputs = list(heard)
        if self._status and self._continues(inputs):
            inputs = [item for item in inputs if item["type"] != "message"]  # the question, sent again
        elif self._status:
            self.end_turn()
        for item in (*inputs, *said):
            self.add_item(item)
        self._status = _status(response)

    def end_turn(self) -> None:
        if self._status:
            self.lines.append("run requires_action" if self._calls else self._status)
        self._status = ""

    def add_item(self, item: Object) -> None:
        match item["type"]:
            case "message" if item["role"] in ("user", "assistant"):
                self.lines.append(_line(item, self._text(item)))
            case "function_call":
                self._calls[item["call_id"]] = (len(self.lines), item)
                self.lines.append(_function(item["name"], item["arguments"], None))
            case "function_call_output" if item["call_id"] in self._calls:
                place, call = self._calls.pop(item["call_id"])
                self.lines[place] = _function(call["name"], call["arguments"], _output(item))
            case "code_interpreter_call":
                logs = "".join(output.get("logs", "") for output in item.get("outputs") or [])
                self.lines.append(_code(item.get("code") or "", logs))
            case "file_search_call":
                self.lines.append(f"file_search: {len(item.get('results') or [])} results")

    def _continues(self, inputs: list[Object]) -> bool:
        """True if the items answer calls of the turn and no message of the user comes after that."""
        kinds = [item["type"] for item in inputs if item["type"] in ("message", "function_call_output")]
        return bool(self._calls) and kinds[-1:] != ["message"]

    def _text(self, item: Object) -> str:
        texts: list[str] = []
        for part in item["content"]:
            notes = part.get("annotations") or []
            if part["type"] in ("input_text", "output_text"):
                images = [
                    "[image]" if self._portable else "[image_file]" for note in notes if note.get("end_index") == 0
                ]
                cited = [note["filename"] for note in notes if note["type"] == "file_citation"]
                text = _named(part["text"], cited) if self._portable else part["text"]
                texts += [*images, *([text] if text else [])]
            elif part["type"] != "input_file":  # as an attachment, it is no part of the text
                texts.append(_part(part, self._portable))
        return " ".join(texts)


def _output(item: Object) -> str:
    output = item["output"]
    return output if isinstance(output, str) else " ".join(part.get("text") or f"[{part['type']}]" for part in output)


def _status(response: Object) -> str:
    error, details = response["error"], response["incomplete_details"]
    if error:
        return f"run failed: {_indented(error['message'])}"
    reason = details["reason"] if details else None
    return f"run {response['status']}" + (f": {ENDINGS.get(reason, reason)}" if reason else "")


def conversation_transcript(store: Store, conversation_id: str, portable: bool = False) -> str:
    """The conversation's items in their order, with the statuses of its turns."""
    turns = _Turns(portable)
    responses = {each["id"]: each for each in store.of("responses", "_conversation_id", conversation_id)}
    told: set[str] = set()
    for item in store.of(TABLE, "_conversation_id", conversation_id):
        response = responses.get(item.get("_response_id") or "")
        if response is None:
            turns.end_turn()
            turns.add_item(item)
        elif response["id"] not in told:
            told.add(response["id"])
            turns.add_response(_heard(store, response), _said(store, response), response)
    for response in responses.values():  # those whose items have not come into the conversation
        if response["id"] not in told:
            turns.add_response(_heard(store, response), _said(store, response), response)
    turns.end_turn()
    return "".join(f"{line}\n" for line in turns.lines)


def chain_transcript(store: Store, response_id: str, portable: bool = False) -> str:
    """The chain of responses that ends with this one."""
    chain: list[Object] = []
    response = store.get("responses", response_id)
    while response is not None:
        chain.append(response)
        earlier = response["previous_response_id"] or response["_follows"]
        response = None if earlier is None else store.get("responses", earlier)
    turns = _Turns(portable)
    for each in reversed(chain):
        turns.add_response(_heard(store, each), _said(store, each), each)
    turns.end_turn()
    return "".join(f"{line}\n" for line in turns.lines)


def _heard(store: Store, response: Object) -> list[Object]:
    """Its input items, without those that only say an earlier history again."""
    items = (store.get(TABLE, id) for id in response["_input"][response["_skipped"] :])
    return [item for item in items if item is not None]


def _said(store: Store, response: Object) -> list[Object]:
    return [item for item in store.of(TABLE, "_response_id", response["id"]) if "_reply" in item]


# By id


def transcript_of(store: Store, id: str, portable: bool = False) -> str | None:
    """The transcript of a thread, a conversation, or a chain by its last response; None for an id of none of them."""
    if store.get("threads", id) is not None:
        return transcript(store, id, portable)
    if store.get("conversations", id) is not None:
        return conversation_transcript(store, id, portable)
    return chain_transcript(store, id, portable) if store.get("responses", id) is not None else None


def no_transcript(id: str, project: str) -> str:
    return f"there is no thread, conversation or response {id!r} in project {project!r}"


def transcripts(store: Store, newest: int | None = None, portable: bool = False) -> dict[str, str]:
    """The transcripts of threads, conversations and chains (by their last response), in the order of first use.

    Only the `newest` of them, where a number is given.
    """
    ids = [each["id"] for each in sorted(_holders(store), key=lambda each: _place(store, each))]
    chosen = ids if newest is None else ids[-newest:] if newest else []
    return {id: transcript_of(store, id, portable) or "" for id in chosen}


def _holders(store: Store) -> Iterator[Object]:
    yield from store.all("threads")
    yield from store.all("conversations")
    parents = {each["previous_response_id"] or each["_follows"] for each in store.all("responses")}
    yield from (
        each
        for each in store.all("responses")
        if each["id"] not in parents and store.get("conversations", each["_conversation_id"] or "") is None
    )


def _place(store: Store, holder: Object) -> int:
    """The place in the order of creation: of a chain that of its first response."""
    if holder["object"] != "response":
        return store.number({"thread": "threads"}.get(holder["object"], "conversations"), holder["id"])
    first = holder
    while (id := first["previous_response_id"] or first["_follows"]) is not None:
        earlier = store.get("responses", id)
        if earlier is None:
            break
        first = earlier
    return store.number("responses", first["id"])
