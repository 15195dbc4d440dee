"""Values of a wrong type under v2, and the words for what was expected (docs/reference/behaviour.md#validation)."""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import ASSISTANT, RUN, Refusal, function

from assistants_emulator import contract

WRONG_TYPES = [
    (contract.CreateAssistant, {"model": None}, "model", "a string", "null"),
    (contract.CreateAssistant, {**ASSISTANT, "name": True}, "name", "a string", "a boolean"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": "none"}, "tools", "an array of objects", "a string"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": ["x"]}, "tools[0]", "an object", "a string"),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [{"type": 5}]},
        "tools[0].type",
        "one of 'code_interpreter', 'function', or 'file_search'",
        "an integer",
    ),
    (contract.CreateAssistant, {**ASSISTANT, "temperature": "hot"}, "temperature", "a decimal", "a string"),
    (contract.CreateAssistant, {**ASSISTANT, "temperature": True}, "temperature", "a decimal", "a boolean"),
    (contract.CreateAssistant, {**ASSISTANT, "tool_resources": []}, "tool_resources", "an object", "an array"),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tool_resources": {"file_search": {"vector_store_ids": "vs_1"}}},
        "tool_resources.file_search.vector_store_ids",
        "an array of strings",
        "a string",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [function(parameters=[])]},
        "tools[0].function.parameters",
        "an object",
        "an array",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "response_format": 1},
        "response_format",
        "one of 'auto' or object",
        "an integer",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "reasoning_effort": {}},
        "reasoning_effort",
        "one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', or 'max'",
        "an object",
    ),
    (contract.ModifyMessage, {"metadata": {"modified": True}}, "metadata.modified", "a string", "a boolean"),
    (contract.ModifyThread, {"metadata": {"k": None}}, "metadata.k", "a string", "null"),
    (contract.ModifyRun, {"metadata": {"[key]": 5}}, "metadata.[key]", "a string", "an integer"),
    (contract.CreateThread, {"metadata": "text"}, "metadata", "a metadata object", "a string"),
    (contract.CreateThread, {"messages": {}}, "messages", "an array of objects", "an object"),
    (
        contract.CreateMessage,
        {"role": "user", "content": None},
        "content",
        "one of a string or array of objects",
        "null",
    ),
    (contract.CreateMessage, {"role": None, "content": "Hi"}, "role", "one of 'user' or 'assistant'", "null"),
    (contract.CreateMessage, {"role": "user", "content": ["Hi"]}, "content[0]", "an object", "a string"),
    (
        contract.CreateMessage,
        {"role": "user", "content": [{"type": "text", "text": {"value": "Hi"}}]},
        "content[0].text",
        "a string",
        "an object",
    ),
    (contract.CreateRun, {"assistant_id": None}, "assistant_id", "a string", "null"),
    (contract.CreateRun, {**RUN, "stream": "true"}, "stream", "a boolean", "a string"),
    (contract.CreateRun, {**RUN, "stream": 1}, "stream", "a boolean", "an integer"),
    (contract.CreateRun, {**RUN, "max_prompt_tokens": 256.0}, "max_prompt_tokens", "an integer", "a decimal number"),
    (contract.CreateRun, {**RUN, "max_prompt_tokens": True}, "max_prompt_tokens", "an integer", "a boolean"),
    (
        contract.CreateRun,
        {**RUN, "tool_choice": 7},
        "tool_choice",
        "one of one of 'none', 'auto', or 'required' or object",
        "an integer",
    ),
    (
        contract.SubmitToolOutputs,
        {"tool_outputs": [{"tool_call_id": "call_1", "output": {}}]},
        "tool_outputs[0].output",
        "a string",
        "an object",
    ),
    (contract.CreateVectorStore, {"file_ids": ["file-1", 5]}, "file_ids[1]", "a string", "an integer"),
    (
        contract.CreateVectorStoreFile,
        {"file_id": "file-1", "attributes": {"k": []}},
        "attributes.k",
        "one of a string, number, or boolean",
        "an array",
    ),
    (
        contract.CreateVectorStoreFile,
        {"file_id": "file-1", "attributes": "x"},
        "attributes",
        "an object",
        "a string",
    ),
    (contract.SearchVectorStore, {"query": 5}, "query", "one of a string or array of strings", "an integer"),
    (
        contract.CreateVectorStore,
        {"expires_after": {"anchor": 1, "days": 7}},
        "expires_after.anchor",
        "'last_active_at'",
        "an integer",
    ),
    (contract.CompleteUpload, {"part_ids": "part_1"}, "part_ids", "an array of strings", "a string"),
]


@pytest.mark.parametrize(("model", "body", "path", "expected", "got"), WRONG_TYPES)
def test_a_wrong_type_says_what_was_expected(
    refusal: Refusal, model: Any, body: object, path: str, expected: str, got: str
) -> None:
    message = f"Invalid type for '{path}': expected {expected}, but got {got} instead."
    assert refusal(model, body) == (message, path, "invalid_type")


@pytest.mark.parametrize(
    ("body", "got"),
    [([1], "an array"), ("x", "a string"), (1, "an integer"), (1.5, "a decimal number"), (False, "a boolean")],
)
def test_a_body_that_is_no_object_has_no_path(refusal: Refusal, body: object, got: str) -> None:
    message = f"Invalid type: expected an object, but got {got} instead."
    assert refusal(contract.CreateThread, body) == (message, None, "invalid_type")
