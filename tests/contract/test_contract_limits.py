"""Strings, arrays and numbers that are one over the limit under v2 (docs/reference/behaviour.md#validation)."""

from __future__ import annotations

from typing import Any

import pytest
from contract_bodies import ASSISTANT, MESSAGE, RUN, Refusal, chunking, function

from assistants_emulator import contract

LONG_STRINGS = [
    (contract.CreateAssistant, {**ASSISTANT, "name": "x" * 257}, "name", 256),
    (contract.ModifyAssistant, {"description": "x" * 513}, "description", 512),
    (contract.CreateAssistant, {**ASSISTANT, "instructions": "x" * 256_001}, "instructions", 256_000),
    (contract.CreateRun, {**RUN, "instructions": "x" * 256_001}, "instructions", 256_000),
    (contract.CreateMessage, {"role": "user", "content": "x" * 256_001}, "content", 256_000),
    (
        contract.CreateMessage,
        {"role": "user", "content": [{"type": "text", "text": "x" * 256_001}]},
        "content[0].text",
        256_000,
    ),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [function(name="f" * 65)]}, "tools[0].function.name", 64),
    (contract.CreateThread, {"metadata": {"k": "x" * 513}}, "metadata.k", 512),
    (contract.CreateVectorStoreFile, {"file_id": "f", "attributes": {"k": "x" * 513}}, "attributes.k", 512),
]


@pytest.mark.parametrize(("model", "body", "path", "limit"), LONG_STRINGS)
def test_a_string_one_character_too_long_is_refused(
    refusal: Refusal, model: Any, body: object, path: str, limit: int
) -> None:
    message = (
        f"Invalid '{path}': string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {limit + 1} instead."
    )
    assert refusal(model, body) == (message, path, "string_above_max_length")


LONG_ARRAYS = [
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "code_interpreter"}] * 129}, "tools", 128),
    (contract.CreateRun, {**RUN, "tools": [{"type": "code_interpreter"}] * 129}, "tools", 128),
    (contract.CreateThread, {"messages": [MESSAGE] * 33}, "messages", 32),
    (contract.CreateThreadAndRun, {**RUN, "thread": {"messages": [MESSAGE] * 33}}, "thread.messages", 32),
    (
        contract.ModifyThread,
        {"tool_resources": {"code_interpreter": {"file_ids": ["file-1"] * 21}}},
        "tool_resources.code_interpreter.file_ids",
        20,
    ),
    (
        contract.ModifyThread,
        {"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"] * 2}}},
        "tool_resources.file_search.vector_store_ids",
        1,
    ),
    (
        contract.CreateThread,
        {"tool_resources": {"file_search": {"vector_stores": [{}, {}]}}},
        "tool_resources.file_search.vector_stores",
        1,
    ),
    (contract.CreateVectorStore, {"file_ids": ["file-1"] * 101}, "file_ids", 100),
    (contract.CreateVectorStoreFileBatch, {"file_ids": ["file-1"] * 2001}, "file_ids", 2000),
    (contract.CreateVectorStoreFileBatch, {"files": [{"file_id": "file-1"}] * 2001}, "files", 2000),
]


@pytest.mark.parametrize(("model", "body", "path", "limit"), LONG_ARRAYS)
def test_an_array_with_one_item_too_many_is_refused(
    refusal: Refusal, model: Any, body: object, path: str, limit: int
) -> None:
    message = (
        f"Invalid '{path}': array too long. Expected an array with maximum length {limit}, "
        f"but got an array with length {limit + 1} instead."
    )
    assert refusal(model, body) == (message, path, "array_above_max_length")


EMPTY = [
    (contract.CreateMessage, {"role": "user", "content": ""}, "content", "string"),
    (contract.CreateMessage, {"role": "user", "content": []}, "content", "array"),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [function(name="")]}, "tools[0].function.name", "string"),
    (contract.CreateVectorStoreFileBatch, {"file_ids": []}, "file_ids", "array"),
    (contract.SearchVectorStore, {"query": []}, "query", "array"),
]


@pytest.mark.parametrize(("model", "body", "path", "what"), EMPTY)
def test_empty_values_are_refused(refusal: Refusal, model: Any, body: object, path: str, what: str) -> None:
    article = "an" if what == "array" else "a"
    message = (
        f"Invalid '{path}': empty {what}. "
        f"Expected {article} {what} with minimum length 1, but got an empty {what} instead."
    )
    assert refusal(model, body) == (message, path, f"empty_{what}")


BOUNDS = [
    (contract.CreateAssistant, {**ASSISTANT, "temperature": 3}, "temperature", "decimal", "<= 2", "3"),
    (contract.CreateRun, {**RUN, "temperature": -0.5}, "temperature", "decimal", ">= 0", "-0.5"),
    (contract.CreateRun, {**RUN, "top_p": 1.5}, "top_p", "decimal", "<= 1", "1.5"),
    (contract.CreateRun, {**RUN, "max_prompt_tokens": 0}, "max_prompt_tokens", "integer", ">= 1", "0"),
    (contract.CreateRun, {**RUN, "max_completion_tokens": 0}, "max_completion_tokens", "integer", ">= 1", "0"),
    (
        contract.CreateRun,
        {**RUN, "truncation_strategy": {"type": "last_messages", "last_messages": 0}},
        "truncation_strategy.last_messages",
        "integer",
        ">= 1",
        "0",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [{"type": "file_search", "file_search": {"max_num_results": 51}}]},
        "tools[0].file_search.max_num_results",
        "integer",
        "<= 50",
        "51",
    ),
    (
        contract.CreateAssistant,
        {**ASSISTANT, "tools": [{"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 2}}}]},
        "tools[0].file_search.ranking_options.score_threshold",
        "decimal",
        "<= 1",
        "2",
    ),
    (contract.SearchVectorStore, {"query": "q", "max_num_results": 0}, "max_num_results", "integer", ">= 1", "0"),
    (
        contract.CreateVectorStore,
        chunking(99, 0),
        "chunking_strategy.static.max_chunk_size_tokens",
        "integer",
        ">= 100",
        "99",
    ),
    (
        contract.CreateVectorStoreFile,
        {"file_id": "file-1", **chunking(4097, 0)},
        "chunking_strategy.static.max_chunk_size_tokens",
        "integer",
        "<= 4096",
        "4097",
    ),
    (
        contract.CreateVectorStore,
        {"expires_after": {"anchor": "last_active_at", "days": 366}},
        "expires_after.days",
        "integer",
        "<= 365",
        "366",
    ),
    (
        contract.CreateUpload,
        {
            "filename": "a",
            "purpose": "vision",
            "bytes": 1,
            "mime_type": "image/png",
            "expires_after": {"anchor": "created_at", "seconds": 3599},
        },
        "expires_after.seconds",
        "integer",
        ">= 3600",
        "3599",
    ),
    (
        contract.CreateUpload,
        {"filename": "a", "purpose": "vision", "bytes": 8 * 1024**3 + 1, "mime_type": "image/png"},
        "bytes",
        "integer",
        "<= 8589934592",
        "8589934593",
    ),
]


@pytest.mark.parametrize(("model", "body", "path", "number", "bound", "got"), BOUNDS)
def test_a_number_out_of_bounds_names_the_bound(
    refusal: Refusal, model: Any, body: object, path: str, number: str, bound: str, got: str
) -> None:
    side, code = ("above maximum", "above_max_value") if "<=" in bound else ("below minimum", "below_min_value")
    message = f"Invalid '{path}': {number} {side} value. Expected a value {bound}, but got {got} instead."
    assert refusal(model, body) == (message, path, f"{number}_{code}")
