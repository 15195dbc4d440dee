"""The objects of a recorded session, each as it was seen last, and what the session shows beside them.

Responses, lists, events and deltas all show the same objects, some with less than an earlier one had; so each is laid
over what is known of the object, and never takes content away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from assistants_emulator.convert.sanitize import sanitize
from assistants_emulator.object_kinds import KINDS, PART
from assistants_emulator.recording.exchange import Body, Event, Exchange
from assistants_emulator.store import Object
from assistants_emulator.store.model import add_delta

# the wire's `object` -> table; parts of uploads appear in no answer but their own
TABLES = {
    object: kind.table
    for kind in KINDS
    if kind.table and kind is not PART
    for object in (kind.object, kind.schema_object)
    if object
}
_RUN_ID = re.compile(r"\brun[_-]\w+")
_PARTIAL = ("content", "step_details")  # later views may have less: without `include`, or just after the creation


@dataclass(slots=True)
class Post:
    """A message that the client sent; `id` is None for one that came with a thread. `when` is in server seconds."""

    id: str | None
    message: Object
    when: float

    @property
    def text(self) -> str:
        return text_of(self.message.get("content"))


@dataclass(slots=True)
class RequiredCalls:
    """Function calls that a run was seen to wait for, and when it was seen first, in server seconds."""

    calls: list[Object]
    when: float


@dataclass(slots=True)
class ObservedSession:
    """`tables` has the objects by table and id, in the order in which they were first seen.

    `questions` and `required_calls` are by run id, `posts` by thread id, `chunks` (a text's pieces in the stream) by
    message id, `contents` by file id; `busy` are runs that an error said to be under way.
    """

    tables: dict[str, dict[str, Object]] = field(default_factory=lambda: {table: {} for table in TABLES.values()})
    created_runs: list[str] = field(default_factory=list)
    questions: dict[str, Post] = field(default_factory=dict)
    required_calls: dict[str, list[RequiredCalls]] = field(default_factory=dict)
    posts: dict[str, list[Post]] = field(default_factory=dict)
    chunks: dict[str, list[str]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    uploaded: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    order: dict[str, int] = field(default_factory=dict)
    _deltas: dict[str, Object] = field(default_factory=dict)
    _clock_offset: float = 0.0  # server seconds at the recording's second 0

    @classmethod
    def of(cls, exchanges: Iterable[Exchange]) -> ObservedSession:
        session = cls()
        for exchange in exchanges:
            session._add(exchange)
        session._complete()
        return session

    def get(self, table: str, id: Any) -> Object:
        """The object, {} for one that was not seen."""
        return self.tables[table].get(id, {})

    def of_run(self, table: str, run_id: str) -> list[Object]:
        """The run's steps or messages, oldest first."""
        items = [item for item in self.tables[table].values() if item.get("run_id") == run_id]
        return sorted(items, key=self.age)

    def age(self, item: Object) -> tuple[float, int]:
        """Sorts by creation; of one second, in the order in which they were first seen."""
        return float(item.get("created_at") or 0), self.order.get(item.get("id", ""), 0)

    # One exchange

    def _add(self, exchange: Exchange) -> None:
        if exchange.response is None:
            return
        method, path = exchange.request.method, urlsplit(exchange.request.path)
        segments = [unquote(part) for part in path.path.strip("/").split("/")]
        body = exchange.response.body
        if exchange.response.status >= 300:
            self._add_error(body)
            return
        runs_before = len(self.created_runs)
        answer = body.value if body is not None and body.kind == "json" else None
        ascending = parse_qs(path.query).get("order") == ["asc"]
        for item in _objects(answer, ascending):
            self._add_object(item, method == "POST", exchange.at)
        if method == "POST" and segments[-1] == "runs" and isinstance(answer, dict):
            self._add_created_run(answer)
        for event in body.value if body is not None and body.kind == "events" else []:
            self._add_event(event, exchange.at)
        if method == "POST":
            self._add_post_request(segments, exchange, answer if isinstance(answer, dict) else {})
        for run_id in self.created_runs[runs_before:]:
            self._add_question(run_id, segments, _json_of(exchange.request.body))
        if (
            method == "GET"
            and segments[0] in ("files", "containers")
            and segments[-1] == "content"
            and body is not None
        ):
            self.contents[segments[-2]] = _bytes_of(body)

    def _add_error(self, body: Body | None) -> None:
        """A 400 that names a run says that it was under way."""
        error = _json_of(body).get("error")
        message = str(error.get("message", "")) if isinstance(error, dict) else ""
        if "active" in message:
            self.busy |= set(_RUN_ID.findall(message))

    def _add_event(self, event: Event, at: float) -> None:
        data = event.data
        if not isinstance(data, dict):
            return
        if str(data.get("object", "")).endswith(".delta") and isinstance(data.get("delta"), dict):
            self._add_delta(str(data.get("id")), data)
            return
        self._add_object(data, event.event in ("thread.created", "thread.run.created"), at)
        if event.event == "thread.run.created":
            self._add_created_run(data)

    def _add_delta(self, id: str, data: Object) -> None:
        add_delta(self._deltas.setdefault(id, {"object": data["object"]}), data["delta"])
        parts = data["delta"].get("content")
        for part in parts if isinstance(parts, list) else []:
            text = part.get("text") if isinstance(part, dict) else None
            if isinstance(text, dict) and isinstance(text.get("value"), str):
                self.chunks.setdefault(id, []).append(text["value"])

    def _add_post_request(self, segments: list[str], exchange: Exchange, answer: Object) -> None:
        body, when = exchange.request.body, exchange.at + self._clock_offset
        match segments:
            case ["threads"] if isinstance(answer.get("id"), str):
                self._add_posts(answer["id"], _json_of(body).get("messages"), when)
            case ["threads", thread_id, "messages"] if isinstance(answer.get("id"), str):
                self.posts.setdefault(thread_id, []).append(Post(answer["id"], answer, when))
            case ["threads", _, "runs", run_id, "cancel"]:
                self.cancelled.add(run_id)
            case ["files"] if isinstance(answer.get("id"), str):
                self.uploaded.add(answer["id"])
                self._add_upload(answer["id"], body)

    def _add_created_run(self, run: Object) -> None:
        if isinstance(run.get("id"), str) and run["id"] not in self.created_runs:
            self.created_runs.append(run["id"])

    def _add_question(self, run_id: str, segments: list[str], request: Object) -> None:
        """Post the messages that the run was created with; then the user's last message is its question."""
        run = self.get("runs", run_id)
        thread_id = str(run.get("thread_id", ""))
        thread = request.get("thread")
        messages = thread.get("messages") if segments == ["threads", "runs"] and isinstance(thread, dict) else None
        self._add_posts(thread_id, messages or request.get("additional_messages"), float(run.get("created_at") or 0))
        of_user = [post for post in self.posts.get(thread_id, []) if post.message.get("role", "user") == "user"]
        if of_user:
            self.questions[run_id] = of_user[-1]

    def _add_posts(self, thread_id: str, messages: Any, when: float) -> None:
        for message in messages if isinstance(messages, list) else []:
            if isinstance(message, dict):
                self.posts.setdefault(thread_id, []).append(Post(None, message, when))

    def _add_upload(self, file_id: str, body: Body | None) -> None:
        for part in body.value if body is not None and body.kind == "form" else []:
            if part.file is not None:
                self.contents[file_id] = part.file.read()

    # One object

    def _add_object(self, item: Object, is_created: bool, at: float) -> None:
        kind, id = str(item.get("object", "")), item.get("id")
        if not isinstance(id, str):
            return
        if item.get("deleted") is True:
            self._delete(id)
            return
        if kind not in TABLES:
            return
        table, item = self.tables[TABLES[kind]], sanitize(item)
        before = table.get(id, {})
        if is_created and not before and isinstance(item.get("created_at"), int):
            self._clock_offset = item["created_at"] - at
        table[id] = {**before, **item, **_fuller(before, item)}
        self.order.setdefault(id, len(self.order))
        if kind == "thread.run" and isinstance(action := item.get("required_action"), dict):
            self._add_required_calls(id, action, at + self._clock_offset)

    def _add_required_calls(self, run_id: str, action: Object, when: float) -> None:
        calls = [
            call for call in (action.get("submit_tool_outputs") or {}).get("tool_calls") or [] if "function" in call
        ]
        earlier = self.required_calls.setdefault(run_id, [])
        if calls and all(calls[0].get("id") != required.calls[0].get("id") for required in earlier):
            earlier.append(RequiredCalls(calls, when))

    def _delete(self, id: str) -> None:
        self.deleted.add(id)
        for posts in self.posts.values():
            posts[:] = [post for post in posts if post.id != id]

    def _complete(self) -> None:
        """Take messages and steps from their deltas if the stream broke off before it had them as a whole."""
        for id, delta in self._deltas.items():
            from_deltas = _without_index({key: value for key, value in delta.items() if key != "object"})
            table = self.tables["messages" if "message" in str(delta["object"]) else "steps"]
            if id in table:
                table[id] |= sanitize(_fuller(table[id], from_deltas, only_if_longer=True))


def text_of(content: Any) -> str:
    """The text of a message's content as a rule's `when` sees it: its text parts, joined by newlines."""
    if isinstance(content, str):
        return content
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if part.get("type") == "text")
    return "\n".join(str(text.get("value", "")) if isinstance(text, dict) else str(text) for text in texts)


