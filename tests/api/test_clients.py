"""Requests that real clients send and fields that they read, as in their code."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest
from openai._base_client import SyncHttpxClientWrapper
from tests.api.test_streams import events_of

from assistants_emulator import CodeInterpreter, FileSearch, FunctionCall, ProjectHandle, Text

INCLUDE = "include%5B%5D=step_details.tool_calls%5B%2A%5D.file_search.results%5B%2A%5D.content"
CAKE = b"Filip likes cake."


# Headers and transport


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "*/*", ""])
@pytest.mark.parametrize("stream", [True, False, None])
def test_the_body_says_whether_to_stream(wire: httpx2.Client, assistant: Any, accept: str, stream: bool | None) -> None:
    body = {"assistant_id": assistant.id, "stream": stream}
    answer = wire.post("/threads/runs", json=body, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")


def test_the_beta_header_may_be_a_default_header_of_the_client(project: ProjectHandle) -> None:
    with project.client(default_headers={"OpenAI-Beta": "assistants=v2"}) as client:
        assert client.beta.assistants.list().data == []


@pytest.mark.parametrize(("beta", "key"), [("assistants=v1", "file_ids"), ("assistants=v2", "tool_resources")])
def test_the_beta_header_picks_the_shapes(wire: httpx2.Client, assistant: Any, beta: str, key: str) -> None:
    assert key in wire.get(f"/assistants/{assistant.id}", headers={"OpenAI-Beta": beta}).json()


def test_a_cancel_may_say_json_and_have_no_body(project: ProjectHandle, wire: httpx2.Client, ask: Any) -> None:
    project.respond(FunctionCall("f"))
    run = ask()
    headers = {"Content-Type": "application/json"}
    answer = wire.post(f"/threads/{run.thread_id}/runs/{run.id}/cancel", headers=headers)
    assert (answer.request.headers["content-length"], answer.json()["status"]) == ("0", "cancelling")


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_a_files_type_is_what_its_name_says_not_its_content_type(wire: httpx2.Client, content_type: str) -> None:
    form = {"files": {"file": ("notes.txt", CAKE, content_type)}, "data": {"purpose": "assistants"}}
    file = wire.post("/files", **form).json()["id"]
    store = wire.post("/vector_stores", json={"file_ids": [file]}).json()["id"]
    assert wire.get(f"/vector_stores/{store}").json()["file_counts"]["completed"] == 1


@pytest.mark.parametrize("first", ["purpose", "file"])
def test_a_form_may_come_in_any_order_and_without_its_length(wire: httpx2.Client, first: str) -> None:
    purpose = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + CAKE + b"\r\n"
    parts = [purpose, file] if first == "purpose" else [file, purpose]
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = wire.post("/files", content=iter([*parts, b"--b--\r\n"]), headers=headers)
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert (answer.json()["filename"], answer.json()["bytes"]) == ("a.txt", len(CAKE))


@pytest.fixture
def searched(project: ProjectHandle, client: openai.OpenAI) -> Any:
    """A run that has found and cited a file."""
    file = client.files.create(file=("notes.txt", CAKE), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    project.respond([FileSearch("cake"), Text("Cake.", citations=[{"file": "notes.txt", "quote": "likes cake"}])])
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread: Any = {"messages": [{"role": "user", "content": "What does Filip like?"}]}
    return client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)


@pytest.mark.parametrize("query", [INCLUDE, INCLUDE.replace("%2A", "*"), ""])
def test_search_content_is_shown_where_include_asks_for_it(wire: httpx2.Client, searched: Any, query: str) -> None:
    path = f"/threads/{searched.thread_id}/runs/{searched.id}/steps?order=asc"
    (result,) = wire.get(f"{path}&{query}").json()["data"][0]["step_details"]["tool_calls"][0]["file_search"]["results"]
    assert ("content" in result) is bool(query)


@pytest.mark.parametrize("path", ["", "/files", "/file_batches"])
def test_stores_files_and_batches_say_when_to_poll_again(wire: httpx2.Client, path: str) -> None:
    poll = {"X-Stainless-Poll-Helper": "true", "X-Stainless-Custom-Poll-Interval": "5000"}
    form = {"files": {"file": ("notes.txt", CAKE)}, "data": {"purpose": "assistants"}}
    file = wire.post("/files", **form).json()["id"]
    store = "/vector_stores" if not path else f"/vector_stores/{wire.post('/vector_stores', json={}).json()['id']}"
    body = {"file_id": file} if path == "/files" else {"file_ids": [file]}
    created = wire.post(store + path, json=body, headers=poll)
    found = wire.get(f"{store}{path}/{created.json()['id']}", headers=poll)
    assert created.headers["openai-poll-after-ms"].isdecimal()
    assert (found.json()["status"], "openai-poll-after-ms" in found.headers) == ("completed", False)


@pytest.mark.parametrize("path", ["/assistants", "/files", "/vector_stores"])
def test_unknown_query_keys_pass(wire: httpx2.Client, path: str) -> None:
    assert wire.get(path, params={"beta": "true", "x-stainless": "1"}).status_code == 200


# Requests


@pytest.mark.parametrize("path", ["/assistants", "/threads/{thread}/messages", "/threads/{thread}/runs"])
def test_file_ids_are_unknown_under_v2(refused: Any, assistant: Any, thread: Any, path: str) -> None:
    bodies: dict[str, Any] = {"ants": {"model": "gpt-4o"}, "ages": {"role": "user", "content": "Hi"}}
    body = bodies.get(path[-4:], {"assistant_id": assistant.id})
    status, error = refused("POST", path.format(thread=thread.id), json={**body, "file_ids": []})
    assert (status, error["code"], error["message"]) == (400, "unknown_parameter", "Unknown parameter: 'file_ids'.")


# Polling and state


def test_a_loop_that_submits_at_each_requires_action_submits_every_call_once(
    project: ProjectHandle, client: openai.OpenAI, ask: Any
) -> None:
    """LlamaIndex's loop: every call is submitted once, in order."""
    project.respond([FunctionCall("f", id="call_1"), FunctionCall("g", id="call_2"), Text("done")])
    run, submitted = ask(), []
    while run.status in ("queued", "in_progress", "requires_action"):
        run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        if run.status == "requires_action":
            calls = run.required_action.submit_tool_outputs.tool_calls
            submitted += [call.id for call in calls]
            client.beta.threads.runs.submit_tool_outputs(
                run.id,
                thread_id=run.thread_id,
                tool_outputs=[{"tool_call_id": call.id, "output": ""} for call in calls],
            )
    assert (run.status, submitted) == ("completed", ["call_1", "call_2"])


