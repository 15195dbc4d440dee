"""`OpenAI-Beta: assistants=v1`: the same objects in the shapes of April 2024 (docs/reference/behaviour.md#v1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from assistants_emulator import CodeInterpreter, Emulator, FileSearch, FunctionCall, Incomplete, ProjectHandle, Text

V1 = {"OpenAI-Beta": "assistants=v1"}
V2_KEYS = {"tool_resources", "attachments", "parallel_tool_calls", "reasoning_effort"}
MIGRATION = "https://platform.openai.com/docs/assistants/migration."
REFUSED = {"type": "invalid_request_error", "param": None, "code": None}

KEYS = {
    "assistant": (
        "id object created_at name description model instructions tools top_p temperature file_ids metadata "
        "response_format"
    ),
    "assistant.file": "id object created_at assistant_id",
    "thread": "id object created_at metadata",
    "thread.message": "id object created_at assistant_id thread_id run_id role content file_ids metadata",
    "thread.message.file": "id object created_at message_id",
    "thread.run": (
        "id object created_at assistant_id thread_id status started_at expires_at cancelled_at failed_at completed_at "
        "required_action last_error model instructions tools file_ids metadata temperature top_p max_completion_tokens "
        "max_prompt_tokens truncation_strategy incomplete_details usage response_format tool_choice"
    ),
    "thread.run.step": (
        "id object created_at run_id assistant_id thread_id type status cancelled_at completed_at expires_at failed_at "
        "last_error step_details usage"
    ),
}

CITATION = {"file": "notes.txt", "quote": "14 days."}
Json = dict[str, Any]
Call = Callable[..., Any]


@pytest.fixture
def v1(wire: httpx2.Client) -> Call:
    """`v1(method, path, json=...)`: the body of a successful answer, with each object's keys checked."""

    def v1(method: str, path: str, **options: Any) -> Any:
        answer = wire.request(method, path, headers=V1, **options)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        for item in body.get("data", [body]):
            if (keys := KEYS.get(item["object"])) is not None:
                assert " ".join(item) == keys
        return body

    return v1


@pytest.fixture
def refused_v1(refused: Any) -> Call:
    return lambda method, path, **options: refused(method, path, headers=V1, **options)


@pytest.fixture
def file(wire: httpx2.Client) -> Call:
    def file(name: str = "notes.txt", content: bytes = b"Refunds take 14 days.") -> str:
        sent = {"files": {"file": (name, content)}, "data": {"purpose": "assistants"}}
        return str(wire.post("/files", **sent).json()["id"])

    return file


@pytest.fixture
def asked(v1: Call) -> Call:
    """`asked(tools=..., **options)`: a run of a new thread, as the next request finds it."""

    def asked(tools: list[Json] | None = None, **options: Any) -> Any:
        assistant = v1("POST", "/assistants", json={"model": "gpt-4", "tools": tools or []})
        thread = {"messages": [{"role": "user", "content": "Hello"}]}
        run = v1("POST", "/threads/runs", json={"assistant_id": assistant["id"], "thread": thread, **options})
        return v1("GET", f"/threads/{run['thread_id']}/runs/{run['id']}")

    return asked


def test_an_assistant_of_v1_has_empty_tools_and_file_ids(v1: Call) -> None:
    assistant = v1("POST", "/assistants", json={"model": "gpt-4"})
    assert (assistant["tools"], assistant["file_ids"], assistant["instructions"]) == ([], [], None)


def test_a_thread_of_v1_is_retrieved_as_it_was_created(v1: Call) -> None:
    thread = v1("POST", "/threads", json={})
    assert v1("GET", f"/threads/{thread['id']}") == thread


@pytest.mark.parametrize("tools", [["retrieval"], ["code_interpreter"], ["retrieval", "code_interpreter"], []])
def test_files_are_attached_to_an_assistant_and_detached_again(v1: Call, file: Call, tools: list[str]) -> None:
    files, sent = [file("a.txt"), file("b.txt")], [{"type": tool} for tool in tools]
    assistant = v1("POST", "/assistants", json={"model": "gpt-4", "tools": sent, "file_ids": files[:1]})
    path = f"/assistants/{assistant['id']}"
    assert (assistant["tools"], assistant["file_ids"]) == (sent, files[:1])
    added = v1("POST", f"{path}/files", json={"file_id": files[1]})
    assert added == {**added, "id": files[1], "object": "assistant.file", "assistant_id": assistant["id"]}
    assert [one["id"] for one in v1("GET", f"{path}/files")["data"]] == files[::-1]
    assert v1("GET", f"{path}/files/{files[1]}") == added
    gone = {"id": files[0], "object": "assistant.file.deleted", "deleted": True}
    assert v1("DELETE", f"{path}/files/{files[0]}") == gone
    assert v1("GET", path)["file_ids"] == files[1:]
    assert v1("GET", f"/files/{files[0]}")["id"] == files[0]


