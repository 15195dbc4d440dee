"""Responses that others delete, cancel or continue while they are under way, and inputs at the limits of size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
from tests.responses.conftest import MODEL, Ask

from assistants_emulator import Emulator, Pause, ProjectHandle, Text, Wait

MEGABYTE = 1_000_000
Later = Callable[..., Future[Any]]


@pytest.fixture
def later() -> Iterator[Later]:
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


@pytest.fixture
def post(project: ProjectHandle) -> Iterator[Callable[..., httpx2.Response]]:
    headers = {"Authorization": f"Bearer {project.api_key}"}
    with httpx2.Client(base_url=project.base_url, headers=headers, timeout=30) as http:
        yield lambda path="/responses", **body: http.post(path, json={"model": MODEL, **body})


def begun(project: ProjectHandle) -> str:
    """The id of the newest response, once there is one."""
    while not (ids := list(project.transcripts())):
        pass
    return ids[-1]


def test_a_plain_response_that_is_deleted_meanwhile_is_not_found(
    project: ProjectHandle, client: openai.OpenAI, post: Any, later: Later
) -> None:
    project.respond([Wait(60), Text("Never")])
    waiting = later(post, input="Hi")
    client.responses.delete(begun(project))
    answer = waiting.result(30)
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, None)


def test_the_stream_of_a_response_that_is_deleted_ends(
    project: ProjectHandle, client: openai.OpenAI, post: Any, later: Later
) -> None:
    project.respond([Text("One."), Pause(), Text("Two.")])
    stream = later(post, input="Hi", stream=True)
    client.responses.delete(begun(project))
    assert "response.completed" not in stream.result(30).text


def test_a_cancel_finds_a_response_cancelled_or_completed(
    project: ProjectHandle, ask: Ask, post: Any, later: Later
) -> None:
    project.respond(lambda turn: "Hello")
    statuses = Counter[str]()
    for _ in range(10):
        id = ask("Hi", background=True).id
        cancels = [later(post, f"/responses/{id}/cancel") for _ in range(4)]
        seen = {cancel.result(30).json()["status"] for cancel in cancels}
        assert len(seen) == 1
        statuses.update(seen)
    assert statuses.keys() <= {"cancelled", "completed"}


def test_clients_that_share_a_conversation_are_answered_one_after_another(
    project: ProjectHandle, client: openai.OpenAI, post: Any, later: Later
) -> None:
    project.respond(lambda turn: f"To {turn.last_message.text}.")
    conversation = client.conversations.create().id
    answers = [later(post, input=str(number), conversation=conversation) for number in range(24)]
    refused = [answer.result(30).json()["error"] for answer in answers if answer.result(30).status_code != 200]
    assert all(error["code"] == "conversation_locked" for error in refused)
    texts: list[str] = [item.content[0].text for item in client.conversations.items.list(conversation, order="asc")]  # type: ignore[union-attr]
    assert texts[1::2] == [f"To {text}." for text in texts[::2]]
    assert len(texts) == 2 * (24 - len(refused))


def test_a_response_outlives_its_conversation(project: ProjectHandle, ask: Ask, client: openai.OpenAI) -> None:
    project.respond([Text("One."), Pause(), Text("Two.")])
    conversation = client.conversations.create(items=[{"role": "user", "content": "Before"}]).id
    response = ask("Hi", conversation=conversation, background=True)
    client.responses.retrieve(response.id)
    client.conversations.delete(conversation)
    project.resume(response.id)
    ended = client.responses.retrieve(response.id)
    assert (ended.status, ended.output_text) == ("completed", "One.Two.")
    assert [item.type for item in client.responses.input_items.list(response.id)] == ["message"]


def test_items_are_added_and_deleted_while_a_response_is_under_way(
    project: ProjectHandle, ask: Ask, client: openai.OpenAI
) -> None:
    project.respond([Pause(), Text("Hello")])
    items: list[Any] = [{"role": "user", "content": "Before"}]
    conversation = client.conversations.create(items=items).id
    response = ask("Hi", conversation=conversation, background=True)
    (before,) = client.conversations.items.list(conversation).data
    assert before.id is not None
    client.conversations.items.delete(before.id, conversation_id=conversation)
    client.conversations.items.create(conversation, items=[{"role": "user", "content": "Meanwhile"}])
    project.resume(response.id)
    client.responses.retrieve(response.id)
    left: list[Any] = client.conversations.items.list(conversation, order="asc").data
    assert [item.content[0].text for item in left] == ["Hi", "Meanwhile", "Hello"]


def test_another_project_knows_none_of_it(emulator: Emulator, ask: Ask) -> None:
    response = ask("Hi")
    with emulator.project("another").client(max_retries=0) as other:
        with pytest.raises(openai.BadRequestError, match="Previous response with id"):
            other.responses.create(model=MODEL, input="Hi", previous_response_id=response.id)
        with pytest.raises(openai.NotFoundError, match="not found"):
            other.responses.create(model=MODEL, input=[{"type": "item_reference", "id": response.output[0].id}])


@pytest.mark.parametrize("streams", [False, True])
def test_ten_megabytes_are_answered(post: Any, streams: bool) -> None:
    data = "data:application/pdf;base64," + "A" * (10 * MEGABYTE)
    file = {"type": "input_file", "filename": "a.pdf", "file_data": data}
    content = [file, {"type": "input_text", "text": "word " * 100_000}]
    answer = post(model="any", input=[{"role": "user", "content": content}], stream=streams)
    assert answer.status_code == 200
    assert len(answer.text) > 500_000


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": "x" * 10_485_761}, "input"),
        ({"input": [{"role": "user", "content": "x" * 10_485_761}]}, "input[0].content"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x" * 10_485_761}]}, "input[0].output"),
    ],
)
def test_a_text_has_its_limit(post: Any, body: Any, path: str) -> None:
    error = post(**body).json()["error"]
    message = (
        f"Invalid '{path}': string too long. "
        "Expected a string with maximum length 10485760, but got a string with length 10485761 instead."
    )
    assert error == {
        "message": message,
        "type": "invalid_request_error",
        "param": path,
        "code": "string_above_max_length",
    }