# Lists


def test_an_uploaded_file_is_found_again_by_its_name(client: openai.OpenAI) -> None:
    for name, purpose in (("other.jsonl", "batch"), ("notes.txt", "assistants"), ("more.txt", "assistants")):
        client.files.create(file=(name, CAKE), purpose=purpose)  # type: ignore[arg-type]
    listed = client.files.list(purpose="assistants")
    assert [file.filename for file in listed] == ["more.txt", "notes.txt"]


def test_a_vector_store_and_each_of_its_files_can_be_deleted(client: openai.OpenAI) -> None:
    made = [client.files.create(file=(f"{n}.txt", CAKE), purpose="assistants").id for n in range(3)]
    store = client.vector_stores.create(file_ids=made)
    listed = [file.id for file in client.vector_stores.files.list(store.id, limit=100)]
    assert sorted(listed) == sorted(made)
    assert client.vector_stores.delete(store.id).deleted
    assert all(client.files.delete(id).deleted for id in listed)


# Fields


def test_answers_of_v1_have_file_ids_and_no_key_of_v2(wire: httpx2.Client, assistant: Any) -> None:
    wire.headers["OpenAI-Beta"] = "assistants=v1"
    thread = wire.post("/threads", json={"messages": [{"role": "user", "content": "Hi"}]}).json()
    path = f"/threads/{thread['id']}"
    told = events_of(wire.post(f"{path}/runs", json={"assistant_id": assistant.id, "stream": True}))
    objects = [data for _, data in told if data != "[DONE]" and data["object"] in ("thread.run", "thread.message")]
    objects += [*wire.get(f"{path}/messages").json()["data"], *wire.get(f"{path}/runs").json()["data"]]
    objects += [wire.get(f"/assistants/{assistant.id}").json()]
    assert all(one["file_ids"] == [] for one in objects)
    later = {"tool_resources", "attachments", "parallel_tool_calls", "reasoning_effort"}
    assert [later & one.keys() for one in (thread, *objects) if later & one.keys()] == []


def test_a_stored_citation_has_no_quote_but_its_file_has_a_name(client: openai.OpenAI, searched: Any) -> None:
    message = client.beta.threads.messages.list(searched.thread_id, limit=1).data[0]
    (annotation,) = message.content[0].text.annotations  # type: ignore[union-attr]
    citation: Any = annotation.file_citation  # type: ignore[union-attr]
    with pytest.raises(AttributeError):
        _ = citation.quote
    assert client.files.retrieve(citation.file_id).filename == "notes.txt"


GONE: dict[str, Callable[[Any], Any]] = {
    "thread": lambda client: (client.beta.threads, client.beta.threads.create().id),
    "file": lambda client: (client.files, client.files.create(file=("a.txt", CAKE), purpose="assistants").id),
    "vector store": lambda client: (client.vector_stores, client.vector_stores.create().id),
}


