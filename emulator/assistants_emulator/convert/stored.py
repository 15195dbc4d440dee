"""A stored thread as the calls of a client that makes it again: the source of every export.

The calls create what the thread needs, post its messages, and start its runs in their order; each run is polled until
it ends or waits, and outputs are submitted as they were. Their answers are the objects as they are stored.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.contract.queries import DEFAULT_LIMIT
from assistants_emulator.project.state import state_entry
from assistants_emulator.project.transcript import Objects, transcript
from assistants_emulator.recording.exchange import Body, Exchange, Part, Request, Response, Stored
from assistants_emulator.resources import fields
from assistants_emulator.resources.context import Context
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import decode_base64

UNBEGUN = ("started_at", "cancelled_at", "failed_at", "completed_at", "required_action", "last_error")
RUN_DEFAULTS: Object = {
    "metadata": {},
    "max_completion_tokens": None,
    "max_prompt_tokens": None,
    "truncation_strategy": {"type": "auto", "last_messages": None},
    "tool_choice": "auto",
    "parallel_tool_calls": True,
}
ASSISTANT_DEFAULTS: Object = {"tools": [], "metadata": {}, "temperature": 1.0, "top_p": 1.0, "response_format": "auto"}
OF_ASSISTANT = ("model", "instructions", "tools", "temperature", "top_p", "reasoning_effort", "response_format")


@dataclass(slots=True)
class StoredRun:
    """A run with its steps and the messages that it wrote, oldest first."""

    run: Object
    steps: list[Object]
    messages: list[Object]
    assistant: Object | None

    @property
    def id(self) -> str:
        id: str = self.run["id"]
        return id

    @property
    def rounds(self) -> list[list[Object]]:
        """The function calls, those of one step together."""
        steps = [[call for call in _tool_calls(step) if call["type"] == "function"] for step in self.steps]
        return [calls for calls in steps if calls]

    @property
    def submitted(self) -> list[list[Object]]:
        """The outputs of each round that has them, as `tool_outputs`."""
        return [
            [{"tool_call_id": call["id"], "output": call["function"]["output"]} for call in calls]
            for calls in self.rounds
            if all(call["function"].get("output") is not None for call in calls)
        ]

    @property
    def waits(self) -> bool:
        """The outputs of its last calls were never submitted."""
        return len(self.submitted) < len(self.rounds)

    @property
    def body(self) -> Object:
        """The body that creates it: what differs from its assistant and the API's defaults."""
        body = {"assistant_id": self.run["assistant_id"]}
        assistant = self.assistant or {}
        body |= {name: self.run[name] for name in OF_ASSISTANT if self.run[name] != assistant.get(name, self.run[name])}
        if "tools" in body:
            body["tools"] = short_tools(body["tools"])
        return body | {name: self.run[name] for name, value in RUN_DEFAULTS.items() if self.run[name] != value}


