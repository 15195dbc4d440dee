"""A walk through the whole API by HTTP: every route, every reply, every end of a run, whole and as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from assistants_emulator import (
    CodeInterpreter,
    Emulator,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    ProjectHandle,
    Refusal,
    Text,
    Usage,
)
from assistants_emulator.resources import containers, models
from assistants_emulator.resources import conversations as conversations_of_responses
from assistants_emulator.resources.route import Route
from assistants_emulator.responses import operations
from assistants_emulator.web.routing import ROUTES, RouteTable

BETA = {"OpenAI-Beta": "assistants=v2"}
SHOW_CONTENT = {"include[]": "step_details.tool_calls[*].file_search.results[*].content"}
CAKE = b"Cake is the favourite food of Filip. " * 3
FUNCTION = {
    "type": "function",
    "function": {"name": "f", "description": "F", "parameters": {"type": "object", "properties": {}}, "strict": True},
}
SCHEMA: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}
FILE_SEARCH = {"type": "file_search", "file_search": {"max_num_results": 5}}
TOOLS = [{"type": "code_interpreter"}, FILE_SEARCH, FUNCTION]
WITH_CODE: Any = {"tools": TOOLS, "additional_instructions": "Be brief.", "metadata": {"a": "b"}}
RESPONSE_ROWS = (*operations.ROUTES, *conversations_of_responses.ROUTES, *containers.ROUTES)
"""Rows of the Responses API, which tests/fidelity/test_fidelity_responses.py compares."""
ALWAYS_REFUSED = models.delete
V2_ROUTES = [
    row for row in ROUTES if "v2" in row.versions and row not in RESPONSE_ROWS and row.operation is not ALWAYS_REFUSED
]
FAVOURITES = "favourites.txt"
CITED = Text("It is cake.", citations=[{"file": FAVOURITES, "quote": "Cake is the favourite food"}])
CALLS = [[FunctionCall("f", {"a": 1}), FunctionCall("g")], Text("Done.")]
SEARCHES = (
    [FileSearch("cake"), CITED],
    [FileSearch(results=[{"file": FAVOURITES, "score": 0.5, "text": "Cake"}]), CITED],
)
LEFT = (["Half a", Pause()], [FunctionCall("f")])


def sayings(image_id: str) -> list[list[Any]]:
    """Replies that a run can consist of."""
    shown = Image(file_id=image_id)
    code = CodeInterpreter("1 + 1", logs="2", images=[shown], files=[Image(content=b"a", filename="a.csv")])
    linked = Text("See [the table](sandbox:/mnt/data/a.csv).")
    return [["Hello."], [Refusal("No.")], [shown], [code, linked], ["One.", Usage(3, 4), "Two."]]


def endings() -> Iterator[list[Any]]:
    """Every reply that ends a run, before and after a text."""
    cut = [Incomplete(reason) for reason in ("max_completion_tokens", "max_prompt_tokens", "content_filter")]
    for end in (Fail("rate_limit_exceeded"), Fail("invalid_prompt", "No."), Expire(), *cut):
        for before in ([], ["Half a"], [CodeInterpreter("1", logs="1")]):
            yield [*before, end]


def cancelling(turn: Any) -> Iterable[Any]:
    """A responder whose run is cancelled while it is streaming."""
    yield "So far."
    with turn.client() as inner:
        inner.beta.threads.runs.cancel(turn.run.id, thread_id=turn.thread.id)
    yield "Never said."


@dataclass(frozen=True)
class Seen:
    """One answer, or one event of a stream (`event` is its name)."""

    method: str
    path: str
    body: Any
    event: str = ""


@dataclass
class Walk:
    project: ProjectHandle
    http: httpx2.Client
    seen: list[Seen]

    def get(self, path: str, **params: Any) -> Any:
        return self.http.get(path, params=params).json()

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        return self.http.post(path, json={} if body is None else body, params=params).json()

    def delete(self, path: str) -> Any:
        return self.http.delete(path).json()

    def upload(self, path: str, name: str, content: bytes, field: str = "file", **data: str) -> Any:
        return self.http.post(path, files={field: (name, content)}, data=data).json()

    def stream(self, path: str, body: Any, **params: Any) -> list[Any]:
        text = self.http.post(path, json={**body, "stream": True}, params=params).text
        return [data for _, data in events(text)]


def untaken(calls: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The routes of v2 that none of these calls used, each a method and a path."""
    table = RouteTable(V2_ROUTES)
    taken: list[Route] = []
    for method, path in calls:
        found = table.find(path)
        assert found is not None, path
        taken.append(found.methods[method]["v2"])
    return [(row.method, row.path) for row in V2_ROUTES if row not in taken]


