"""The Responses API against the SDK's types: every route by the SDK's strict client, and the fields of every body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import typing_extensions
from openai.types import container_create_params, container_list_params
from openai.types.containers import file_create_params, file_list_params
from openai.types.conversations import (
    conversation_create_params,
    conversation_update_params,
    item_create_params,
    item_retrieve_params,
)
from openai.types.conversations import item_list_params as conversation_item_list_params
from openai.types.responses import (
    ResponseFunctionCallArgumentsDoneEvent,
    input_item_list_params,
    input_token_count_params,
    response_create_params,
    response_retrieve_params,
)
from tests.fidelity.walk import RESPONSE_ROWS

from assistants_emulator import CodeInterpreter, Emulator, FileSearch, FunctionCall, Image, Incomplete, Refusal, Text
from assistants_emulator.contract import NoBody
from assistants_emulator.contract.conversations import (
    CreateContainer,
    CreateContainerFile,
    CreateConversation,
    CreateItems,
    UpdateConversation,
)
from assistants_emulator.contract.responses import CountInputTokens, CreateResponse
from assistants_emulator.web.routing import RouteTable

MODEL = "gpt-4o"
BODIES: dict[Any, Any] = {
    CreateResponse: response_create_params.ResponseCreateParamsNonStreaming,
    CountInputTokens: input_token_count_params.InputTokenCountParams,
    CreateConversation: conversation_create_params.ConversationCreateParams,
    UpdateConversation: conversation_update_params.ConversationUpdateParams,
    CreateItems: item_create_params.ItemCreateParams,
    CreateContainer: container_create_params.ContainerCreateParams,
    CreateContainerFile: file_create_params.FileCreateParams,
}
QUERIES: dict[str, Any] = {
    "/responses/{response_id}": response_retrieve_params.ResponseRetrieveParamsBase,
    "/responses/{response_id}/input_items": input_item_list_params.InputItemListParams,
    "/conversations/{conversation_id}/items": conversation_item_list_params.ItemListParams,
    "/conversations/{conversation_id}/items/{item_id}": item_retrieve_params.ItemRetrieveParams,
    "/containers": container_list_params.ContainerListParams,
    "/containers/{container_id}/files": file_list_params.FileListParams,
}
ELSEWHERE = {"include", "file"}  # in the query of items, or in the form of files
OURS_ALONE = {"client_metadata", "frequency_penalty", "presence_penalty"}  # recorded or measured; no SDK has them
SINCE = {"access_programs": (3, 20), "image": (3, 46), "background_options": (3, 53)}  # the SDKs that have these first
CALLS_ARE_NAMELESS = "name" not in ResponseFunctionCallArgumentsDoneEvent.model_fields
"""False for SDKs before 3.9, which expect a `name` in this event that the API does not send."""
PATHS = re.compile(r"{(\w+)}")


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_a_body_has_the_sdks_fields(model: Any) -> None:
    theirs = set(typing_extensions.get_type_hints(BODIES[model])) - ELSEWHERE
    sdk = tuple(map(int, openai.__version__.split(".")[:2]))
    later = {field for field, since in SINCE.items() if sdk < since}
    assert set(model.fields) - OURS_ALONE - ELSEWHERE - later == theirs


def test_every_body_and_query_is_compared() -> None:
    assert {row.body for row in RESPONSE_ROWS if row.body} == {*BODIES, NoBody}
    read = {row.path for row in RESPONSE_ROWS if row.method == "GET" and (row.lists or row.includes)}
    assert read == set(QUERIES)


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_takes_what_the_sdk_sends(path: str) -> None:
    (row,) = (row for row in RESPONSE_ROWS if row.path == path and row.method == "GET")
    known = {"limit", "order", "after"} if row.lists else set()
    theirs = set(typing_extensions.get_type_hints(QUERIES[path])) - set(PATHS.findall(path)) - {"name"}
    assert theirs <= known | set(row.filters) | ({"include"} if row.includes else set())


@pytest.fixture(params=["wire", "spec"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(clock="manual", fidelity=request.param) as emulator:
        yield emulator


def test_a_strict_client_walks_through_everything(emulator: Emulator) -> None:
    with emulator.client(_strict_response_validation=True, max_retries=0) as client:
        containers(client)
        conversations(client)
        answers(emulator, client)
    table, taken = RouteTable(RESPONSE_ROWS), []
    for call in emulator.requests:
        path = call.path.split("?")[0].removeprefix("/v1")
        if (found := table.find(path)) is not None:
            taken.append(found.methods[call.method]["v2"])
    assert [(row.method, row.path) for row in RESPONSE_ROWS if row not in taken] == []


def containers(client: openai.OpenAI) -> None:
    made = client.containers.create(name="work", memory_limit="4g")
    assert [each.id for each in client.containers.list()] == [made.id]
    file = client.containers.files.create(made.id, file=("a.txt", b"Hello"))
    assert client.containers.files.retrieve(file.id, container_id=made.id).path == file.path
    assert [each.id for each in client.containers.files.list(made.id)] == [file.id]
    assert client.containers.files.content.retrieve(file.id, container_id=made.id).read() == b"Hello"
    client.containers.files.delete(file.id, container_id=made.id)
    assert client.containers.retrieve(made.id).status == "running"
    client.containers.delete(made.id)


def conversations(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[{"role": "user", "content": "Hi"}])
    client.conversations.update(made.id, metadata={"a": "b"})
    assert client.conversations.retrieve(made.id).metadata == {"a": "b"}
    (item,) = client.conversations.items.create(made.id, items=[{"role": "user", "content": "Again"}]).data
    client.responses.create(model=MODEL, input="Hello", conversation=made.id)
    assert len(list(client.conversations.items.list(made.id))) == 4
    assert item.id is not None
    client.conversations.items.retrieve(item.id, conversation_id=made.id)
    client.conversations.items.delete(item.id, conversation_id=made.id)
    client.conversations.delete(made.id)


def answers(emulator: Emulator, client: openai.OpenAI) -> None:
    file = client.files.create(file=("cake.txt", b"Cake is the favourite food."), purpose="assistants").id
    tools: Any = [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "file_search", "vector_store_ids": [client.vector_stores.create(name="Notes", file_ids=[file]).id]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    include: Any = ["file_search_call.results", "code_interpreter_call.outputs"]
    table = Image(content=b"a,b", filename="a.csv")
    calls = [[FunctionCall("f"), FunctionCall("f", {"a": 1})]]
    for replies in (
        [FileSearch("cake"), Text("Cake.", citations=[{"file": "cake.txt", "quote": "Cake"}])],
        [CodeInterpreter("1", logs="1", files=[table], images=[Image(content=b"png")]), Text("Done.")],
        [Text("So far"), Incomplete("max_completion_tokens")],
        [Refusal("No.")],
        calls,
    ):
        emulator.respond(replies, times=2)
        whole = client.responses.create(model=MODEL, input="Hi", tools=tools, include=include)
        is_strict = replies is not calls or CALLS_ARE_NAMELESS
        streaming = client.with_options(_extra_kwargs={"_strict_response_validation": is_strict})
        streamed = list(streaming.responses.create(model=MODEL, input="Hi", tools=tools, include=include, stream=True))
        assert [type(event) for event in streamed if type(event) is openai.BaseModel] == []
        assert client.responses.retrieve(whole.id, include=include).output == whole.output
        list(client.responses.input_items.list(whole.id))
    later = client.responses.create(model=MODEL, input="Hi", background=True)
    client.responses.cancel(later.id)
    client.responses.delete(later.id)
    client.responses.input_tokens.count(model=MODEL, input="Hi")