def _objects(answer: Any, ascending: bool) -> list[Object]:
    """The object of a JSON response, or those of its list, oldest first."""
    if not isinstance(answer, dict):
        return []
    if answer.get("object") != "list" or not isinstance(answer.get("data"), list):
        return [answer]
    items = [item for item in answer["data"] if isinstance(item, dict)]
    return items if ascending else items[::-1]


def _json_of(body: Body | None) -> Object:
    return body.value if body is not None and body.kind == "json" and isinstance(body.value, dict) else {}


def _bytes_of(body: Body) -> bytes:
    if body.kind == "file":
        content: bytes = body.value.read()
        return content
    text = body.value if body.kind == "text" else json.dumps(body.value, ensure_ascii=False)
    return str(text).encode("utf-8", "surrogatepass")


def _fuller(before: Object, item: Object, only_if_longer: bool = False) -> Object:
    """Of each field of `item` that may be partial, the longer version."""
    return {
        name: before[name] if before.get(name) and _size(before[name]) >= _size(item.get(name)) else item.get(name)
        for name in _PARTIAL
        if name in item and (not only_if_longer or _size(before.get(name)) < _size(item[name]))
    }


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _without_index(value: Any) -> Any:
    """A value from deltas in the form in which objects have it."""
    if isinstance(value, dict):
        return {key: _without_index(item) for key, item in value.items() if key != "index"}
    return [_without_index(item) for item in value] if isinstance(value, list) else value