@pytest.mark.parametrize("make", GONE.values(), ids=GONE)
def test_what_was_deleted_is_not_found_any_more(client: openai.OpenAI, make: Callable[[Any], Any]) -> None:
    resource, id = make(client)
    resource.delete(id)
    for call in (resource.retrieve, resource.delete):
        with pytest.raises(openai.NotFoundError):
            call(id)


def test_a_run_has_the_usage_and_model_that_a_trace_wants(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    run = settled(ask())
    assert min(run.usage.prompt_tokens, run.usage.completion_tokens) > 0
    assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens
    assert client.beta.assistants.retrieve(run.assistant_id).model == run.model


# Streams


def deltas(told: list[tuple[str, Any]]) -> list[Any]:
    """Every entry of a list in a delta, at any depth that the SDKs accumulate."""
    found: list[Any] = []
    for name, data in told:
        if name == "thread.message.delta":
            found += data["delta"]["content"]
        elif name == "thread.run.step.delta":
            calls = data["delta"]["step_details"]["tool_calls"]
            found += [*calls, *(one for call in calls for one in call.get("code_interpreter", {}).get("outputs", []))]
    return found


SAYINGS = [CodeInterpreter("1 + 1", logs="2"), Text("Two."), [FunctionCall("f"), FunctionCall("g")]]


def test_every_entry_of_a_delta_has_its_index(project: ProjectHandle, wire: httpx2.Client, assistant: Any) -> None:
    project.respond(SAYINGS)
    answer = wire.post("/threads/runs", json={"assistant_id": assistant.id, "stream": True})
    entries = deltas(events_of(answer))
    assert {entry["type"] for entry in entries} == {"text", "code_interpreter", "logs", "function"}
    assert [entry for entry in entries if not isinstance(entry.get("index"), int)] == []


def test_what_the_sdk_puts_together_is_what_is_stored(
    project: ProjectHandle, client: openai.OpenAI, assistant: Any
) -> None:
    project.respond(SAYINGS[:2])
    with client.beta.threads.create_and_run_stream(assistant_id=assistant.id) as stream:
        (message,) = stream.get_final_messages()
        run = stream.current_run
    assert run is not None
    stored = client.beta.threads.messages.retrieve(message.id, thread_id=run.thread_id)
    assert (message.content, message.id) == (stored.content, stored.id)


def test_final_run_steps_hold_what_the_deltas_said(client: openai.OpenAI, searched: Any) -> None:
    """For a search the deltas have only its start: its results come with the completed step."""
    with client.beta.threads.runs.stream(thread_id=searched.thread_id, assistant_id=searched.assistant_id) as stream:
        completed = [event.data for event in stream if event.event == "thread.run.step.completed"]
    search: Any = next(step for step in stream.get_final_run_steps() if step.type == "tool_calls")
    assert search.step_details.tool_calls[0].file_search.results == []
    whole: Any = next(step for step in completed if step.type == "tool_calls")
    assert len(whole.step_details.tool_calls[0].file_search.results) == 1


def test_a_stream_ends_with_requires_action_and_goes_on_with_the_completed_step(
    project: ProjectHandle, wire: httpx2.Client, assistant: Any
) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    first = events_of(wire.post("/threads/runs", json={"assistant_id": assistant.id, "stream": True}))
    assert [name for name, _ in first[-2:]] == ["thread.run.requires_action", "done"]
    run = first[-2][1]
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "42"}], "stream": True}
    second = events_of(wire.post(f"/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs", json=body))
    assert (second[0][0], second[0][1]["type"]) == ("thread.run.step.completed", "tool_calls")


def test_a_message_delta_has_one_part_and_the_run_comes_last(
    project: ProjectHandle, wire: httpx2.Client, assistant: Any
) -> None:
    """Vercel's loop: reads `delta.content[0]` only, and the run of the last event."""
    project.respond("One two three.")
    told = events_of(wire.post("/threads/runs", json={"assistant_id": assistant.id, "stream": True}))
    parts = [data["delta"]["content"] for name, data in told if name == "thread.message.delta"]
    assert {len(content) for content in parts} == {1}
    assert "".join(content[0]["text"]["value"] for content in parts) == "One two three."
    assert (told[-2][0], told[-2][1]["object"]) == ("thread.run.completed", "thread.run")


def test_a_forgotten_client_leaves_no_open_connection(project: ProjectHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(SyncHttpxClientWrapper, "__del__")  # which in a cycle may run after that of the socket
    project.client().models.list()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(warning.message) for warning in told] == []
