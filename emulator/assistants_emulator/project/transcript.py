"""A thread as text for comparison: a line for each message, tool call and run status, in order, without times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from assistants_emulator.store import Object, Store


class Objects(Protocol):
    """As much of a Store as a transcript reads; `number` is an object's place in the order of creation."""

    def get(self, table: str, id: str) -> Object | None: ...
    def of(self, table: str, field: str, parent: str) -> Iterable[Object]: ...
    def number(self, table: str, id: str) -> float: ...


def transcript(store: Objects, thread_id: str) -> str:
    """The thread's transcript. It ends with a newline unless it is empty; further lines of a text are indented."""
    messages = store.of("messages", "thread_id", thread_id)
    numbered: list[tuple[float, str]] = [
        (store.number("messages", message["id"]), _message(message)) for message in messages
    ]
    for run in store.of("runs", "thread_id", thread_id):
        numbered += _events(store, run)
    numbered.sort(key=lambda entry: entry[0])
    return "".join(f"{line}\n" for _, line in numbered)


def open_calls(store: Store) -> tuple[str, ...]:
    """A line for each run that waits for tool outputs: `run_abc waits for the output of get_weather`."""
    lines = []
    for run in store.all("runs"):
        if run["status"] == "requires_action":
            calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
            lines.append(f"{run['id']} waits for the output of {', '.join(call['function']['name'] for call in calls)}")
    return tuple(lines)


def _events(store: Objects, run: Object) -> Iterator[tuple[float, str]]:
    """The run's tool calls and status with their places among the messages.

    Each call comes just before the run's next message, the rest after its last one: a state file has no other order.
    """
    place: float = store.number("runs", run["id"])
    waiting: list[str] = []
    for step in store.of("steps", "run_id", run["id"]):
        waiting += _calls(step)
        message_id = step["step_details"].get("message_creation", {}).get("message_id", "")
        if store.get("messages", message_id) is not None:
            place = store.number("messages", message_id)
            yield from ((place - 0.5, line) for line in waiting)
            waiting = []
    yield from ((place + 0.5, line) for line in [*waiting, _run(run)])


def transcripts(store: Store, newest: int) -> dict[str, str]:
    """The transcripts of the newest threads by thread id, oldest first."""
    ids = [thread["id"] for thread in store.all("threads")]
    return {thread_id: transcript(store, thread_id) for thread_id in ids[-newest:]}


def _message(message: Object) -> str:
    mark = "" if message["status"] == "completed" else f" ({message['status']})"
    return f"{message['role']}{mark}: {_indented(' '.join(_part(part) for part in message['content']))}"


def _part(part: dict[str, Any]) -> str:
    kind = part["type"]
    if kind == "text":
        return str(part["text"]["value"])
    return f"[refusal] {part['refusal']}" if kind == "refusal" else f"[{kind}]"


def _calls(step: Object) -> Iterator[str]:
    for call in step["step_details"].get("tool_calls", []):
        details = call[call["type"]]
        if call["type"] == "function":
            output = "" if details["output"] is None else f" -> {details['output']}"
            yield f"function {details['name']}({details['arguments']}){_indented(output)}"
        elif call["type"] == "code_interpreter":
            logs = "".join(output.get("logs", "[image]") for output in details["outputs"])
            yield f"code_interpreter: {_indented(details['input'])}" + (f" -> {_indented(logs)}" if logs else "")
        else:
            yield f"{call['type']}: {len(details.get('results', []))} results"


def _run(run: Object) -> str:
    why = run["last_error"] or run["incomplete_details"]
    return f"run {run['status']}" + (f": {_indented(why.get('message') or why['reason'])}" if why else "")


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