def test_the_files_are_in_v2s_tool_resources(v1: Call, file: Call, client: Any) -> None:
    tools = [{"type": "retrieval"}, {"type": "code_interpreter"}]
    file_id, table = file(), file("table.csv")
    body = {"model": "gpt-4", "tools": tools, "file_ids": [file_id, table]}
    assistant = client.beta.assistants.retrieve(v1("POST", "/assistants", json=body)["id"])
    assert [tool.type for tool in assistant.tools] == ["file_search", "code_interpreter"]
    assert assistant.tool_resources.code_interpreter.file_ids == [file_id, table]
    (store,) = assistant.tool_resources.file_search.vector_store_ids
    assert [one.id for one in client.vector_stores.files.list(store)] == [file_id]


def test_an_assistant_of_v2_shows_its_files_under_v1(v1: Call, file: Call, client: Any) -> None:
    first, second = file("a.txt"), file("b.txt")
    resources: Any = {
        "code_interpreter": {"file_ids": [first]},
        "file_search": {"vector_stores": [{"file_ids": [first, second]}]},
    }
    tools: Any = [{"type": "file_search"}, {"type": "code_interpreter"}]
    assistant = client.beta.assistants.create(model="gpt-4o", tools=tools, tool_resources=resources)
    shown = v1("GET", f"/assistants/{assistant.id}")
    assert shown["file_ids"] == [first, second]
    assert shown["tools"] == [{"type": "retrieval"}, {"type": "code_interpreter"}]
    assert v1("GET", "/assistants")["data"] == [shown]


def test_modify_replaces_the_files(v1: Call, file: Call) -> None:
    first, second = file("a.txt"), file("b.txt")
    body = {"model": "gpt-4", "tools": [{"type": "retrieval"}], "file_ids": [first]}
    path = f"/assistants/{v1('POST', '/assistants', json=body)['id']}"
    assert v1("POST", path, json={"name": "Ann"})["file_ids"] == [first]
    assert v1("POST", path, json={"file_ids": [second]})["file_ids"] == [second]
    assert v1("POST", path, json={"tools": [{"type": "code_interpreter"}]})["file_ids"] == [second]
    assert v1("POST", path, json={"file_ids": []})["file_ids"] == []


def test_an_assistant_takes_at_most_20_files(v1: Call, refused_v1: Call, file: Call) -> None:
    files = [file(f"{number}.txt") for number in range(21)]
    assistant = v1("POST", "/assistants", json={"model": "gpt-4", "file_ids": files[:20]})
    error = {**REFUSED, "message": "Assistant support at most 20 files, remove some files before adding new ones."}
    assert refused_v1("POST", f"/assistants/{assistant['id']}/files", json={"file_id": files[20]}) == (400, error)
    assert refused_v1("POST", "/assistants", json={"model": "gpt-4", "file_ids": files}) == (400, error)


def test_a_file_that_retrieval_cannot_read_is_refused(refused_v1: Call, file: Call) -> None:
    body: Json = {"model": "gpt-4", "tools": [{"type": "retrieval"}], "file_ids": [file("table.csv")]}
    status, error = refused_v1("POST", "/assistants", json=body)
    message = f"Failed to index file: Unsupported file {body['file_ids'][0]} type: application/octet-stream"
    assert (status, error["message"]) == (400, message)


def test_the_files_of_a_message_are_listed_and_retrieved(v1: Call, file: Call, client: Any) -> None:
    file_id, table = file(), file("table.csv")
    thread_id = v1("POST", "/threads", json={})["id"]
    body = {"role": "user", "content": "Hi", "file_ids": [file_id, table]}
    message = v1("POST", f"/threads/{thread_id}/messages", json=body)
    path = f"/threads/{thread_id}/messages/{message['id']}"
    assert message["file_ids"] == v1("GET", path)["file_ids"] == [file_id, table]
    listed = v1("GET", f"{path}/files?order=asc&limit=1")
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([file_id], True)
    assert v1("GET", f"{path}/files?order=asc&after={file_id}")["data"][0]["id"] == table
    assert v1("GET", f"{path}/files/{table}")["message_id"] == message["id"]
    (first, _) = client.beta.threads.messages.retrieve(message["id"], thread_id=thread_id).attachments
    assert [tool.type for tool in first.tools] == ["code_interpreter", "file_search"]


def test_a_modified_message_keeps_its_file_ids(v1: Call, file: Call) -> None:
    messages = [{"role": "user", "content": "Hi", "file_ids": [file()]}]
    thread = v1("POST", "/threads", json={"messages": messages})
    (message,) = v1("GET", f"/threads/{thread['id']}/messages")["data"]
    changed = v1("POST", f"/threads/{thread['id']}/messages/{message['id']}", json={"metadata": {"a": True}})
    assert changed == {**message, "metadata": {"a": "True"}}