def events(text: str) -> Iterator[tuple[str, Any]]:
    """Names and data of an event stream, without `done`."""
    for block in text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        if name != "event: done":
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@contextmanager
def walking(fidelity: Any) -> Iterator[Walk]:
    """A walk through an emulator of its own that collects the answers; an error ends it."""
    seen: list[Seen] = []

    def remember(response: httpx2.Response) -> None:
        response.read()
        request = response.request
        if response.is_error:
            raise AssertionError(f"{request.method} {request.url}: {response.text}")
        kind, path = response.headers["content-type"], request.url.path.removeprefix("/v1")
        if kind.startswith("text/event-stream"):
            seen.extend(Seen(request.method, path, data, name) for name, data in events(response.text))
        else:
            seen.append(Seen(request.method, path, response.json() if kind == "application/json" else None))

    with Emulator(clock="manual", fidelity=fidelity) as emulator:
        headers = {"Authorization": f"Bearer {emulator.api_key}", **BETA}
        hooks: Any = {"response": [remember]}
        with httpx2.Client(
            base_url=emulator.base_url, headers=headers, event_hooks=hooks, trust_env=False, timeout=30
        ) as http:
            yield Walk(emulator, http, seen)


def everything(walk: Walk) -> None:
    files(walk)
    uploads(walk)
    stores(walk)
    assistants(walk)
    conversations(walk)
    runs(walk)
    search_runs(walk)
    ends(walk)
    walk.get("/models")
    walk.get("/models/gpt-4o")


def files(walk: Walk) -> None:
    for purpose, name in (("assistants", "a.txt"), ("evals", "a.jsonl"), ("vision", "a.png"), ("batch", "b.jsonl")):
        walk.upload("/files", name, CAKE, purpose=purpose)
    kept = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = walk.upload("/files", "c.jsonl", CAKE, purpose="batch", **kept)
    walk.get("/files")
    walk.get("/files", purpose="nothing")
    walk.get(f"/files/{file['id']}")
    walk.http.get(f"/files/{file['id']}/content")
    walk.delete(f"/files/{file['id']}")


def uploads(walk: Walk) -> None:
    body = {"filename": "a.jsonl", "purpose": "batch", "bytes": len(CAKE), "mime_type": "text/plain"}
    upload = walk.post("/uploads", body)
    part = walk.upload(f"/uploads/{upload['id']}/parts", "data", CAKE, "data")
    walk.post(f"/uploads/{upload['id']}/complete", {"part_ids": [part["id"]]})
    walk.post(f"/uploads/{walk.post('/uploads', body)['id']}/cancel")


def stores(walk: Walk) -> None:
    good, bad = (walk.upload("/files", name, CAKE, purpose="assistants")["id"] for name in ("a.md", "b.pdf"))
    walk.get("/vector_stores")
    walk.post("/vector_stores")
    expires = {"anchor": "last_active_at", "days": 1}
    named = {"name": "Notes", "description": "Mine", "expires_after": expires, "metadata": {"a": "b"}}
    store = f"/vector_stores/{walk.post('/vector_stores', {**named, 'file_ids': [good]})['id']}"
    walk.get(store)
    walk.get("/vector_stores")
    walk.post(store, {"name": None, "expires_after": None})
    static = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}}
    walk.post(f"{store}/files", {"file_id": bad, "attributes": {"a": 1.5}, "chunking_strategy": static})
    walk.get(f"{store}/files")
    for file in (good, bad):
        walk.get(f"{store}/files/{file}")
        walk.get(f"{store}/files/{file}/content")
    walk.post(f"{store}/files/{good}", {"attributes": {"kind": "food", "tasty": True}})
    walk.post(f"{store}/search", {"query": "cake"})
    walk.post(f"{store}/search", {"query": ["cake", "food"], "rewrite_query": True})
    walk.delete(f"{store}/files/{bad}")
    for ending in ("", "/cancel"):
        batch = f"{store}/file_batches/{walk.post(f'{store}/file_batches', {'file_ids': [good, bad]})['id']}"
        if ending:
            walk.post(batch + ending)
        walk.get(batch)
        walk.get(f"{batch}/files")
    walk.get(f"{store}/files", filter="failed")
    walk.delete(store)


def assistants(walk: Walk) -> None:
    walk.get("/assistants")
    full = {"name": "A", "description": "B", "instructions": "C", "tools": TOOLS, "metadata": {"a": "b"}}
    for form in ("auto", {"type": "json_object"}, {"type": "text"}, SCHEMA):
        walk.post("/assistants", {**full, "model": "gpt-4o", "response_format": form, "reasoning_effort": "low"})
    assistant = walk.post("/assistants", {"model": "gpt-4o"})
    walk.get("/assistants")
    walk.get(f"/assistants/{assistant['id']}")
    walk.get(f"/assistants/{assistant['id']}/files")
    walk.post(f"/assistants/{assistant['id']}", {"name": "D", "temperature": 1, "top_p": 0.5})
    walk.delete(f"/assistants/{assistant['id']}")


