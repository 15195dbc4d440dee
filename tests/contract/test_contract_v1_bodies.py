"""The contract under `assistants=v1`: accepted bodies, refused bodies, and metadata, which becomes strings."""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import MESSAGE, RUN

from assistants_emulator import contract
from assistants_emulator.errors import InvalidParameter

ASSISTANT: dict[str, Any] = {"model": "gpt-4"}


def check_v1(model: Any, body: object) -> dict[str, Any]:
    return contract.check(contract.for_version(model, "v1"), body)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "retrieval"}], "file_ids": ["file-1"] * 20}),
        (contract.ModifyAssistant, {"file_ids": [], "name": None}),
        (contract.CreateAssistantFile, {"file_id": "file-1"}),
        (contract.CreateThread, {"messages": [{**MESSAGE, "file_ids": ["file-1"]}]}),
        (contract.CreateMessage, {**MESSAGE, "file_ids": ["file-1"] * 10, "metadata": None}),
        (contract.CreateRun, {**RUN, "instructions": None, "stream": True, "max_prompt_tokens": 256}),
        (contract.CreateRun, {**RUN, "response_format": "none", "tool_choice": {"type": "retrieval"}}),
        (contract.CreateThreadAndRun, {**RUN, "thread": {"messages": [MESSAGE]}, "tools": [{"type": "retrieval"}]}),
        (contract.SubmitToolOutputs, {"tool_outputs": [{"tool_call_id": "call_1", "output": "x"}]}),
    ],
)
def test_a_body_of_v1_passes_with_equal_contents(model: Any, body: dict[str, Any]) -> None:
    assert check_v1(model, body) == body


REFUSED = [
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "file_search"}]}, "tools[0].type", "invalid_value",
     "Invalid value: 'file_search'. Supported values are: 'code_interpreter', 'function', and 'retrieval'."),
    (contract.CreateAssistant, {**ASSISTANT, "file_ids": ["file-1"] * 21}, None, None,
     "Assistant support at most 20 files, remove some files before adding new ones."),
    (contract.CreateAssistant, {**ASSISTANT, "tool_resources": {}}, "tool_resources", "unknown_parameter",
     "Unknown parameter: 'tool_resources'."),
    (contract.CreateMessage, {**MESSAGE, "attachments": []}, "attachments", "unknown_parameter",
     "Unknown parameter: 'attachments'."),
    (contract.CreateMessage, {"role": "user", "content": [{"type": "text", "text": "Hi"}]}, "content", "invalid_type",
     "Invalid type for 'content': expected a string, but got an array instead."),
    (contract.CreateMessage, {**MESSAGE, "file_ids": ["file-1"] * 11}, "file_ids", "array_above_max_length",
     ("Invalid 'file_ids': array too long. Expected an array with maximum length 10, "
     "but got an array with length 11 instead.")),
    (contract.CreateRun, {**RUN, "top_p": 1}, "top_p", "unknown_parameter", "Unknown parameter: 'top_p'."),
    (contract.CreateRun, {**RUN, "parallel_tool_calls": True}, "parallel_tool_calls", "unknown_parameter",
     "Unknown parameter: 'parallel_tool_calls'."),
    (contract.CreateRun, {**RUN, "tool_choice": "required"}, "tool_choice", "invalid_value",
     "Invalid value: 'required'. Supported values are: 'none' and 'auto'."),
    (contract.ModifyThread, {"tool_resources": {}}, "tool_resources", "unknown_parameter",
     "Unknown parameter: 'tool_resources'."),
    (contract.ModifyThread, {"metadata": 5}, "metadata", "invalid_type",
     "Invalid type for 'metadata': expected a metadata object, but got an integer instead."),
    (contract.ModifyRun, {"metadata": {"k": None}}, "metadata.k", "invalid_type",
     "Invalid type for 'metadata.k': expected one of a string, number, or boolean, but got null instead."),
    (contract.CreateAssistantFile, {}, "file_id", "missing_required_parameter",
     "Missing required parameter: 'file_id'."),
]  # fmt: skip


@pytest.mark.parametrize(("model", "body", "param", "code", "message"), REFUSED)
def test_parameters_that_v1_did_not_have_are_refused(
    model: Any, body: object, param: str | None, code: str | None, message: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_v1(model, body)
    assert (caught.value.message, caught.value.param, caught.value.code) == (message, param, code)


@pytest.mark.parametrize(("value", "text"), [(True, "True"), (False, "False"), (5, "5"), (1.5, "1.5"), ("x", "x")])
def test_metadata_becomes_strings_the_python_way(value: object, text: str) -> None:
    assert check_v1(contract.ModifyThread, {"metadata": {"modified": value}}) == {"metadata": {"modified": text}}


def test_metadata_becomes_strings_wherever_it_is_nested_and_the_body_stays_as_it_came() -> None:
    body = {**RUN, "thread": {"metadata": {"a": 1}, "messages": [{**MESSAGE, "metadata": {"b": True}}]}}
    accepted = check_v1(contract.CreateThreadAndRun, body)
    assert accepted["thread"] == {"metadata": {"a": "1"}, "messages": [{**MESSAGE, "metadata": {"b": "True"}}]}
    assert body["thread"]["metadata"] == {"a": 1}


def test_v2_asks_for_the_model_of_v2() -> None:
    assert contract.for_version(contract.CreateRun, "v2") is contract.CreateRun


def test_a_model_that_v1_shares_is_the_same_under_both() -> None:
    assert contract.for_version(contract.CreateUpload, "v1") is contract.CreateUpload