def test_metadata_of_an_assistant_is_not_coerced(v1: Call, refused_v1: Call) -> None:
    message = "Invalid type for 'metadata.version': expected a string, but got an integer instead."
    error = {**REFUSED, "message": message, "param": "metadata.version", "code": "invalid_type"}
    body = {"model": "gpt-4", "metadata": {"version": 1}}
    assert refused_v1("POST", "/assistants", json=body) == (400, error)
    assistant = v1("POST", "/assistants", json={"model": "gpt-4", "metadata": {"version": "1"}})
    assert refused_v1("POST", f"/assistants/{assistant['id']}", json={"metadata": {"version": 1}}) == (400, error)


def test_metadata_values_become_strings(v1: Call) -> None:
    thread = v1("POST", "/threads", json={"metadata": {"flag": True, "number": 1, "text": "a"}})
    assert thread["metadata"] == {"flag": "True", "number": "1", "text": "a"}


def test_an_empty_thread_may_be_run(v1: Call) -> None:
    assistant, thread = v1("POST", "/assistants", json={"model": "gpt-4"}), v1("POST", "/threads", json={})
    run = v1("POST", f"/threads/{thread['id']}/runs", json={"assistant_id": assistant["id"]})
    assert run["status"] == "queued"
    assert v1("POST", "/threads/runs", json={"assistant_id": assistant["id"]})["status"] == "queued"


def test_a_run_keeps_the_files_that_its_assistant_had(v1: Call, file: Call) -> None:
    file_id = file()
    assistant = v1("POST", "/assistants", json={"model": "gpt-4", "file_ids": [file_id]})
    run = v1("POST", "/threads/runs", json={"assistant_id": assistant["id"]})
    v1("POST", f"/assistants/{assistant['id']}", json={"file_ids": []})
    assert v1("GET", f"/threads/{run['thread_id']}/runs/{run['id']}")["file_ids"] == [file_id]


