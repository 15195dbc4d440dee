"""Rules of one field under v2, each with a text of its own, and the choice among several errors."""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import ASSISTANT, MESSAGE, RUN, Refusal, chunking, function

from assistants_emulator import contract

NO_URL = "Expected a valid URL, but got a value with an invalid format."


def image(url: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}


SINGULAR = [
    *(
        (
            contract.CreateMessage,
            image(url),
            f"Invalid 'content[0].image_url.url'. {NO_URL}",
            "content[0].image_url.url",
            "invalid_value",
        )
        for url in (
            *("data:image/png;base64,iVBORw0KGgo=", "", "cat.png", "/cat.png", "file:///cat.png", "https://"),
            *("http://[", "https://example.com:port/", "https://exa mple.com/", "https://example.com/a\nb"),
        )
    ),
    (
        contract.CreateThread,
        {"messages": [image("https://example.com/a.png"), image("data:,")]},
        f"Invalid 'messages[1].content[0].image_url.url'. {NO_URL}",
        "messages[1].content[0].image_url.url",
        "invalid_value",
    ),
    (
        contract.CreateRun,
        {**RUN, "additional_messages": [image("data:,")]},
        f"Invalid 'additional_messages[0].content[0].image_url.url'. {NO_URL}",
        "additional_messages[0].content[0].image_url.url",
        "invalid_value",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [function(name="get weather")]},
        (
            "Invalid 'tools[0].function.name': string does not match pattern. "
            "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        ),
        "tools[0].function.name",
        "invalid_value",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [function(parameters={"type": "string"})]},
        "Invalid schema for function 'f': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"string\"'.",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        contract.CreateRun,
        {**RUN, "tools": [function(parameters={"properties": {}})]},
        "Invalid schema for function 'f': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.",
        "tools[0].function.parameters",
        "invalid_function_parameters",
    ),
    (
        contract.CreateThread,
        {"metadata": {f"k{n}": "v" for n in range(17)}},
        (
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
            "but got an object with 17 properties instead."
        ),
        "metadata",
        "object_above_max_properties",
    ),
    (
        contract.CreateThreadAndRun,
        {**RUN, "thread": {"metadata": {"abc" + "k" * 64 + "xyz": "v"}}},
        (
            "Invalid property name in 'thread.metadata': 'abc...xyz' is too long. "
            "Expected a string with maximum length 64, but got a string with length 70 instead."
        ),
        "thread.metadata.abc" + "k" * 64 + "xyz",
        "property_name_above_max_length",
    ),
    (
        contract.CreateThread,
        {"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"], "vector_stores": [{}]}}},
        (
            "Mutually exclusive parameters: 'tool_resources.file_search'. "
            "Ensure you are only providing one of: 'vector_store_ids' or 'vector_stores'."
        ),
        "tool_resources.file_search",
        "mutually_exclusive_parameters",
    ),
    (
        contract.CreateVectorStoreFileBatch,
        {"file_ids": ["file-1"], "files": [{"file_id": "file-1"}]},
        "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'file_ids' or 'files'.",
        None,
        "mutually_exclusive_parameters",
    ),
    (
        contract.CreateVectorStore,
        chunking(800, 401),
        (
            "Invalid 'chunking_strategy.static.chunk_overlap_tokens': overlap above half of 'max_chunk_size_tokens'. "
            "Expected a value <= 400, but got 401 instead."
        ),
        "chunking_strategy.static.chunk_overlap_tokens",
        "invalid_value",
    ),
    (
        contract.CreateMessage,
        {"role": "user", "content": "\ud800"},
        "Invalid 'content': string is not valid Unicode.",
        "content",
        "invalid_value",
    ),
]


@pytest.mark.parametrize(("model", "body", "message", "param", "code"), SINGULAR)
def test_a_rule_of_its_own_has_a_text_of_its_own(
    refusal: Refusal, model: Any, body: object, message: str, param: str | None, code: str
) -> None:
    assert refusal(model, body) == (message, param, code)


ORDER = [
    ("missing before unknown", contract.CreateMessage, {"zzz": 1, "role": "user"}, "content"),
    ("missing before a bad enumeration", contract.CreateMessage, {"role": "human"}, "content"),
    ("unknown before a bad type", contract.CreateAssistant, {"model": 5, "zzz": 1}, "zzz"),
    ("a nested unknown before a bad type", contract.CreateThread, {"metadata": 5, "messages": [{**MESSAGE, "z": 1}]},
     "messages[0].z"),
    ("the object's own missing before nested ones", contract.CreateAssistant, {"tools": [{}]}, "model"),
    ("what was sent first", contract.CreateRun, {**RUN, "top_p": 5, "temperature": 5}, "top_p"),
    ("what was sent first", contract.CreateRun, {**RUN, "temperature": 5, "top_p": 5}, "temperature"),
    ("depth first", contract.CreateRun, {**RUN, "additional_messages": [{**MESSAGE, "role": 1}], "top_p": 5},
     "additional_messages[0].role"),
    ("the whole before its parts", contract.CreateThread, {"messages": [{**MESSAGE, "role": 1}] * 33}, "messages"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "model", "body", "param"), ORDER)
def test_of_several_faults_one_is_answered(refusal: Refusal, first: str, model: Any, body: object, param: str) -> None:
    assert refusal(model, body)[1] == param, first


def test_a_filter_nested_without_end_is_refused_rather_than_crashing(refusal: Refusal) -> None:
    nested: dict[str, Any] = {"type": "and", "filters": []}
    for _ in range(600):
        nested = {"type": "and", "filters": [nested]}
    message, _, code = refusal(contract.SearchVectorStore, {"query": "q", "filters": nested})
    assert message.startswith("Invalid value for 'filters.filters[0].filters[0]")
    assert code == "invalid_value"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://localhost:8000/a%20b.png",
        "HTTPS://x/y?z#a",
        "https://[::1]/a",
        "https://ä.de",
    ],
)
def test_addresses_on_the_web_are_accepted(url: str) -> None:
    contract.check(contract.CreateMessage, image(url))
