"""Metadata: limits, and merging on modify, the same for all four kinds of objects that have it."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

OBJECTS = ["assistant", "thread", "message", "run"]


@pytest.fixture(params=OBJECTS)
def path(request: pytest.FixtureRequest, client: openai.OpenAI, ask: Any, settled: Any) -> str:
    """The path of an object whose metadata is {"a": "1"}."""
    run = settled(ask(metadata={"a": "1"}))
    (message, _) = client.beta.threads.messages.list(run.thread_id)
    path: str = {
        "assistant": f"/assistants/{run.assistant_id}",
        "thread": f"/threads/{run.thread_id}",
        "message": f"/threads/{run.thread_id}/messages/{message.id}",
        "run": f"/threads/{run.thread_id}/runs/{run.id}",
    }[request.param]
    client.post(
        path, body={"metadata": {"a": "1"}}, cast_to=object, options={"headers": {"OpenAI-Beta": "assistants=v2"}}
    )
    return path


def test_modify_keeps_the_metadata_that_is_not_sent(wire: httpx2.Client, path: str) -> None:
    assert wire.post(path, json={"metadata": {"b": "2"}}).json()["metadata"] == {"a": "1", "b": "2"}
    assert wire.get(path).json()["metadata"] == {"a": "1", "b": "2"}


def test_a_modified_key_has_its_new_value(wire: httpx2.Client, path: str) -> None:
    assert wire.post(path, json={"metadata": {"a": "3"}}).json()["metadata"] == {"a": "3"}


@pytest.mark.parametrize("sent", [{}, {"metadata": {}}, {"metadata": None}], ids=["left out", "empty", "null"])
def test_null_or_empty_metadata_on_modify_changes_nothing(wire: httpx2.Client, path: str, sent: Any) -> None:
    before = wire.get(path).json()["metadata"]
    assert wire.post(path, json=sent).json()["metadata"] == before == {"a": "1"}


def test_an_empty_metadata_value_is_kept(wire: httpx2.Client, path: str) -> None:
    assert wire.post(path, json={"metadata": {"a": ""}}).json()["metadata"] == {"a": ""}


FAULTS: dict[str, tuple[Any, str, tuple[str, str]]] = {
    "non-string value, v2": (
        {"modified": True},
        "Invalid type for 'metadata.modified': expected a string, but got a boolean instead.",
        ("metadata.modified", "invalid_type"),
    ),
    "null value for a key": (
        {"mykey": None},
        "Invalid type for 'metadata.mykey': expected a string, but got null instead.",
        ("metadata.mykey", "invalid_type"),
    ),
    "> 16 keys": (
        {str(number): "" for number in range(17)},
        (
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, "
            "but got an object with 17 properties instead."
        ),
        ("metadata", "object_above_max_properties"),
    ),
    "value > 512": (
        {"k": "x" * 600},
        (
            "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, "
            "but got a string with length 600 instead."
        ),
        ("metadata.k", "string_above_max_length"),
    ),
    "key > 64": (
        {"k" * 70: ""},
        (
            "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 64, "
            "but got a string with length 70 instead."
        ),
        ("metadata." + "k" * 70, "property_name_above_max_length"),
    ),
    "not an object": (
        "x",
        "Invalid type for 'metadata': expected a metadata object, but got a string instead.",
        ("metadata", "invalid_type"),
    ),
}


@pytest.mark.parametrize(("metadata", "message", "fault"), FAULTS.values(), ids=FAULTS)
def test_metadata_over_its_limits_or_of_another_type_is_refused(
    refused: Any, path: str, metadata: Any, message: str, fault: tuple[str, str]
) -> None:
    error = {"message": message, "type": "invalid_request_error", "param": fault[0], "code": fault[1]}
    assert refused("POST", path, json={"metadata": metadata}) == (400, error)


def test_a_merge_cannot_make_more_than_16_keys(wire: httpx2.Client, refused: Any, path: str) -> None:
    message = FAULTS["> 16 keys"][1]
    status, error = refused("POST", path, json={"metadata": {str(number): "" for number in range(16)}})
    assert (status, error["message"], error["param"]) == (400, message, "metadata")
    assert wire.get(path).json()["metadata"] == {"a": "1"}


def test_metadata_at_its_limits_is_accepted(client: openai.OpenAI) -> None:
    metadata = {f"{number:02}" + "k" * 62: "v" * 512 for number in range(16)}
    assert client.beta.threads.create(metadata=metadata).metadata == metadata
