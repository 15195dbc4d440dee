"""Bodies that look wrong but are common: those of real clients pass, and are returned as the very same object."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from contract_bodies import ASSISTANT, MESSAGE, RUN
from openai.types import (
    upload_complete_params,
    upload_create_params,
    vector_store_create_params,
    vector_store_search_params,
    vector_store_update_params,
)
from openai.types.beta import (
    assistant_create_params,
    assistant_update_params,
    thread_create_and_run_params,
    thread_create_params,
    thread_update_params,
)
from openai.types.beta.threads import message_create_params, run_create_params, run_submit_tool_outputs_params
from openai.types.vector_stores import file_batch_create_params, file_create_params, file_update_params

from assistants_emulator import contract


def nulls(*names: str) -> dict[str, None]:
    return dict.fromkeys(names)


BODIES = [
    (contract.CreateAssistant, {**ASSISTANT, **nulls("name", "description", "instructions", "tools", "tool_resources",
        "metadata", "temperature", "top_p", "response_format", "reasoning_effort")}),
    (contract.ModifyAssistant, nulls("model", "name", "description", "instructions", "tools", "tool_resources",
        "metadata", "temperature", "top_p", "response_format", "reasoning_effort")),
    (contract.CreateRun, {**RUN, **nulls("model", "instructions", "additional_instructions", "additional_messages",
        "tools", "metadata", "temperature", "top_p", "stream", "max_prompt_tokens", "max_completion_tokens",
        "truncation_strategy", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort")}),
    (contract.CreateThreadAndRun, {**RUN, **nulls("thread", "tool_resources", "model", "stream")}),
    (contract.CreateThreadAndRun, {**RUN, "thread": {"messages": [{**MESSAGE, **nulls("attachments", "metadata")}]}}),
    (contract.CreateThread, nulls("messages", "tool_resources", "metadata")),
    (contract.CreateMessage, {**MESSAGE, **nulls("attachments", "metadata")}),
    (contract.ModifyThread, {"tool_resources": {"code_interpreter": {"file_ids": None}, "file_search": None}}),
    (contract.ModifyAssistant, {"tool_resources": {"file_search": {}}}),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "function", "function":
        {"name": "f", "description": None, "parameters": None, "strict": None}}]}),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "function", "function":
        {"name": "Weather-get_weather", "description": "line\nline", "parameters":
         {"$schema": "s", "title": "t", "type": "object", "properties": {}, "additionalProperties": False}}}]}),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "function", "function":
        {"name": "f", "parameters": {}}}]}),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [{"type": "file_search", "file_search":
        {"ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}}}]}),
    (contract.CreateAssistant, {**ASSISTANT, "tools": [], "metadata": {}, "tool_resources":
        {"code_interpreter": {"file_ids": []}, "file_search": {"vector_store_ids": [], "vector_stores": [
            {"file_ids": ["file-1"], "chunking_strategy": {"type": "auto"}, "metadata": None}]}}}),
    (contract.CreateAssistant, {"model": "my-gpt-4o-deployment", "temperature": 1, "top_p": 0.5}),
    (contract.CreateThread, {"messages": []}),
    (contract.CreateMessage, {**MESSAGE, "attachments": []}),
    (contract.CreateMessage, {**MESSAGE, "attachments": [{"file_id": "file-1", "tools":
        [{"type": "code_interpreter"}, {"type": "file_search"}]}]}),
    (contract.CreateMessage, {"role": "assistant", "content": [
        {"type": "text", "text": "look"}, {"type": "image_file", "image_file": {"file_id": "file-1", "detail": None}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}]}),
    (contract.CreateRun, {**RUN, "additional_instructions": "", "additional_messages": [], "tools": []}),
    (contract.CreateRun, {**RUN, "max_prompt_tokens": 256, "max_completion_tokens": 16}),
    (contract.CreateRun, {**RUN, "tool_choice": {"type": "function", "function": {"name": "f"}}}),
    (contract.CreateRun, {**RUN, "tool_choice": {"type": "file_search"}, "response_format": "auto"}),
    (contract.CreateRun, {**RUN, "response_format": {"type": "json_schema", "json_schema":
        {"name": "answer", "schema": {"type": "object"}, "strict": True}}}),
    (contract.CreateRun, {**RUN, "truncation_strategy": {"type": "auto", "last_messages": None}}),
    (contract.ModifyRun, {"metadata": {"type": "k", "k": "", "[key]": "v"}}),
    (contract.SubmitToolOutputs, {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}], "stream": None}),
    (contract.CreateVectorStore, {"file_ids": [], "name": None, "expires_after": None, "chunking_strategy": None}),
    (contract.UpdateVectorStore, nulls("name", "expires_after", "metadata")),
    (contract.CreateVectorStoreFile, {"file_id": "file-1", "attributes": {"a": "x", "b": 1, "c": 1.5, "d": True},
        "chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}}),
    (contract.UpdateVectorStoreFile, {"attributes": None}),
    (contract.CreateVectorStoreFileBatch, {"file_ids": None, "files": [{"file_id": "file-1", "attributes": {}}]}),
    (contract.SearchVectorStore, {"query": ["a", "b"], "rewrite_query": False, "max_num_results": 50, "filters":
        {"type": "or", "filters": [{"type": "eq", "key": "k", "value": 1}, {"type": "and", "filters":
            [{"type": "in", "key": "k", "value": ["x"]}]}]}, "ranking_options": {"ranker": "none"}}),
    (contract.CreateUpload, {"filename": "a.txt", "purpose": "assistants", "bytes": 0, "mime_type": "text/plain"}),
    (contract.CompleteUpload, {"part_ids": [], "md5": None}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "body"), BODIES)
def test_an_everyday_body_passes_unchanged(model: Any, body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    assert contract.check(model, body) is body
    assert body == before


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (contract.CreateAssistant, {**ASSISTANT, "name": "n" * 256, "tools": [{"type": "code_interpreter"}] * 128}),
        (contract.CreateMessage, {"role": "user", "content": "x" * 256_000}),
        (contract.CreateThread, {"messages": [MESSAGE] * 32, "metadata": {f"{n:064}": "v" * 512 for n in range(16)}}),
        (contract.CreateVectorStore, {"file_ids": ["file-1"] * 100}),
        (contract.CreateRun, {**RUN, "temperature": 2, "top_p": 1}),
    ],
)
def test_a_body_at_its_limits_passes(model: Any, body: dict[str, Any]) -> None:
    assert contract.check(model, body) is body


def test_a_missing_body_is_an_empty_object() -> None:
    assert contract.check(contract.CreateThread, None) == {}


@pytest.mark.parametrize("body", [None, {}, {"anything": 1}, [], "text"])
def test_an_endpoint_without_body_ignores_what_is_sent(body: object) -> None:
    assert contract.check(contract.NoBody, body) == {}


SDK_PARAMS = [
    (contract.CreateAssistant, assistant_create_params.AssistantCreateParams),
    (contract.ModifyAssistant, assistant_update_params.AssistantUpdateParams),
    (contract.CreateThread, thread_create_params.ThreadCreateParams),
    (contract.ModifyThread, thread_update_params.ThreadUpdateParams),
    (contract.CreateMessage, message_create_params.MessageCreateParams),
    (contract.CreateRun, run_create_params.RunCreateParamsBase),
    (contract.CreateThreadAndRun, thread_create_and_run_params.ThreadCreateAndRunParamsBase),
    (contract.SubmitToolOutputs, run_submit_tool_outputs_params.RunSubmitToolOutputsParamsBase),
    (contract.CreateVectorStore, vector_store_create_params.VectorStoreCreateParams),
    (contract.UpdateVectorStore, vector_store_update_params.VectorStoreUpdateParams),
    (contract.SearchVectorStore, vector_store_search_params.VectorStoreSearchParams),
    (contract.CreateVectorStoreFile, file_create_params.FileCreateParams),
    (contract.UpdateVectorStoreFile, file_update_params.FileUpdateParams),
    (contract.CreateVectorStoreFileBatch, file_batch_create_params.FileBatchCreateParams),
    (contract.CreateUpload, upload_create_params.UploadCreateParams),
    (contract.CompleteUpload, upload_complete_params.UploadCompleteParams),
]

NOT_IN_THE_BODY = {"include", "thread_id", "vector_store_id"}


@pytest.mark.parametrize(("model", "params"), SDK_PARAMS)
def test_the_fields_are_those_that_the_sdk_can_send(model: Any, params: Any) -> None:
    sendable = (params.__required_keys__ | params.__optional_keys__) - NOT_IN_THE_BODY
    assert sendable - set(model.model_fields) == set()
