"""Our request models against the SDK's parameter types, both ways: a field on one side only is either a drift or listed
here, with the reason."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typing_extensions
from openai.types import (
    file_create_params,
    file_list_params,
    upload_complete_params,
    upload_create_params,
    vector_store_create_params,
    vector_store_list_params,
    vector_store_search_params,
    vector_store_update_params,
)
from openai.types.beta import (
    assistant_create_params,
    assistant_list_params,
    assistant_update_params,
    thread_create_and_run_params,
    thread_create_params,
    thread_update_params,
)
from openai.types.beta.threads import (
    message_create_params,
    message_list_params,
    message_update_params,
    run_create_params,
    run_list_params,
    run_submit_tool_outputs_params,
    run_update_params,
)
from openai.types.beta.threads.runs import step_list_params, step_retrieve_params
from openai.types.uploads import part_create_params
from openai.types.vector_stores import file_batch_create_params, file_update_params
from openai.types.vector_stores import file_batch_list_files_params as batch_list_params
from openai.types.vector_stores import file_create_params as store_file_create_params
from openai.types.vector_stores import file_list_params as store_file_list_params
from tests.fidelity.param_facts import facts
from tests.fidelity.walk import V2_ROUTES

from assistants_emulator import contract
from assistants_emulator.contract.files import ANCHORS, PURPOSES
from assistants_emulator.contract.queries import FILE_STATUSES, INCLUDABLE, ORDERS

BODIES: dict[Any, Any] = {
    contract.CreateAssistant: assistant_create_params.AssistantCreateParams,
    contract.ModifyAssistant: assistant_update_params.AssistantUpdateParams,
    contract.CreateThread: thread_create_params.ThreadCreateParams,
    contract.ModifyThread: thread_update_params.ThreadUpdateParams,
    contract.CreateThreadAndRun: thread_create_and_run_params.ThreadCreateAndRunParams,
    contract.CreateMessage: message_create_params.MessageCreateParams,
    contract.ModifyMessage: message_update_params.MessageUpdateParams,
    contract.CreateRun: run_create_params.RunCreateParams,
    contract.ModifyRun: run_update_params.RunUpdateParams,
    contract.SubmitToolOutputs: run_submit_tool_outputs_params.RunSubmitToolOutputsParams,
    contract.CreateVectorStore: vector_store_create_params.VectorStoreCreateParams,
    contract.UpdateVectorStore: vector_store_update_params.VectorStoreUpdateParams,
    contract.SearchVectorStore: vector_store_search_params.VectorStoreSearchParams,
    contract.CreateVectorStoreFile: store_file_create_params.FileCreateParams,
    contract.UpdateVectorStoreFile: file_update_params.FileUpdateParams,
    contract.CreateVectorStoreFileBatch: file_batch_create_params.FileBatchCreateParams,
    contract.CreateUpload: upload_create_params.UploadCreateParams,
    contract.CompleteUpload: upload_complete_params.UploadCompleteParams,
}
QUERIES: dict[str, Any] = {
    "/assistants": assistant_list_params.AssistantListParams,
    "/threads/{thread_id}/messages": message_list_params.MessageListParams,
    "/threads/{thread_id}/runs": run_list_params.RunListParams,
    "/threads/{thread_id}/runs/{run_id}/steps": step_list_params.StepListParams,
    "/threads/{thread_id}/runs/{run_id}/steps/{step_id}": step_retrieve_params.StepRetrieveParams,
    "/vector_stores": vector_store_list_params.VectorStoreListParams,
    "/vector_stores/{vector_store_id}/files": store_file_list_params.FileListParams,
    "/vector_stores/{vector_store_id}/file_batches/{batch_id}/files": batch_list_params.FileBatchListFilesParams,
    "/files": file_list_params.FileListParams,
}
ROWS = [row for row in V2_ROUTES if row.path != "/assistants/{assistant_id}/files"]
"""All rows except one that remains from v1 and that no SDK of v2 can call."""

ELSEWHERE = {"thread_id", "run_id", "vector_store_id", "include"}
"""Parameters of the SDK that it sends in the path or the query."""


OURS_ALONE = {
    r"\.hybrid_search: object": "answers hold it, and clients send back what they read",
    r"attachments\[\]\.(file_id|tools): required": "the service asked for them (openai-python issue 1335)",
    r"attachments\[\]\.tools\[\]\[file_search\]\.file_search": "programs hand on a tool as their assistant has it",
    r"tool_choice\[function\]\.function: required": "a function that is to be called has a name",
}
THEIRS_ALONE = {
    r"^stream: required": "in one of the SDK's two forms of it",
    r"tool_choice\[(code_interpreter|file_search)\]\.function": "one type for all three",
    r"\.value\[\]: (string|number)": "whatever is in the list is compared with, and equals or does not",
}


def unexplained(lines: set[str], exceptions: dict[str, str]) -> list[str]:
    return sorted(line for line in lines if not any(re.search(pattern, line) for pattern in exceptions))


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_a_body_says_what_the_sdk_lets_it_say(model: Any) -> None:
    ours, theirs = facts(model), facts(BODIES[model], ELSEWHERE)
    assert unexplained(ours - theirs, OURS_ALONE) == []
    assert unexplained(theirs - ours, THEIRS_ALONE) == []


def test_every_exception_is_one() -> None:
    pairs = [(facts(model), facts(params, ELSEWHERE)) for model, params in BODIES.items()]
    ours_alone = {line for ours, theirs in pairs for line in ours - theirs}
    theirs_alone = {line for ours, theirs in pairs for line in theirs - ours}
    assert [one for one in OURS_ALONE if not any(re.search(one, line) for line in ours_alone)] == []
    assert [one for one in THEIRS_ALONE if not any(re.search(one, line) for line in theirs_alone)] == []


def test_every_body_of_the_route_table_is_compared() -> None:
    assert {row.body for row in ROWS if row.body} == {*BODIES, contract.NoBody}


@pytest.mark.parametrize("row", [row for row in ROWS if row.lists or row.includes], ids=lambda row: row.path)
def test_a_query_takes_what_the_sdk_sends(row: Any) -> None:
    if row.method == "POST":
        assert "include" in typing_extensions.get_type_hints(run_create_params.RunCreateParamsNonStreaming)
        return
    sent = set(typing_extensions.get_type_hints(QUERIES[row.path])) - set(re.findall(r"{(\w+)}", row.path))
    known = {"limit", "order", "after", "before"} if row.lists else set()
    known -= {"before"} if row.path == "/files" else set()  # `/files` never had `before`
    assert sent == known | set(row.filters) | ({"include"} if row.includes else set())


def test_every_list_of_the_route_table_is_compared() -> None:
    assert {row.path for row in ROWS if row.method == "GET" and (row.lists or row.includes)} == set(QUERIES)


def test_the_words_of_queries_are_the_sdks() -> None:
    listed = facts(store_file_list_params.FileListParams)
    assert {f"filter = {word}" for word in FILE_STATUSES} == {line for line in listed if line.startswith("filter")}
    assert {f"order = {word}" for word in ORDERS} == {line for line in listed if line.startswith("order")}
    assert {f"include[] = {word}" for word in INCLUDABLE} <= facts(step_list_params.StepListParams)


def test_the_form_of_a_file_has_the_sdks_fields() -> None:
    theirs = facts(file_create_params.FileCreateParams)
    purposes = {f"purpose = {word}" for word in PURPOSES} | {"purpose: required"}
    expiry = {f"expires_after.anchor = {word}" for word in ANCHORS} | {"expires_after: object"}
    numbers = {f"expires_after.{name}: required" for name in ("anchor", "seconds")} | {"expires_after.seconds: integer"}
    assert "file: required" in theirs
    assert {line for line in theirs if not line.startswith("file")} == purposes | expiry | numbers


def test_the_forms_of_the_route_table_name_the_sdks_files() -> None:
    forms = {row.path: row.form.file for row in ROWS if row.form}
    assert set(typing_extensions.get_type_hints(part_create_params.PartCreateParams)) == {
        forms.pop("/uploads/{upload_id}/parts")
    }
    assert forms == {"/files": "file"}
