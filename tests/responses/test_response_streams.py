"""The events of responses: their order, numbers and padding, what the SDK makes of them, and going on with a stream."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from tests.responses.conftest import MODEL, WEATHER, Ask, outputs

from assistants_emulator import Fail, FunctionCall, Incomplete, ProjectHandle, Refusal, Text
from assistants_emulator.responders import Chunk

TEXT = [
    *("response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"),
    *("response.output_text.delta", "response.output_text.done", "response.content_part.done"),
    *("response.output_item.done", "response.completed"),
]
CALL = [
    *("response.output_item.added", "response.function_call_arguments.delta"),
    *("response.function_call_arguments.done", "response.output_item.done"),
]


def raw(project: ProjectHandle, method: str, path: str, **options: Any) -> list[tuple[str, Any]]:
    """The names and data of a stream's events, as they came."""
    headers = {"Authorization": f"Bearer {project.api_key}"}
    text = httpx2.request(method, project.base_url + path, headers=headers, **options).text
    blocks = [block.split("\n") for block in text.removesuffix("\n\n").split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def kinds(events: list[tuple[str, Any]]) -> list[str]:
    """The names, repeated ones as one."""
    names = [name for name, _ in events]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def test_a_text_comes_in_the_recorded_order(project: ProjectHandle) -> None:
    events = raw(project, "POST", "/responses", json={"model": MODEL, "input": "Hi", "stream": True})
    assert kinds(events) == TEXT
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert [name for name, data in events if data["type"] != name] == []


def test_the_keys_of_an_event_follow_its_type_by_the_alphabet(project: ProjectHandle) -> None:
    events = raw(project, "POST", "/responses", json={"model": MODEL, "input": "Hi", "stream": True})
    assert [list(data) for _, data in events] == [["type", *sorted(set(data) - {"type"})] for _, data in events]


def test_deltas_are_padded_by_the_seed_unless_that_is_declined(project: ProjectHandle) -> None:
    body: Any = {"model": MODEL, "input": "Hi", "stream": True}
    deltas = [data for _, data in raw(project, "POST", "/responses", json=body) if "delta" in data]
    assert {(len(data["delta"]) + len(data["obfuscation"])) % 16 for data in deltas} == {0}
    body["stream_options"] = {"include_obfuscation": False}
    assert [data for _, data in raw(project, "POST", "/responses", json=body) if "obfuscation" in data] == []


def test_parallel_calls_are_whole_items_one_after_another(project: ProjectHandle) -> None:
    project.respond([[FunctionCall("get_weather", {"city": city}) for city in ("Oslo", "Rome")]])
    events = raw(project, "POST", "/responses", json={"model": MODEL, "input": "Hi", "stream": True})
    assert kinds(events)[2:-1] == CALL * 2


def test_a_refusal_has_deltas_of_its_own(project: ProjectHandle) -> None:
    project.respond(Refusal("No, never."))
    events = raw(project, "POST", "/responses", json={"model": MODEL, "input": "Hi", "stream": True})
    assert kinds(events)[4:6] == ["response.refusal.delta", "response.refusal.done"]


def test_chunks_are_the_deltas(client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([Chunk("One "), Chunk("two")])
    with client.responses.stream(model=MODEL, input="Hi") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
    assert deltas == ["One ", "two"]


@pytest.mark.parametrize(
    "replies",
    [
        [Text("Hello there, how are you?")],
        [Text("So far"), Incomplete("max_completion_tokens")],
        [Text("First"), FunctionCall("get_weather", {"city": "Oslo"})],
        [Chunk("One"), Chunk(" two"), Text("Three")],
    ],
    ids=["text", "incomplete", "call", "chunks"],
)
def test_what_the_sdk_accumulates_is_the_stored_response(
    client: openai.OpenAI, project: ProjectHandle, replies: list[Any]
) -> None:
    project.respond(replies)
    with client.responses.stream(model=MODEL, input="Hi", tools=[WEATHER]) as stream:
        *_, last = stream
    accumulated = last.response.to_dict()  # type: ignore[union-attr]
    stored = client.responses.retrieve(accumulated["id"]).to_dict()
    for item in accumulated["output"]:
        item.pop("parsed_arguments", None)
        for part in item.get("content", ()):
            part.pop("parsed", None)
    assert accumulated["output"] == stored["output"]


def test_a_failure_ends_the_stream(client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond(Fail("server_error", "Broken."))
    *_, last = client.responses.create(model=MODEL, input="Hi", stream=True)
    assert (last.type, last.response.error.message) == ("response.failed", "Broken.")  # type: ignore[union-attr]


def test_a_background_stream_can_be_taken_up_again(client: openai.OpenAI, project: ProjectHandle) -> None:
    body = {"model": MODEL, "input": "Hi", "stream": True, "background": True}
    events = raw(project, "POST", "/responses", json=body)
    assert kinds(events)[:3] == ["response.created", "response.queued", "response.in_progress"]
    id = events[0][1]["response"]["id"]
    again = raw(project, "GET", f"/responses/{id}?stream=true&starting_after=3")
    assert again == events[4:]


def test_another_stream_cannot_be_taken_up_again(ask: Ask, client: openai.OpenAI) -> None:
    id = ask("Hi").id
    with pytest.raises(openai.BadRequestError, match="background=true and stream=true"):
        client.responses.retrieve(id, stream=True)


def test_outputs_go_on_with_a_stream_too(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    @project.respond
    def weather() -> Any:
        (found,) = yield FunctionCall("get_weather", {"city": "Oslo"})
        yield f"It is {found}."

    first = ask("Hi", tools=[WEATHER])
    with client.responses.stream(model=MODEL, input=outputs(first, "sunny"), previous_response_id=first.id) as stream:
        assert stream.get_final_response().output_text == "It is sunny."
