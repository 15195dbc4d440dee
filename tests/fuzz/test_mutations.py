"""Requests that are nearly right: valid bodies on existing objects, changed in one place or two.

The answer is never a 5xx and always in the envelope, and stored objects are still there.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistants_emulator import CodeInterpreter, Emulator, FileSearch

EXAMPLES = int(os.environ["FUZZ"])  # each sends five requests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=8,
)
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}, "strict": False}
MESSAGE = {
    "role": "user",
    "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}],
    "attachments": [{"file_id": "FILE", "tools": [{"type": "file_search"}]}],
    "metadata": {"a": "b"},
}
RUN = {
    "assistant_id": "ASSISTANT",
    "model": "gpt-4o",
    "instructions": "i",
    "additional_instructions": "more",
    "tools": [{"type": "function", "function": FUNCTION}, {"type": "file_search"}],
    "metadata": {},
    "temperature": 0.5,
    "top_p": 1,
    "max_prompt_tokens": 256,
    "max_completion_tokens": 256,
    "truncation_strategy": {"type": "last_messages", "last_messages": 3},
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    "stream": False,
}
CHUNKING = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}}
FILTERS = {
    "type": "and",
    "filters": [{"type": "eq", "key": "a", "value": "b"}, {"type": "in", "key": "c", "value": [1]}],
}
BODIES: list[tuple[str, str, Any]] = [
    (
        "POST",
        "/assistants",
        {"model": "m", "name": "n", "tools": RUN["tools"], "temperature": 1, "metadata": {"a": "b"}},
    ),
    (
        "POST",
        "/assistants/ASSISTANT",
        {"name": "n", "tool_resources": {"file_search": {"vector_store_ids": ["STORE"]}}},
    ),
    ("POST", "/threads", {"messages": [MESSAGE], "tool_resources": {"code_interpreter": {"file_ids": ["FILE"]}}}),
    ("POST", "/threads/THREAD", {"metadata": {"a": "b"}, "tool_resources": {}}),
    ("POST", "/threads/THREAD/messages", MESSAGE),
    ("POST", "/threads/THREAD/messages/MESSAGE", {"metadata": {"a": "b"}}),
    ("POST", "/threads/THREAD/runs", {**RUN, "additional_messages": [MESSAGE]}),
    ("POST", "/threads/THREAD/runs", {"assistant_id": "ASSISTANT", "stream": True}),
    ("POST", "/threads/runs", {**RUN, "thread": {"messages": [MESSAGE]}}),
    ("POST", "/threads/THREAD/runs/RUN", {"metadata": {}}),
    ("POST", "/threads/THREAD/runs/RUN/cancel", {}),
    ("POST", "/threads/THREAD/runs/RUN/submit_tool_outputs", {"tool_outputs": [{"tool_call_id": "c", "output": "o"}]}),
    ("POST", "/vector_stores", {"name": "n", "file_ids": ["FILE"], "chunking_strategy": CHUNKING, "metadata": {}}),
    ("POST", "/vector_stores/STORE", {"name": "n", "expires_after": {"anchor": "last_active_at", "days": 3}}),
    ("POST", "/vector_stores/STORE/search", {"query": ["a", "b"], "filters": FILTERS, "max_num_results": 5}),
    ("POST", "/vector_stores/STORE/files", {"file_id": "FILE", "attributes": {"a": 1}, "chunking_strategy": CHUNKING}),
    ("POST", "/vector_stores/STORE/files/FILE", {"attributes": {"a": True}}),
    ("POST", "/vector_stores/STORE/file_batches", {"files": [{"file_id": "FILE", "attributes": {"a": 1}}]}),
    ("POST", "/uploads", {"filename": "f", "purpose": "assistants", "bytes": 3, "mime_type": "text/plain"}),
    ("GET", "/threads/THREAD/messages?limit=LIMIT&order=asc&after=MESSAGE", None),
    ("GET", "/threads/THREAD/runs/RUN/steps?limit=LIMIT&include[]=LIMIT", None),
    ("GET", "/vector_stores/STORE/files?filter=LIMIT&before=FILE", None),
    ("GET", "/files?limit=LIMIT&purpose=assistants", None),
    ("DELETE", "/threads/THREAD/messages/LIMIT", None),
]

ITEMS = [
    {"role": "user", "content": "hi", "id": "msg_1", "status": "completed"},
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "hi"},
            {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
            {"type": "input_file", "file_id": "FILE"},
        ],
    },
    {
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "ho", "annotations": [{"type": "file_citation", "index": 1}]},
            {"type": "refusal", "refusal": "no"},
        ],
        "phase": "commentary",
    },
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "out"}]},
    {"type": "file_search_call", "id": "fs_1", "queries": ["q"], "results": [{"file_id": "FILE", "text": "t"}]},
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "code": "1",
        "container_id": "CONTAINER",
        "outputs": [{"type": "logs", "logs": "l"}],
    },
    {"type": "item_reference", "id": "ITEM"},
]
RESPONSE = {
    "model": "gpt-4o",
    "input": ITEMS,
    "instructions": "i",
    "tools": [
        {"type": "function", **FUNCTION},
        {"type": "file_search", "vector_store_ids": ["STORE"], "filters": FILTERS, "max_num_results": 3},
        {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["FILE"]}},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"},
    "include": ["file_search_call.results", "code_interpreter_call.outputs"],
    "reasoning": {"effort": "low", "summary": "auto"},
    "metadata": {"a": "b"},
    "temperature": 0.5,
    "max_output_tokens": 200,
    "truncation": "auto",
    "stream_options": {"include_obfuscation": False},
}
CHAINED = {"model": "gpt-4o", "input": "hi", "previous_response_id": "RESPONSE", "store": False}
CONTAINER = {
    "name": "n",
    "expires_after": {"anchor": "last_active_at", "minutes": 5},
    "file_ids": ["FILE"],
    "memory_limit": "4g",
    "network_policy": {"type": "disabled"},
}
BODIES += [
    ("POST", "/responses", RESPONSE),
    ("POST", "/responses", {**RESPONSE, "stream": True, "background": True, "tool_choice": "required"}),
    ("POST", "/responses", CHAINED),
    ("POST", "/responses", {"model": "gpt-5", "input": ITEMS[:3], "conversation": {"id": "CONVERSATION"}}),
    ("POST", "/responses", {"model": "gpt-4o", "input": [ITEMS[8], ITEMS[0]], "background": True}),
    ("POST", "/responses/input_tokens", {key: RESPONSE[key] for key in ("model", "input", "tools", "text")}),
    ("POST", "/responses/RESPONSE/cancel", {}),
    ("GET", "/responses/RESPONSE?stream=true&starting_after=LIMIT", None),
    ("GET", "/responses/STREAMED?stream=true&starting_after=LIMIT&include_obfuscation=LIMIT", None),
    ("GET", "/responses/RESPONSE?include[]=LIMIT", None),
    ("GET", "/responses/RESPONSE/input_items?limit=LIMIT&order=asc&after=ITEM", None),
    ("POST", "/conversations", {"items": ITEMS[:6], "metadata": {"a": "b"}}),
    ("POST", "/conversations/CONVERSATION", {"metadata": {"a": "b"}}),
    ("POST", "/conversations/CONVERSATION/items", {"items": ITEMS}),
    ("GET", "/conversations/CONVERSATION/items?limit=LIMIT&after=LIMIT", None),
    ("GET", "/conversations/CONVERSATION/items", None),
    ("GET", "/conversations/CONVERSATION/items/LIMIT", None),
    ("POST", "/containers", CONTAINER),
    ("GET", "/containers?limit=LIMIT&after=CONTAINER&name=LIMIT", None),
    ("POST", "/containers/CONTAINER/files", {"file_id": "FILE"}),
    ("GET", "/containers/CONTAINER/files?limit=LIMIT&after=LIMIT", None),
    ("DELETE", "/containers/CONTAINER/files/LIMIT", None),
]


class World:
    """An emulator with one object of each kind, whose ids stand in for the names in the bodies."""

    def __init__(self, emulator: Emulator) -> None:
        headers = {"Authorization": "Bearer fuzz", "OpenAI-Beta": "assistants=v2"}
        self.wire = httpx2.Client(base_url=emulator.base_url, headers=headers, timeout=30)
        client = emulator.client()
        file = client.files.create(file=("a.txt", b"some text"), purpose="assistants")
        store = client.vector_stores.create(file_ids=[file.id])
        assistant = client.beta.assistants.create(model="m", instructions="i")
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "hello"}])
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        message = client.beta.threads.messages.list(thread.id).data[0]
        conversation = client.conversations.create(items=[{"role": "user", "content": "hello"}])
        response = client.responses.create(model="gpt-4o", input="hello")
        stream = client.responses.create(model="gpt-4o", input="hello", background=True, stream=True)
        *_, last = stream
        self.kept_response = f"/responses/{response.id}"
        self.kept = f"/assistants/{client.beta.assistants.create(model='m', name='kept').id}"
        self.ids = {
            "FILE": file.id,
            "STORE": store.id,
            "ASSISTANT": assistant.id,
            "THREAD": thread.id,
            "RUN": run.id,
            "MESSAGE": message.id,
            "RESPONSE": response.id,
            "STREAMED": last.response.id,
            "CONVERSATION": conversation.id,
            "ITEM": response.output[0].id,
            "CONTAINER": client.containers.create(name="n").id,
        }

    def filled(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, id in self.ids.items():
                value = value.replace(name, id)
            return value
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Emulator() as emulator:
        emulator.respond(lambda turn: [FileSearch(), CodeInterpreter("1", logs="l")] * bool(turn.tools) + ["ho"])
        made = World(emulator)
        yield made
        made.wire.close()


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a body."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in items for place in places(item, (*at, key)))]


def changed(body: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    body = copy.deepcopy(body)
    inner = body
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = new
    return body


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_near_miss_is_a_server_fault(world: World, data: st.DataObject) -> None:
    for _ in range(5):
        method, path, body = data.draw(st.sampled_from(BODIES))
        if body is not None and data.draw(st.integers(0, 3)):
            body = changed(body, data.draw(st.sampled_from(places(body))), data.draw(JSON))
        path = path.replace("LIMIT", data.draw(st.sampled_from(["1", "0", "-1", "x", "101", "%00", "1e9", ""])))
        sent = None if body is None else world.filled(body)
        answer = world.wire.request(method, world.filled(path), json=sent)
        assert answer.status_code < 500, (method, path, sent, answer.text)
        if answer.is_error:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert world.wire.get(world.kept).json()["name"] == "kept"
    assert world.wire.get(world.kept_response).json()["status"] == "completed"
