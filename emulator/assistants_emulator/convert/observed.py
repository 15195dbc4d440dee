"""What a recorded session shows of the objects in it: each as it was seen last, whoever told of it.

Answers, lists, events and deltas all tell of the same objects, and some of them tell less than what is known already;
so what is told is laid over what is known, and never takes content away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from assistants_emulator.convert.sanitize import sound
from assistants_emulator.object_kinds import KINDS, PART
from assistants_emulator.recording.exchange import Body, Event, Exchange
from assistants_emulator.store import Object

_FULLEST = ("content", "step_details")  # later views may say less: without `include`, or when something was created
_WHOLE = ("id", "index", "type", "name")  # said once, never in pieces


def accumulate(told: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add one delta to what was told before it."""
    for key, value in delta.items():
        held = told.get(key)
        if isinstance(value, list):
            told[key] = _listed(held if isinstance(held, list) else [], value)
        elif isinstance(value, dict):
            told[key] = held if isinstance(held, dict) else {}
            accumulate(told[key], value)
        elif isinstance(value, str) and isinstance(held, str) and key not in _WHOLE:
            told[key] = held + value
        elif value is not None or key not in told:
            told[key] = value


def _listed(held: list[Any], delta: list[Any]) -> list[Any]:
    for item in delta:
        if not isinstance(item, dict) or not isinstance(item.get("index"), int):
            held.append(item)
            continue
        known = next((old for old in held if isinstance(old, dict) and old.get("index") == item["index"]), None)
        if known is None:
            held.append(known := {})
        accumulate(known, item)
    return held


def without_index(value: Any) -> Any:
    """The same as an object that was retrieved has it."""
    if isinstance(value, dict):
        return {key: without_index(item) for key, item in value.items() if key != "index"}
    return [without_index(item) for item in value] if isinstance(value, list) else value


def fuller(known: Object, told: Object, only_if_empty: bool = False) -> Object:
    """Of the fields that may be told of in part, the fuller version."""
    return {
        name: known[name] if known.get(name) and _size(known[name]) >= _size(told.get(name)) else told.get(name)
        for name in _FULLEST
        if name in told and (not only_if_empty or _size(known.get(name)) < _size(told[name]))
    }


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def text_of(content: Any) -> str:
    """The text of a message's content as a run's `when` sees it: its text parts, joined by newlines."""
    if isinstance(content, str):
        return content
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if part.get("type") == "text")
    return "\n".join(str(text.get("value", "")) if isinstance(text, dict) else str(text) for text in texts)


def objects(told: Any, ascending: bool) -> list[Object]:
    if not isinstance(told, dict):
        return []
    if told.get("object") != "list" or not isinstance(told.get("data"), list):
        return [told]
    items = [item for item in told["data"] if isinstance(item, dict)]
    return items if ascending else items[::-1]


def json_of(body: Body | None) -> Object:
    return body.value if body is not None and body.kind == "json" and isinstance(body.value, dict) else {}


def bytes_of(body: Body) -> bytes:
    if body.kind == "file":
        content: bytes = body.value.read()
        return content
    text = body.value if body.kind == "text" else json.dumps(body.value, ensure_ascii=False)
    return str(text).encode("utf-8", "surrogatepass")


# the wire's `object` -> table; parts of uploads appear in no answer but their own
TABLES = {
    object: kind.table
    for kind in KINDS
    if kind.table and kind is not PART
    for object in (kind.object, kind.schema_object)
    if object
}
_BUSY = re.compile(r"\brun[_-]\w+")


@dataclass(slots=True)
class Post:
    """A message that the client sent; `id` is not known of those that came with a thread."""

    id: str | None
    sent: Object
    when: float

    @property
    def text(self) -> str:
        return text_of(self.sent.get("content"))


@dataclass(slots=True)
class Asked:
    """Function calls that a run was seen to wait for."""

    calls: list[Object]
    when: float


