"""Stored objects as v1 showed them in April 2024 (ruby-openai run_steps_list, runs_list): no key that is v2's alone.

`file_ids` is not stored: it lists the files in the current tool resources or attachments, in order of addition.
"""

from __future__ import annotations

from collections.abc import Callable

from assistants_emulator.object_kinds import ASSISTANT, MESSAGE, RUN, STEP, THREAD, VECTOR_STORE_FILE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.tool_resources import code_file_ids, resources_of_run, vector_store_ids
from assistants_emulator.store import Object

View = Callable[[Context, Object], Object]

_NOT_IN_V1 = ("reasoning_effort", "parallel_tool_calls")
_HOLDERS = ("tool_resources", "attachments")  # of what v1 showed as `file_ids`


def _with_file_ids(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("file_ids" if key in _HOLDERS else key for key in keys if key not in _NOT_IN_V1)


ASSISTANT_KEYS = _with_file_ids(ASSISTANT.keys)
THREAD_KEYS = tuple(key for key in THREAD.keys if key not in _HOLDERS)
RUN_KEYS = _with_file_ids(RUN.keys)
MESSAGE_KEYS = _with_file_ids(views.MESSAGE_KEYS)
STREAMED_MESSAGE_KEYS = _with_file_ids(MESSAGE.keys)
USAGE_KEYS = ("prompt_tokens", "completion_tokens", "total_tokens")


def assistant(context: Context, stored: Object) -> Object:
    file_ids = resource_files(context, stored["tool_resources"])
    return _pick({**stored, "tools": _tools(stored["tools"]), "file_ids": file_ids}, ASSISTANT_KEYS)


def thread(context: Context, stored: Object) -> Object:
    return _pick(stored, THREAD_KEYS)


def message(context: Context, stored: Object) -> Object:
    return _pick(_message(stored), MESSAGE_KEYS)


def run(context: Context, stored: Object) -> Object:
    """One cut short by a budget was `completed`, with `incomplete_details` (ruby-openai runs_streamed_create)."""
    values = {
        **stored,
        "status": "completed" if stored["status"] == "incomplete" else stored["status"],
        "tools": _tools(stored["tools"]),
        "tool_choice": _choice(stored["tool_choice"]),
        "usage": _usage(stored["usage"]),
        "file_ids": run_files(context, stored),
    }
    return _pick(values, RUN_KEYS)


def step(context: Context, stored: Object) -> Object:
    values = {**stored, "step_details": _details(stored["step_details"]), "usage": _usage(stored["usage"])}
    return _pick(values, STEP.keys)


def message_files(message: Object) -> list[str]:
    return list(dict.fromkeys(part["file_id"] for part in message["attachments"] if part["file_id"] is not None))


def resource_files(context: Context, resources: Object) -> list[str]:
    """The files of a code interpreter and of file search, each once."""
    file_ids = list(code_file_ids(resources))
    for id in vector_store_ids(resources):
        file_ids += (file["id"] for file in context.store.of(VECTOR_STORE_FILE.table, "vector_store_id", id))
    return list(dict.fromkeys(file_ids))


def run_files(context: Context, run: Object) -> list[str]:
    """The files of a run: its own where v1 created it, else those that its assistant has now."""
    resources_of_assistant, _, own = resources_of_run(context, run)
    return resource_files(context, own or resources_of_assistant)


def streamed(context: Context, name: str, data: Object) -> tuple[str, Object]:
    """An event's name and data in v1's shape; the end of a run cut short had no name of its own yet."""
    if data.get("object") == "thread.run" and data["status"] == "incomplete":
        name = "thread.run.completed"
    return name, _STREAMED.get(data.get("object", ""), _as_is)(context, data)


def _as_is(context: Context, data: Object) -> Object:
    return data


def _streamed_message(context: Context, stored: Object) -> Object:
    return _pick(_message(stored), STREAMED_MESSAGE_KEYS)


def _step_delta(context: Context, data: Object) -> Object:
    return {**data, "delta": {"step_details": _details(data["delta"]["step_details"])}}


def _pick(stored: Object, keys: tuple[str, ...]) -> Object:
    return {key: stored[key] for key in keys}


def _message(stored: Object) -> Object:
    content = [_part(part, stored.get("_quotes", {})) for part in stored["content"]]
    return {**stored, "content": content, "file_ids": message_files(stored)}


def _part(part: Object, quotes: Object) -> Object:
    if part["type"] == "image_file":
        return {"type": "image_file", "image_file": {"file_id": part["image_file"].get("file_id")}}
    if part["type"] != "text":
        return part
    notes = [_annotation(note, quotes) for note in part["text"].get("annotations", ())]
    return {"type": "text", "text": {**part["text"], "annotations": notes}}


def _annotation(note: Object, quotes: Object) -> Object:
    """A citation has its quote under v1; empty where it is not known, as in streams."""
    if "file_citation" not in note:
        return note
    return {**note, "file_citation": {"quote": quotes.get(note.get("text", ""), ""), **note["file_citation"]}}


def _tools(tools: list[Object]) -> list[Object]:
    return [_tool(tool) for tool in tools]


def _tool(tool: Object) -> Object:
    if tool["type"] == "file_search":
        return {"type": "retrieval"}
    if tool["type"] == "function":
        return {**tool, "function": {key: value for key, value in tool.get("function", {}).items() if key != "strict"}}
    return tool


def _choice(choice: Object | str) -> Object | str:
    return {"type": "retrieval"} if isinstance(choice, dict) and choice["type"] == "file_search" else choice


def _details(details: Object) -> Object:
    if details["type"] != "tool_calls":
        return details
    return {**details, "tool_calls": [_call(call) for call in details.get("tool_calls", ())]}


def _call(call: Object) -> Object:
    if call.get("type") != "file_search":
        return call
    named = {key: value for key, value in call.items() if key in ("index", "id")}
    return {**named, "type": "retrieval", "retrieval": {}}


def _usage(usage: Object | None) -> Object | None:
    return usage and {key: usage.get(key) for key in USAGE_KEYS}


_STREAMED: dict[str, View] = {
    THREAD.object: thread,
    RUN.object: run,
    STEP.object: step,
    MESSAGE.object: _streamed_message,
    "thread.run.step.delta": _step_delta,
}
