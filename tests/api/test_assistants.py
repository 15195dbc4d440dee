"""Assistants: create, list, retrieve, modify, delete."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator.clock import MANUAL_START

FUNCTION: dict[str, Any] = {
    "name": "Weather-get_weather",
    "description": "The weather of a city.\n\nIn Celsius.",
    "parameters": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Weather",
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "additionalProperties": False,
    },
}


def test_a_minimal_assistant_has_the_documented_defaults(wire: httpx2.Client) -> None:
    body = wire.post("/assistants", json={"model": "gpt-4o"}).json()
    assert body.pop("id").startswith("asst_")
    assert body == {
        "object": "assistant",
        "created_at": MANUAL_START,
        "name": None,
        "description": None,
        "model": "gpt-4o",
        "instructions": None,
        "tools": [],
        "top_p": 1.0,
        "temperature": 1.0,
        "reasoning_effort": None,
        "tool_resources": {},
        "metadata": {},
        "response_format": "auto",
    }


def test_retrieve_returns_the_values_that_were_sent(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "name": "Tutor",
        "description": "Knows sums.",
        "instructions": "Help.",
        "temperature": 0.5,
        "top_p": 0.25,
        "reasoning_effort": "low",
        "metadata": {"team": "maths"},
        "response_format": {"type": "json_object"},
    }
    created = client.beta.assistants.create(**fields)
    retrieved = client.beta.assistants.retrieve(created.id).to_dict()
    assert {name: retrieved[name] for name in fields} == fields


def test_whole_temperatures_are_shown_as_decimals(wire: httpx2.Client) -> None:
    text = wire.post("/assistants", json={"model": "gpt-4o", "temperature": 1, "top_p": 0}).text
    assert '"top_p": 0.0,\n  "temperature": 1.0,' in text


def test_a_code_interpreter_shows_its_empty_file_list(client: openai.OpenAI) -> None:
    created = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
    assert created.tool_resources.to_dict() == {"code_interpreter": {"file_ids": []}}


def test_a_file_search_tool_shows_its_ranking_options(wire: httpx2.Client) -> None:
    body = wire.post("/assistants", json={"model": "gpt-4o", "tools": [{"type": "file_search"}]}).json()
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}
    assert body["tools"] == [{"type": "file_search", "file_search": {"ranking_options": ranking}}]


def test_a_function_without_parameters_gets_an_empty_object_and_strict_false(wire: httpx2.Client) -> None:
    tool = {"type": "function", "function": {"name": "now", "description": "The time."}}
    (shown,) = wire.post("/assistants", json={"model": "gpt-4o", "tools": [tool]}).json()["tools"]
    assert list(shown["function"].items()) == [
        ("name", "now"),
        ("description", "The time."),
        ("parameters", {"type": "object", "properties": {}}),
        ("strict", False),
    ]


def test_function_names_with_hyphens_and_any_schema_come_back_untouched(wire: httpx2.Client) -> None:
    body = {"model": "gpt-4o", "tools": [{"type": "function", "function": FUNCTION}]}
    (shown,) = wire.post("/assistants", json=body).json()["tools"]
    assert shown == {"type": "function", "function": {**FUNCTION, "strict": False}}


@pytest.mark.parametrize(
    "field",
    [
        *("name", "description", "instructions", "tools", "tool_resources", "metadata"),
        *("temperature", "top_p", "response_format", "reasoning_effort"),
    ],
)
def test_a_null_on_create_is_the_default(wire: httpx2.Client, field: str) -> None:
    plain = wire.post("/assistants", json={"model": "gpt-4o"}).json()
    nulled = wire.post("/assistants", json={"model": "gpt-4o", field: None}).json()
    assert {**nulled, "id": ""} == {**plain, "id": ""}


def test_empty_tools_metadata_and_file_ids_are_accepted(wire: httpx2.Client) -> None:
    resources = {"code_interpreter": {"file_ids": []}}
    sent = {"model": "gpt-4o", "tools": [], "metadata": {}, "tool_resources": resources}
    body = wire.post("/assistants", json=sent).json()
    assert {name: body[name] for name in sent} == sent


def test_any_deployment_name_is_a_model(client: openai.OpenAI) -> None:
    assert client.beta.assistants.create(model="my-gpt-4o-deployment").model == "my-gpt-4o-deployment"


def test_the_newest_assistant_is_listed_first(client: openai.OpenAI) -> None:
    made = [client.beta.assistants.create(model="gpt-4o", name=name).id for name in "abc"]
    assert [listed.id for listed in client.beta.assistants.list()] == made[::-1]


def test_fields_that_a_modification_does_not_name_are_kept(wire: httpx2.Client) -> None:
    created = wire.post("/assistants", json={"model": "gpt-4o", "name": "Tutor", "temperature": 0.5}).json()
    modified = wire.post(f"/assistants/{created['id']}", json={"instructions": "Help."}).json()
    assert modified == {**created, "instructions": "Help."}
    assert wire.get(f"/assistants/{created['id']}").json() == modified


def test_modified_tools_replace_the_whole_list(client: openai.OpenAI) -> None:
    created = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
    tool: Any = {"type": "function", "function": {"name": "now"}}
    modified = client.beta.assistants.update(created.id, tools=[tool])
    assert [tool.type for tool in modified.tools] == ["function"]


@pytest.mark.parametrize("field", ["name", "description", "instructions", "reasoning_effort"])
def test_a_null_on_modify_clears_a_field_that_may_be_null(wire: httpx2.Client, field: str) -> None:
    created = wire.post("/assistants", json={"model": "gpt-4o", field: "low"}).json()
    assert wire.post(f"/assistants/{created['id']}", json={field: None}).json() == {**created, field: None}


@pytest.mark.parametrize("field", ["model", "tools", "metadata", "tool_resources"])
def test_a_null_on_modify_changes_nothing_that_cannot_be_null(wire: httpx2.Client, field: str) -> None:
    sent = {"model": "gpt-4o", "tools": [{"type": "code_interpreter"}], "metadata": {"a": "b"}}
    created = wire.post("/assistants", json=sent).json()
    assert wire.post(f"/assistants/{created['id']}", json={field: None}).json() == created


@pytest.mark.parametrize(("field", "default"), [("temperature", 1.0), ("top_p", 1.0), ("response_format", "auto")])
def test_a_null_on_modify_brings_a_setting_back_to_its_default(wire: httpx2.Client, field: str, default: Any) -> None:
    other = {"type": "text"} if field == "response_format" else 0.5
    created = wire.post("/assistants", json={"model": "gpt-4o", field: other}).json()
    assert wire.post(f"/assistants/{created['id']}", json={field: None}).json() == {**created, field: default}


def test_an_empty_file_search_keeps_the_vector_store(wire: httpx2.Client) -> None:
    store = wire.post("/vector_stores", json={}).json()["id"]
    resources = {"file_search": {"vector_store_ids": [store]}}
    created = wire.post("/assistants", json={"model": "gpt-4o", "tool_resources": resources}).json()
    modified = wire.post(f"/assistants/{created['id']}", json={"tool_resources": {"file_search": {}}}).json()
    assert modified["tool_resources"] == resources


def test_a_vector_store_may_be_made_on_the_way(client: openai.OpenAI, wire: httpx2.Client) -> None:
    file = client.files.create(file=("a.txt", b"Cake."), purpose="assistants")
    resources = {"file_search": {"vector_stores": [{"file_ids": [file.id]}]}}
    body = wire.post("/assistants", json={"model": "gpt-4o", "tool_resources": resources}).json()
    (store,) = client.vector_stores.list()
    assert body["tool_resources"] == {"file_search": {"vector_store_ids": [store.id]}}
    assert [held.id for held in client.vector_stores.files.list(store.id)] == [file.id]


def test_a_deleted_assistant_is_gone(client: openai.OpenAI, assistant: Any) -> None:
    deleted = client.beta.assistants.delete(assistant.id)
    assert deleted.to_dict() == {"id": assistant.id, "object": "assistant.deleted", "deleted": True}
    assert client.beta.assistants.list().data == []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_assistant_is_not_found(refused: Any, method: str) -> None:
    error = {"message": "No assistant found with id 'asst_x'.", "type": "invalid_request_error"}
    assert refused(method, "/assistants/asst_x") == (404, {**error, "param": None, "code": None})


def test_a_deleted_assistant_is_a_not_found_error(client: openai.OpenAI, assistant: Any) -> None:
    client.beta.assistants.delete(assistant.id)
    with pytest.raises(openai.NotFoundError, match=rf"No assistant found with id '{assistant.id}'\."):
        client.beta.assistants.retrieve(assistant.id)


def test_runs_keep_the_id_of_a_deleted_assistant(client: openai.OpenAI, ask: Any, settled: Any) -> None:
    run = settled(ask())
    client.beta.assistants.delete(run.assistant_id)
    assert settled(run) == run