def test_a_search_is_shown_as_a_retrieval_call(project: ProjectHandle, v1: Call, asked: Call, file: Call) -> None:
    file_id = file()
    project.respond([FileSearch(), CodeInterpreter("1"), Text("14 days.", citations=[CITATION])])
    run = asked([{"type": "retrieval"}, {"type": "code_interpreter"}], tool_choice={"type": "retrieval"})
    path = f"/threads/{run['thread_id']}"
    assert run["tool_choice"] == {"type": "retrieval"}
    assert set(run["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    steps = v1("GET", f"{path}/runs/{run['id']}/steps?order=asc")["data"]
    (call,) = steps[0]["step_details"]["tool_calls"]
    assert call == {"id": call["id"], "type": "retrieval", "retrieval": {}}
    assert v1("GET", f"{path}/runs/{run['id']}/steps/{steps[0]['id']}") == steps[0]
    (answer, _) = v1("GET", f"{path}/messages")["data"]
    (note,) = answer["content"][0]["text"]["annotations"]
    assert note["file_citation"] == {"quote": CITATION["quote"], "file_id": file_id}


def test_a_function_call(project: ProjectHandle, v1: Call, asked: Call) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("Done.")])
    run = asked([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])
    assert run["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert run["status"] == "requires_action"
    path = f"/threads/{run['thread_id']}/runs/{run['id']}"
    v1("POST", f"{path}/submit_tool_outputs", json={"tool_outputs": [{"tool_call_id": "call_1", "output": "1"}]})
    assert v1("GET", path)["status"] == "completed"


def test_a_stream_has_no_key_of_v2(project: ProjectHandle, wire: httpx2.Client, v1: Call) -> None:
    project.respond([FileSearch(), Text("Hello.")])
    assistant = v1("POST", "/assistants", json={"model": "gpt-4", "tools": [{"type": "retrieval"}]})
    body = {"assistant_id": assistant["id"], "stream": True}
    answer = wire.post("/threads/runs", json=body, headers=V1)
    data = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
    assert not [item for item in data if V2_KEYS & set(item)]
    assert "file_search" not in answer.text
    assert '"retrieval":{}' in answer.text
    (run, *_) = [item for item in data if item["object"] == "thread.run"]
    assert " ".join(run) == KEYS["thread.run"]
    (message, *_) = [item for item in data if item["object"] == "thread.message"]
    assert list(message)[-3:] == ["content", "file_ids", "metadata"]


def test_a_run_that_is_cut_short_is_completed(project: ProjectHandle, wire: httpx2.Client, asked: Call) -> None:
    project.respond([Text("Half"), Incomplete("max_completion_tokens")])
    run = asked()
    assert (run["status"], run["incomplete_details"]) == ("completed", {"reason": "max_completion_tokens"})
    body = {"assistant_id": run["assistant_id"], "stream": True}
    events = wire.post(f"/threads/{run['thread_id']}/runs", json=body, headers=V1).text
    assert "event: thread.message.incomplete\n" in events
    assert "event: thread.run.completed\n" in events
    assert "event: thread.run.incomplete\n" not in events


BODIES = {
    "tool type": ("/assistants", {"model": "gpt-4", "tools": [{"type": "file_search"}]}, "tools[0].type",
        "Invalid value: 'file_search'. Supported values are: 'code_interpreter', 'function', and 'retrieval'."),
    "content parts": ("/threads/{thread}/messages", {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        "content", "Invalid type for 'content': expected a string, but got an array instead."),
    "attachments": ("/threads/{thread}/messages", {"role": "user", "content": "Hi", "attachments": []},
        "attachments", "Unknown parameter: 'attachments'."),
    "more than 32 messages": ("/threads/runs",
        {"assistant_id": "asst_x", "thread": {"messages": [{"role": "user", "content": "Hi"}] * 33}}, None,
        ("1 validation error for Request\nbody -> thread -> messages\n  ensure this value has at most 32 items "
        "(type=value_error.list.max_items; limit_value=32)")),
    "submit without tool_call_id": ("/threads/{thread}/runs/run_x/submit_tool_outputs",
        {"tool_outputs": [{"output": "1"}]}, None,
        ("1 validation error for Request\nbody -> tool_outputs -> 0 -> tool_call_id\n"
        "  field required (type=value_error.missing)")),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "param", "message"), BODIES.values(), ids=BODIES)
def test_what_v1_does_not_take_is_refused_in_its_words(
    refused_v1: Call, thread: Any, path: str, body: Json, param: str | None, message: str
) -> None:
    status, error = refused_v1("POST", path.format(thread=thread.id), json=body)
    assert (status, error["message"], error["param"]) == (400, message, param)


def test_v1_looks_at_no_prefix_of_an_id(refused_v1: Call) -> None:
    error = {**REFUSED, "message": "No thread found with id 'conversation'."}
    assert refused_v1("GET", "/threads/conversation") == (404, error)


def test_vector_stores_ask_for_the_header_of_v2(refused_v1: Call) -> None:
    status, error = refused_v1("GET", "/vector_stores")
    assert (status, error["code"]) == (400, "invalid_beta")
    assert "'OpenAI-Beta: assistants=v2'" in error["message"]


V1_ONLY = [
    ("POST", "/assistants/{assistant}/files"),
    ("GET", "/assistants/{assistant}/files/file-x"),
    ("DELETE", "/assistants/{assistant}/files/file-x"),
    ("GET", "/threads/thread_x/messages/msg_x/files"),
    ("GET", "/threads/thread_x/messages/msg_x/files/file-x"),
]
ONLY_V1 = f"The v1 Assistants API has been deprecated. See the migration guide for more information: {MIGRATION}"


@pytest.mark.parametrize(("method", "path"), V1_ONLY, ids=[" ".join(row) for row in V1_ONLY])
def test_an_endpoint_of_v1_alone_is_refused_under_v2(refused: Any, assistant: Any, method: str, path: str) -> None:
    error = {**REFUSED, "message": ONLY_V1, "code": "invalid_beta"}
    assert refused(method, path.format(assistant=assistant.id)) == (400, error)


def test_the_list_of_an_assistants_files_is_empty_under_v2(wire: httpx2.Client, assistant: Any) -> None:
    assert wire.get(f"/assistants/{assistant.id}/files").json()["data"] == []


@pytest.fixture(scope="module")
def sunset() -> Iterator[httpx2.Client]:
    headers = {"Authorization": "Bearer x", **V1}
    with Emulator(v1="sunset") as emulator, httpx2.Client(
        base_url=emulator.base_url, headers=headers, trust_env=False, verify=False
    ) as wire:  # fmt: skip
        yield wire


@pytest.mark.parametrize("path", ["/assistants", "/threads/thread_x", "/threads/thread_x/runs"])
def test_v1_is_refused_after_its_sunset(sunset: httpx2.Client, path: str) -> None:
    message = (
        "The v1 Assistants API has been deprecated. Please try again by setting the header 'OpenAI-Beta: assistants=v2'"
        f". See the migration guide for more information: {MIGRATION}"
    )
    answer = sunset.get(path)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": {**REFUSED, "message": message, "code": "invalid_beta"}},
    )


def test_an_endpoint_of_v1_alone_is_refused_after_the_sunset(sunset: httpx2.Client) -> None:
    error = sunset.post("/assistants/asst_x/files", json={"file_id": "file-x"}).json()["error"]
    assert (error["message"], error["code"]) == (ONLY_V1, "invalid_beta")


def test_files_go_by_no_version(sunset: httpx2.Client) -> None:
    assert sunset.get("/files").status_code == 200