@dataclass(slots=True)
class ObservedSession:
    """`tables` by name and id, in the order in which objects were first seen; `when` is in the server's seconds."""

    tables: dict[str, dict[str, Object]] = field(default_factory=lambda: {name: {} for name in TABLES.values()})
    created_runs: list[str] = field(default_factory=list)
    questions: dict[str, Post] = field(default_factory=dict)
    asked: dict[str, list[Asked]] = field(default_factory=dict)
    posts: dict[str, list[Post]] = field(default_factory=dict)
    pieces: dict[str, list[str]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    uploaded: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    order: dict[str, int] = field(default_factory=dict)
    _deltas: dict[str, Object] = field(default_factory=dict)
    _ahead: float = 0.0

    @classmethod
    def of(cls, exchanges: Iterable[Exchange]) -> ObservedSession:
        session = cls()
        for exchange in exchanges:
            session._hear(exchange)
        session._complete()
        return session

    def get(self, table: str, id: Any) -> Object:
        return self.tables[table].get(id, {})

    def of_run(self, table: str, run_id: str) -> list[Object]:
        """The run's steps or messages, oldest first."""
        mine = [item for item in self.tables[table].values() if item.get("run_id") == run_id]
        return sorted(mine, key=self.age)

    def age(self, item: Object) -> tuple[float, int]:
        """Sorts by creation; of one second, in the order in which they were first seen."""
        return float(item.get("created_at") or 0), self.order.get(item.get("id", ""), 0)

    # Hearing one exchange

    def _hear(self, exchange: Exchange) -> None:
        if exchange.response is None:
            return
        method, path = exchange.request.method, urlsplit(exchange.request.path)
        segments = [unquote(part) for part in path.path.strip("/").split("/")]
        answer = exchange.response.body
        if exchange.response.status >= 300:
            self._hear_refusal(answer)
            return
        events = answer.value if answer is not None and answer.kind == "events" else []
        before = len(self.created_runs)
        told = answer.value if answer is not None and answer.kind == "json" else None
        ascending = parse_qs(path.query).get("order") == ["asc"]
        for item in objects(told, ascending):
            self._tell(item, method == "POST", exchange.at)
        if method == "POST" and segments[-1] == "runs" and isinstance(told, dict):
            self._note_created(told)
        for event in events:
            self._hear_event(event, exchange.at)
        sent = json_of(exchange.request.body)
        if method == "POST":
            self._hear_post(segments, sent, told if isinstance(told, dict) else {}, exchange)
        for run_id in self.created_runs[before:]:
            self._note_question(run_id, segments, sent)
        if method == "GET" and segments[0] == "files" and segments[-1] == "content" and answer is not None:
            self.contents[segments[1]] = bytes_of(answer)

    def _hear_refusal(self, answer: Body | None) -> None:
        """A 400 that names a run says that it was still under way."""
        error = (json_of(answer).get("error") or {}) if answer is not None else {}
        message = str(error.get("message", "")) if isinstance(error, dict) else ""
        if "active" in message:
            self.held |= set(_BUSY.findall(message))

    def _hear_event(self, event: Event, at: float) -> None:
        data = event.data
        if not isinstance(data, dict):
            return
        if str(data.get("object", "")).endswith(".delta") and isinstance(data.get("delta"), dict):
            self._hear_delta(str(data.get("id")), data)
            return
        self._tell(data, event.event in ("thread.created", "thread.run.created"), at)
        if event.event == "thread.run.created":
            self._note_created(data)

    def _hear_delta(self, id: str, data: Object) -> None:
        accumulate(self._deltas.setdefault(id, {"object": data["object"]}), data["delta"])
        parts = data["delta"].get("content")
        for part in parts if isinstance(parts, list) else []:
            text = part.get("text") if isinstance(part, dict) else None
            if isinstance(text, dict) and isinstance(text.get("value"), str):
                self.pieces.setdefault(id, []).append(text["value"])

    def _hear_post(self, segments: list[str], sent: Object, told: Object, exchange: Exchange) -> None:
        when = exchange.at + self._ahead
        match segments:
            case ["threads"] if isinstance(told.get("id"), str):
                self._post(told["id"], sent.get("messages"), when)
            case ["threads", thread_id, "messages"] if isinstance(told.get("id"), str):
                self.posts.setdefault(thread_id, []).append(Post(told["id"], told or sent, when))
            case ["threads", _, "runs", run_id, "cancel"]:
                self.cancelled.add(run_id)
            case ["files"] if isinstance(told.get("id"), str):
                self.uploaded.add(told["id"])
                self._keep_form(told["id"], exchange.request.body)

    def _note_created(self, run: Object) -> None:
        if isinstance(run.get("id"), str) and run["id"] not in self.created_runs:
            self.created_runs.append(run["id"])

    def _note_question(self, run_id: str, segments: list[str], sent: Object) -> None:
        """What the run was created with is posted first; then the last message of the user is its question."""
        run = self.get("runs", run_id)
        thread_id = str(run.get("thread_id", ""))
        thread = sent.get("thread")
        own = thread.get("messages") if segments == ["threads", "runs"] and isinstance(thread, dict) else None
        self._post(thread_id, own or sent.get("additional_messages"), float(run.get("created_at") or 0))
        of_user = [post for post in self.posts.get(thread_id, []) if post.sent.get("role", "user") == "user"]
        if of_user:
            self.questions[run_id] = of_user[-1]

    def _post(self, thread_id: str, messages: Any, when: float) -> None:
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict):
                self.posts.setdefault(thread_id, []).append(Post(None, message, when))

    def _keep_form(self, file_id: str, body: Body | None) -> None:
        for part in body.value if body is not None and body.kind == "form" else []:
            if part.file is not None:
                self.contents[file_id] = part.file.read()

    # What is known of an object

    def _tell(self, item: Object, created: bool, at: float) -> None:
        kind, id = str(item.get("object", "")), item.get("id")
        if not isinstance(id, str):
            return
        if item.get("deleted") is True:
            self._forget(id)
            return
        if kind not in TABLES:
            return
        table, item = self.tables[TABLES[kind]], sound(item)
        known = table.get(id, {})
        if created and not known and isinstance(item.get("created_at"), int):
            self._ahead = item["created_at"] - at
        table[id] = {**known, **item, **fuller(known, item)}
        self.order.setdefault(id, len(self.order))
        if kind == "thread.run" and isinstance(action := item.get("required_action"), dict):
            self._note_calls(id, action, at + self._ahead)

    def _note_calls(self, run_id: str, action: Object, when: float) -> None:
        calls = [
            call for call in (action.get("submit_tool_outputs") or {}).get("tool_calls") or [] if "function" in call
        ]
        asked = self.asked.setdefault(run_id, [])
        if calls and all(calls[0].get("id") != known.calls[0].get("id") for known in asked):
            asked.append(Asked(calls, when))

    def _forget(self, id: str) -> None:
        self.deleted.add(id)
        for posts in self.posts.values():
            posts[:] = [post for post in posts if post.id != id]

    def _complete(self) -> None:
        """Messages and steps whose stream broke off before it told of them as a whole."""
        for id, delta in self._deltas.items():
            told = without_index({key: value for key, value in delta.items() if key != "object"})
            table = self.tables["messages" if "message" in str(delta["object"]) else "steps"]
            if id in table:
                table[id] |= sound(fuller(table[id], told, only_if_empty=True))
