"""Containers and the hosted tools of responses: code, its files, and file search."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from tests.responses.conftest import Ask

from assistants_emulator import CodeInterpreter, FileSearch, Image, ProjectHandle, Text

AUTO: Any = {"type": "code_interpreter", "container": {"type": "auto"}}
CSV = {"content": b"a,b\n1,2\n", "filename": "table.csv"}
FOUND: Any = ["file_search_call.results"]
LOGS: Any = ["code_interpreter_call.outputs"]


def test_a_container_is_created_listed_and_deleted(client: openai.OpenAI) -> None:
    made = client.containers.create(name="work")
    assert (made.status, [each.id for each in client.containers.list()]) == ("running", [made.id])
    client.containers.delete(made.id)
    with pytest.raises(openai.NotFoundError, match=f"Container with id '{made.id}' not found."):
        client.containers.retrieve(made.id)


def test_a_container_takes_files_by_upload_and_by_id(client: openai.OpenAI) -> None:
    made = client.containers.create(name="work").id
    uploaded = client.files.create(file=("b.txt", b"bytes"), purpose="user_data")
    files = client.containers.files
    first = files.create(made, file=("a.txt", b"Hello"))
    second = files.create(made, file_id=uploaded.id)
    assert [each.path for each in files.list(made)] == ["/mnt/data/b.txt", "/mnt/data/a.txt"]
    assert files.content.retrieve(first.id, container_id=made).read() == b"Hello"
    assert (second.bytes, second.source) == (5, "user")


def test_a_container_ends_twenty_minutes_after_its_last_use(client: openai.OpenAI, project: ProjectHandle) -> None:
    made = client.containers.create(name="work").id
    client.containers.files.create(made, file=("a.txt", b"Hello"))
    project.clock.advance(1201)
    assert client.containers.retrieve(made).status == "expired"
    with pytest.raises(openai.BadRequestError, match="Container is expired"):
        client.containers.files.list(made)


def test_code_makes_a_container_and_its_files_are_cited(
    ask: Ask, client: openai.OpenAI, project: ProjectHandle
) -> None:
    project.respond([CodeInterpreter("write()", logs="ok", files=[Image(**CSV)]), Text("Here it is.")])
    call, message = ask("Hi", tools=[AUTO], include=LOGS).output
    (cited,) = message.content[0].annotations
    text = message.content[0].text
    assert (call.code, call.outputs[0].logs) == ("write()", "ok")
    assert text[cited.start_index : cited.end_index] == "sandbox:/mnt/data/table.csv"
    content = client.containers.files.content.retrieve(cited.file_id, container_id=cited.container_id)
    assert content.read() == CSV["content"]


def test_a_chain_keeps_its_container_until_it_expires(ask: Ask, project: ProjectHandle) -> None:
    project.respond([CodeInterpreter("1"), Text("Done.")])
    first = ask("Hi", tools=[AUTO])
    second = ask("Hi", tools=[AUTO], previous_response_id=first.id)
    project.clock.advance(1201)
    third = ask("Hi", tools=[AUTO], previous_response_id=second.id)
    ids = [response.output[0].container_id for response in (first, second, third)]
    assert (ids[0] == ids[1], ids[1] == ids[2]) == (True, False)


def test_outputs_of_code_are_shown_only_where_they_are_included(ask: Ask, project: ProjectHandle) -> None:
    project.respond([CodeInterpreter("1", logs="ok"), Text("Done.")])
    assert ask("Hi", tools=[AUTO]).output[0].outputs is None


def test_code_needs_its_tool(ask: Ask, project: ProjectHandle) -> None:
    project.respond([CodeInterpreter("1"), Text("Done.")])
    assert ask("Hi").error.message.startswith("CodeInterpreter needs a code_interpreter tool")
    project.failures.clear()


def test_a_search_finds_files_and_a_citation_has_no_marker(
    ask: Ask, client: openai.OpenAI, project: ProjectHandle
) -> None:
    file = client.files.create(file=("cake.txt", b"Cake is the favourite food."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id]).id
    cited: Any = [{"file": "cake.txt", "quote": "Cake"}]
    project.respond([FileSearch(), Text("It is cake.", citations=cited)])
    tool: Any = {"type": "file_search", "vector_store_ids": [store]}
    call, message = ask("favourite food", tools=[tool], include=FOUND).output
    (annotation,) = message.content[0].annotations
    assert [result.file_id for result in call.results] == [file.id]
    assert (message.content[0].text, annotation.filename, annotation.index) == ("It is cake.", "cake.txt", 11)
    assert ask("favourite food", tools=[tool]).output[0].results is None


def test_an_unknown_store_is_not_found(ask: Ask) -> None:
    with pytest.raises(openai.NotFoundError, match="Vector store with id 'vs_x' not found"):
        ask("Hi", tools=[{"type": "file_search", "vector_store_ids": ["vs_x"]}])
