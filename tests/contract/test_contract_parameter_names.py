"""Parameters that are missing or unknown under v2, named by their path (docs/reference/behaviour.md#validation)."""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import ASSISTANT, MESSAGE, RUN, Refusal, function

from assistants_emulator import contract

MISSING: list[tuple[Any, object, str]] = [
    (contract.CreateAssistant, {}, "model"),
    (contract.CreateAssistant, None, "model"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{}]}, "tools[0].type"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "function"}]}, "tools[0].function"),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [{"type": "function", "function": {}}]},
        "tools[0].function.name",
    ),
    (contract.CreateAssistant, {**ASSISTANT, "response_format": {}}, "response_format.type"),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "response_format": {"type": "json_schema", "json_schema": {}}},
        "response_format.json_schema.name",
    ),
    (contract.CreateMessage, {"content": "Hi"}, "role"),
    (contract.CreateMessage, {"role": "user"}, "content"),
    (contract.CreateMessage, {**MESSAGE, "attachments": [{"file_id": "file-1"}]}, "attachments[0].tools"),
    (contract.CreateMessage, {**MESSAGE, "content": [{"type": "text"}]}, "content[0].text"),
    (
        contract.CreateMessage,
        {**MESSAGE, "content": [{"type": "image_url", "image_url": {}}]},
        "content[0].image_url.url",
    ),
    (contract.CreateThread, {"messages": [MESSAGE, {"role": "user"}]}, "messages[1].content"),
    (contract.CreateRun, {}, "assistant_id"),
    (contract.CreateRun, {**RUN, "additional_messages": [{"role": "user"}]}, "additional_messages[0].content"),
    (contract.CreateRun, {**RUN, "tool_choice": {"type": "function"}}, "tool_choice.function"),
    (contract.CreateRun, {**RUN, "truncation_strategy": {}}, "truncation_strategy.type"),
    (contract.CreateThreadAndRun, {**RUN, "thread": {"messages": [{"content": "Hi"}]}}, "thread.messages[0].role"),
    (contract.SubmitToolOutputs, {}, "tool_outputs"),
    (contract.SearchVectorStore, {}, "query"),
    (contract.CreateVectorStoreFile, {}, "file_id"),
    (contract.CreateVectorStoreFileBatch, {}, "file_ids"),
    (contract.CreateVectorStoreFileBatch, {"files": [{}]}, "files[0].file_id"),
    (contract.UpdateVectorStoreFile, {}, "attributes"),
    (contract.CreateVectorStore, {"expires_after": {"anchor": "last_active_at"}}, "expires_after.days"),
    (contract.CreateUpload, {"purpose": "vision", "bytes": 1, "mime_type": "image/png"}, "filename"),
    (contract.CompleteUpload, {}, "part_ids"),
]


@pytest.mark.parametrize(("model", "body", "path"), MISSING)
def test_a_missing_parameter_is_named_by_its_path(refusal: Refusal, model: Any, body: object, path: str) -> None:
    expected = (f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
    assert refusal(model, body) == expected


UNKNOWN = [
    (contract.CreateAssistant, {**ASSISTANT, "file_ids": ["file-1"]}, "file_ids"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "code_interpreter", "foo": 1}]}, "tools[0].foo"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [function(foo=1)]}, "tools[0].function.foo"),
    (
        contract.ModifyAssistant,
        {"tool_resources": {"file_search": {"vector_stores": []}}},
        "tool_resources.file_search.vector_stores",
    ),
    (contract.CreateMessage, {**MESSAGE, "file_ids": []}, "file_ids"),
    (contract.ModifyMessage, {"content": "Hi"}, "content"),
    (contract.CreateThreadAndRun, {**RUN, "additional_instructions": "x"}, "additional_instructions"),
    (contract.CreateThreadAndRun, {**RUN, "additional_messages": []}, "additional_messages"),
    (contract.CreateThreadAndRun, {**RUN, "reasoning_effort": "low"}, "reasoning_effort"),
    (contract.CreateRun, {**RUN, "tool_resources": {}}, "tool_resources"),
    (contract.CreateRun, {**RUN, "thread": {}}, "thread"),
    (contract.CreateRun, {**RUN, "include": []}, "include"),  # a query's; some SDKs sent it (openai-python#1938)
    (contract.ModifyRun, {"status": "completed"}, "status"),
    (contract.UpdateVectorStore, {"file_ids": []}, "file_ids"),
    (
        contract.SearchVectorStore,
        {"query": "q", "filters": {"type": "and", "filters": [{"type": "or", "filters": [], "key": "k"}]}},
        "filters.filters[0].key",
    ),
]


@pytest.mark.parametrize(("model", "body", "path"), UNKNOWN)
def test_an_unknown_parameter_is_named_by_its_path(refusal: Refusal, model: Any, body: object, path: str) -> None:
    assert refusal(model, body) == (f"Unknown parameter: '{path}'.", path, "unknown_parameter")
