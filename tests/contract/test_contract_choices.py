"""Values that are none of an enumeration under v2, in the order in which the API lists it.

See docs/reference/behaviour.md#validation.
"""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import ASSISTANT, MESSAGE, RUN, Refusal

from assistants_emulator import contract

CHOICES = [
    (contract.CreateMessage, {"role": "human", "content": "Hi"}, "role", "human", "'user' and 'assistant'"),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [{"type": "code_interpreter"}, {"type": "retrieval"}]},
        "tools[1].type",
        "retrieval",
        "'code_interpreter', 'function', and 'file_search'",
    ),
    (
        contract.CreateMessage,
        {**MESSAGE, "attachments": [{"file_id": "file-1", "tools": [{"type": "function"}]}]},
        "attachments[0].tools[0].type",
        "function",
        "'code_interpreter' and 'file_search'",
    ),
    (
        contract.CreateMessage,
        {"role": "user", "content": [{"type": "input_text"}]},
        "content[0].type",
        "input_text",
        "'text', 'image_url', and 'image_file'",
    ),
    (
        contract.CreateMessage,
        {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "file-1", "detail": "x"}}]},
        "content[0].image_file.detail",
        "x",
        "'auto', 'low', and 'high'",
    ),
    (
        contract.CreateRun,
        {**RUN, "response_format": {"type": "xml"}},
        "response_format.type",
        "xml",
        "'json_object', 'json_schema', and 'text'",
    ),
    (contract.CreateRun, {**RUN, "response_format": "text"}, "response_format", "text", "'auto'"),
    (contract.CreateRun, {**RUN, "tool_choice": "any"}, "tool_choice", "any", "'none', 'auto', and 'required'"),
    (
        contract.CreateRun,
        {**RUN, "tool_choice": {"type": "x"}},
        "tool_choice.type",
        "x",
        "'function', 'code_interpreter', and 'file_search'",
    ),
    (
        contract.CreateRun,
        {**RUN, "truncation_strategy": {"type": "x"}},
        "truncation_strategy.type",
        "x",
        "'auto' and 'last_messages'",
    ),
    (
        contract.CreateRun,
        {**RUN, "reasoning_effort": "x"},
        "reasoning_effort",
        "x",
        "'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'",
    ),
    (
        contract.CreateVectorStore,
        {"chunking_strategy": {"type": "x"}},
        "chunking_strategy.type",
        "x",
        "'auto' and 'static'",
    ),
    (
        contract.CreateVectorStore,
        {"expires_after": {"anchor": "created_at", "days": 1}},
        "expires_after.anchor",
        "created_at",
        "'last_active_at'",
    ),
    (
        contract.SearchVectorStore,
        {"query": "q", "filters": {"type": "x"}},
        "filters.type",
        "x",
        "'eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin', 'and', and 'or'",
    ),
    (
        contract.CreateUpload,
        {"filename": "a", "purpose": "x", "bytes": 1, "mime_type": "text/plain"},
        "purpose",
        "x",
        "'assistants', 'batch', 'fine-tune', 'vision', 'user_data', and 'evals'",
    ),
]


@pytest.mark.parametrize(("model", "body", "path", "value", "supported"), CHOICES)
def test_an_unsupported_value_lists_the_supported(
    refusal: Refusal, model: Any, body: object, path: str, value: str, supported: str
) -> None:
    message = f"Invalid value: '{value}'. Supported values are: {supported}."
    assert refusal(model, body) == (message, path, "invalid_value")