def conversations(walk: Walk) -> None:
    text, image = (walk.upload("/files", name, CAKE, purpose="assistants")["id"] for name in ("c.txt", "c.png"))
    searched = {"file_search": {"vector_stores": [{"file_ids": [text]}]}, "code_interpreter": {"file_ids": [text]}}
    walk.post("/threads", {"messages": [{"role": "user", "content": "Hi"}], "tool_resources": searched})
    thread = f"/threads/{walk.post('/threads')['id']}"
    walk.get(thread)
    walk.get(f"{thread}/messages")
    parts = [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_file", "image_file": {"file_id": image}},
    ]
    attached = [{"file_id": text, "tools": [{"type": "code_interpreter"}, {"type": "file_search"}]}]
    message = walk.post(f"{thread}/messages", {"role": "user", "content": parts, "attachments": attached})
    walk.post(f"{thread}/messages", {"role": "assistant", "content": "I see.", "metadata": {"a": "b"}})
    walk.get(f"{thread}/messages")
    walk.get(f"{thread}/messages/{message['id']}")
    walk.post(f"{thread}/messages/{message['id']}", {"metadata": {"seen": "yes"}})
    walk.delete(f"{thread}/messages/{message['id']}")
    walk.post(thread, {"metadata": {"a": "b"}})
    walk.delete(thread)


def runs(walk: Walk) -> None:
    """Every reply of a run, read whole and as a stream."""
    for replies in sayings(walk.upload("/files", "d.png", CAKE, purpose="vision")["id"]):
        walk.project.respond(replies)
        for create in (_plain, _streamed):
            look(walk, create(walk))
    walk.project.respond(CALLS)
    for create in (_plain, _streamed):
        _submit(walk, look(walk, create(walk)), streamed=create is _streamed)


def search_runs(walk: Walk) -> None:
    text = walk.upload("/files", FAVOURITES, CAKE, purpose="assistants")["id"]
    store = walk.post("/vector_stores", {"file_ids": [text]})["id"]
    for replies in SEARCHES:
        walk.project.respond(replies)
        for create in (_plain, _streamed):
            look(walk, create(walk, {"tool_resources": {"file_search": {"vector_store_ids": [store]}}}))


def ends(walk: Walk) -> None:
    """Every way in which a run can end: before, during and after its text."""
    for replies in endings():
        walk.project.respond(replies)
        for create in (_plain, _streamed):
            look(walk, create(walk))
    for replies in LEFT:
        walk.project.respond(replies)
        for leave in (_cancel, _outlive):
            leave(walk, look(walk, _plain(walk)))
    walk.project.respond(cancelling)
    look(walk, _streamed(walk))


def look(walk: Walk, run: Any) -> Any:
    """Call everything that reads a run; return the run."""
    thread = f"/threads/{run['thread_id']}"
    path = f"{thread}/runs/{run['id']}"
    walk.get(thread)
    walk.get(f"{thread}/runs")
    for message in walk.get(f"{thread}/messages", run_id=run["id"])["data"]:
        walk.get(f"{thread}/messages/{message['id']}")
    for params in ({}, SHOW_CONTENT):
        for step in walk.get(f"{path}/steps", **params)["data"]:
            walk.get(f"{path}/steps/{step['id']}", **params)
    run = walk.get(path)
    if run["completed_at"]:
        walk.post(path, {"metadata": {"seen": "yes"}})
    return run


def _plain(walk: Walk, thread: Any = None) -> Any:
    return walk.post(f"/threads/{_thread(walk, thread)}/runs", {**_asked(walk), **WITH_CODE})


def _streamed(walk: Walk, thread: Any = None) -> Any:
    """By either route that streams; the run as its last event shows it."""
    path = f"/threads/{_thread(walk, thread)}/runs"
    told = walk.stream(path, {**_asked(walk), **WITH_CODE}, **SHOW_CONTENT)
    if thread is None:
        new = {"thread": {"messages": [{"role": "user", "content": "Hi"}]}}
        told = walk.stream("/threads/runs", {**_asked(walk), "tools": TOOLS, **new})
    return told[-1]


def _thread(walk: Walk, body: Any) -> str:
    id: str = walk.post("/threads", {"messages": [{"role": "user", "content": "What is it?"}], **(body or {})})["id"]
    return id


def _asked(walk: Walk) -> Any:
    assistant = walk.post("/assistants", {"model": "gpt-4o"})
    truncation = {"type": "last_messages", "last_messages": 3}
    more = {"truncation_strategy": truncation, "max_completion_tokens": 1000, "response_format": {"type": "text"}}
    return {"assistant_id": assistant["id"], **more}


def _submit(walk: Walk, run: Any, *, streamed: bool) -> None:
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = {"tool_outputs": [{"tool_call_id": call["id"], "output": "42"} for call in calls]}
    path = f"/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
    _ = walk.stream(path, outputs) if streamed else walk.post(path, outputs)
    look(walk, run)


def _cancel(walk: Walk, run: Any) -> None:
    walk.post(f"/threads/{run['thread_id']}/runs/{run['id']}/cancel")
    look(walk, run)


def _outlive(walk: Walk, run: Any) -> None:
    walk.project.clock.advance(700)
    look(walk, run)