@dataclass(slots=True)
class StoredThread:
    """`entries` are the user's messages and the runs, in their order; the other objects are those that they name.

    `contents` are the bytes of `files` and of the files that runs made, by id.
    """

    thread: Object
    entries: list[Object | StoredRun] = field(default_factory=list)
    assistants: list[Object] = field(default_factory=list)
    files: list[Object] = field(default_factory=list)
    made: list[Object] = field(default_factory=list)
    stores: list[tuple[Object, list[str]]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    quotes: dict[str, dict[str, str]] = field(default_factory=dict)
    """The cited passages of each message by their markers: the wire has none of them since v2."""

    @classmethod
    def of(cls, context: Context, thread_id: str, run_id: str | None = None) -> StoredThread:
        """The thread; with a `run_id` only up to this run. KeyError for an unknown thread."""
        return _Reader(context).thread(thread_id, run_id)

    @property
    def runs(self) -> list[StoredRun]:
        return [entry for entry in self.entries if isinstance(entry, StoredRun)]

    @property
    def messages(self) -> list[Object]:
        """The messages that a client posted."""
        return [entry for entry in self.entries if not isinstance(entry, StoredRun)]

    def transcript(self, store: Objects) -> str:
        """The thread's transcript as far as it was read."""
        return transcript(_Read(store, self), self.thread["id"])

    def exchanges(self, *, with_quotes: bool = False) -> list[Exchange]:
        """The calls, a second apart; `with_quotes` citations have their passages, as under v1."""
        exchanges = list(self._exchanges(self.quotes if with_quotes else {}))
        for number, exchange in enumerate(exchanges):
            exchange.at = float(number)
        return exchanges

    def _exchanges(self, quotes: Mapping[str, Mapping[str, str]]) -> Iterator[Exchange]:
        for file in self.files:
            content = Stored.of(self.contents[file["id"]])
            part = Part("file", None, file["filename"], "application/octet-stream", content)
            form = Body.form([Part("purpose", file["purpose"]), part])
            yield Exchange(Request("POST", "/files", {}, form), Response(200, {}, Body.json(file)))
        for store, file_ids in self.stores:
            yield _call("POST", "/vector_stores", {"name": store["name"], "file_ids": file_ids}, store)
        for assistant in self.assistants:
            yield _call("POST", "/assistants", assistant_body(assistant), assistant)
        yield _call("POST", "/threads", thread_body(self.thread), self.thread)
        place = f"/threads/{self.thread['id']}"
        messages: list[Object] = []
        for entry in self.entries:
            if isinstance(entry, StoredRun):
                yield from _run_exchanges(place, entry)
                written = [_quoted(message, quotes.get(message["id"], {})) for message in entry.messages]
                messages += written
                for message in written[:-DEFAULT_LIMIT]:  # a page has the others
                    yield _call("GET", f"{place}/messages/{message['id']}", None, message)
                yield _call("GET", f"{place}/messages", None, _page(messages[: -DEFAULT_LIMIT - 1 : -1], len(messages)))
                yield _call("GET", f"{place}/messages?order=asc", None, _page(messages[:DEFAULT_LIMIT], len(messages)))
            else:
                yield _call("POST", f"{place}/messages", message_body(entry), entry)
                messages.append(entry)
        for file in self.made:
            body = Body.file(Stored.of(self.contents[file["id"]]))
            yield Exchange(Request("GET", f"/files/{file['id']}"), Response(200, {}, Body.json(file)))
            yield Exchange(Request("GET", f"/files/{file['id']}/content"), Response(200, {}, body))


def _quoted(message: Object, quotes: Mapping[str, str]) -> Object:
    """The message with the passages of its citations."""
    if not quotes:
        return message
    quoted = copy.deepcopy(message)
    for part in quoted["content"]:
        for note in part.get("text", {}).get("annotations", ()):
            if note.get("type") == "file_citation":
                note["file_citation"]["quote"] = quotes.get(note["text"], "")
    return quoted


def assistant_body(assistant: Object) -> Object:
    """The body that creates it: what differs from the API's defaults."""
    names = ("name", "description", *OF_ASSISTANT, "metadata")
    values = {name: assistant[name] for name in names} | {"tools": short_tools(assistant["tools"])}
    body = {
        name: value for name, value in values.items() if value is not None and value != ASSISTANT_DEFAULTS.get(name)
    }
    return body | _resources(assistant)


def thread_body(thread: Object) -> Object:
    return {**({"metadata": thread["metadata"]} if thread["metadata"] else {}), **_resources(thread)}


def _resources(holder: Object) -> Object:
    """Its `tool_resources` without empty ones."""
    named = {name: value for name, value in holder["tool_resources"].items() if any(value.values())}
    return {"tool_resources": named} if named else {}


def short_tools(tools: list[Object]) -> list[Object]:
    """The tools without settings that the API adds."""
    return [next((short for short in _shorter(tool) if fields.tools([short]) == [tool]), tool) for tool in tools]


def _shorter(tool: Object) -> Iterator[Object]:
    if tool["type"] == "function":
        yield {"type": "function", "function": {k: v for k, v in tool["function"].items() if k != "strict"}}
    else:
        yield {"type": tool["type"]}


def message_body(message: Object) -> Object:
    """A message of one text has it as a string."""
    content = message["content"]
    texts = [part["text"]["value"] if part["type"] == "text" else None for part in content]
    parts = [{"type": "text", "text": part["text"]["value"]} if part["type"] == "text" else part for part in content]
    body = {"role": message["role"], "content": texts[0] if len(texts) == 1 and texts[0] is not None else parts}
    return body | {name: message[name] for name in ("attachments", "metadata") if message.get(name)}


def _run_exchanges(place: str, stored: StoredRun) -> Iterator[Exchange]:
    run, path = stored.run, f"{place}/runs/{stored.id}"
    queued = {**run, **dict.fromkeys(UNBEGUN), "status": "queued", "usage": None, "incomplete_details": None}
    yield _call("POST", f"{place}/runs", stored.body, queued)
    for calls, outputs in zip(stored.rounds, stored.submitted, strict=False):
        yield _call("GET", path, None, _waiting(queued, calls))
        yield _call("POST", f"{path}/submit_tool_outputs", {"tool_outputs": outputs}, queued)
    if stored.waits:
        yield _call("GET", path, None, _waiting(queued, stored.rounds[len(stored.submitted)]))
    if run["status"] in ("cancelled", "cancelling"):
        yield _call("POST", f"{path}/cancel", None, {**run, "status": "cancelling", "cancelled_at": None})
    if not (stored.waits and run["status"] == "requires_action"):
        yield _call("GET", path, None, run)
    for step in stored.steps[:-DEFAULT_LIMIT]:
        yield _call("GET", f"{path}/steps/{step['id']}", None, step)
    yield _call("GET", f"{path}/steps", None, _page(stored.steps[: -DEFAULT_LIMIT - 1 : -1], len(stored.steps)))


def _waiting(run: Object, calls: list[Object]) -> Object:
    asked = [
        {"id": call["id"], "type": "function", "function": {k: call["function"][k] for k in ("name", "arguments")}}
        for call in calls
    ]
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": asked}}
    return {**run, "status": "requires_action", "required_action": action}


def _call(method: str, path: str, body: Object | None, answer: Object) -> Exchange:
    request = Request(method, path, {}, None if body is None else Body.json(body))
    return Exchange(request, Response(200, {}, Body.json(answer)))


def _page(items: list[Object], total: int) -> Object:
    """The first page of a list of so many objects."""
    ids = [item["id"] for item in items]
    ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
    return {"object": "list", "data": items, **ends, "has_more": total > len(items)}


def _tool_calls(step: Object) -> list[Object]:
    calls: list[Object] = step["step_details"].get("tool_calls") or []
    return calls


class _Read:
    """The store's objects as far as the thread was read."""

    def __init__(self, store: Objects, stored: StoredThread) -> None:
        self._store = store
        written = [message for run in stored.runs for message in run.messages]
        self._ids = {each["id"] for each in (*stored.messages, *written)} | {run.id for run in stored.runs}
        self.get, self.number = store.get, store.number

    def of(self, table: str, field: str, parent: str) -> Iterator[Object]:
        return (row for row in self._store.of(table, field, parent) if table == "steps" or row["id"] in self._ids)


class _Reader:
    """Reads a thread and the objects that it names, each once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._quotes: dict[str, dict[str, str]] = {}

    def thread(self, thread_id: str, run_id: str | None) -> StoredThread:
        store = self._context.store
        result = StoredThread(self._entry("threads", thread_id))
        runs = {run["id"]: run for run in store.of("runs", "thread_id", thread_id)}
        posted = [message for message in store.of("messages", "thread_id", thread_id) if not message["run_id"]]
        rows = [(store.number("messages", each["id"]), each) for each in posted]
        rows += [(store.number("runs", each["id"]), each) for each in runs.values()]
        for _, row in sorted(rows, key=lambda each: each[0]):
            result.entries.append(self._run(row["id"]) if row["id"] in runs else self._entry("messages", row["id"]))
            if row["id"] == run_id:
                break
        result.assistants = self._all("assistants", (run.run["assistant_id"] for run in result.runs))
        self._add_stores(result)
        self._add_files(result)
        result.quotes = self._quotes
        return result

    def _run(self, run_id: str) -> StoredRun:
        store = self._context.store
        run = self._entry("runs", run_id)
        steps = [self._entry("steps", step["id"]) for step in store.of("steps", "run_id", run_id)]
        ids = (step["step_details"].get("message_creation", {}).get("message_id") for step in steps)
        messages = self._all("messages", ids)
        for message in messages:
            self._quotes[message["id"]] = (store.get("messages", message["id"]) or {}).get("_quotes", {})
        assistant = next(iter(self._all("assistants", [run["assistant_id"]])), None)
        return StoredRun(run, steps, messages, assistant)

    def _add_stores(self, result: StoredThread) -> None:
        resources = [holder["tool_resources"] for holder in (result.thread, *result.assistants)]
        ids = [id for each in resources for id in (each.get("file_search") or {}).get("vector_store_ids") or []]
        for store in self._all("vector_stores", ids):
            files = self._context.store.of("vector_store_files", "vector_store_id", store["id"])
            result.stores.append((store, [file["id"] for file in files]))

    def _add_files(self, result: StoredThread) -> None:
        holders = [*result.messages, *(holder["tool_resources"] for holder in (result.thread, *result.assistants))]
        named = dict.fromkeys([*_file_ids(holders), *(id for _, ids in result.stores for id in ids)])
        written = _file_ids([(run.messages, run.steps) for run in result.runs])
        made = dict.fromkeys(id for id in written if id not in named)
        for ids, files in ((named, result.files), (made, result.made)):
            for file in self._all("files", ids):
                result.contents[file["id"]] = decode_base64(file.pop("content_base64"))
                files.append(file)

    def _all(self, table: str, ids: Any) -> list[Object]:
        """The objects that exist, each once."""
        known = dict.fromkeys(id for id in ids if id is not None and self._context.store.get(table, id) is not None)
        return [self._entry(table, id) for id in known]

    def _entry(self, table: str, id: str) -> Object:
        stored = self._context.store.get(table, id)
        if stored is None:
            raise KeyError(id)
        return state_entry(self._context, table, stored)


def _file_ids(value: Any) -> Iterator[str]:
    """Every `file_id` and `file_ids` in the value, in order."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "file_id" and isinstance(item, str):
                yield item
            elif name == "file_ids" and isinstance(item, list):
                yield from (id for id in item if isinstance(id, str))
            else:
                yield from _file_ids(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _file_ids(item)
