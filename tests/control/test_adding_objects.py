"""Objects that an application expects: added one by one, or brought by a state file with short forms."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from assistants_emulator import Emulator, FileSearch, ProjectHandle, Text
from assistants_emulator.errors import EmulatorError


def test_an_assistant_is_added_with_defaults_and_returned(project: ProjectHandle, client: openai.OpenAI) -> None:
    added = project.add_assistant("asst_abc", name="Desk", tools=[{"type": "file_search"}])
    assert (added["id"], added["model"], added["name"]) == ("asst_abc", "gpt-4o", "Desk")
    assert client.beta.assistants.retrieve("asst_abc").to_dict() == added


def test_adding_replaces_nothing(project: ProjectHandle, client: openai.OpenAI) -> None:
    first = client.beta.assistants.create(model="gpt-4o").id
    second = project.add_assistant()["id"]
    assert {assistant.id for assistant in client.beta.assistants.list()} == {first, second}
    assert first != second


def test_a_thread_is_added_with_its_messages(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.add_thread("thread_x", messages=["Hi", {"role": "assistant", "content": "Hello."}], metadata={"user": "1"})
    assert project.transcript("thread_x") == "user: Hi\nassistant: Hello.\n"
    assert client.beta.threads.retrieve("thread_x").metadata == {"user": "1"}


def test_a_vector_store_is_added_with_files_and_searched(
    project: ProjectHandle, client: openai.OpenAI, tmp_path: Path
) -> None:
    (tmp_path / "handbook.md").write_text("Parcels are collected at noon.")
    store = project.add_vector_store("vs_x", files=[tmp_path / "handbook.md"], name="Handbook")
    assert (store["status"], store["file_counts"]["completed"]) == ("completed", 1)
    (found,) = client.vector_stores.search("vs_x", query="parcels").data
    assert found.filename == "handbook.md"


def test_a_file_is_added_from_a_path_or_from_bytes(
    project: ProjectHandle, client: openai.OpenAI, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("from a path")
    project.add_file(tmp_path / "a.txt", id="file-a")
    added = project.add_file(b"from bytes", filename="b.txt", purpose="user_data")
    assert client.files.retrieve("file-a").bytes == len("from a path")
    assert client.files.retrieve(added["id"]).to_dict() == added
    assert (added["filename"], added["bytes"], added["purpose"]) == ("b.txt", 10, "user_data")


def test_a_file_that_exists_may_be_in_an_added_store(project: ProjectHandle) -> None:
    file = project.add_file(b"Parcels", filename="a.txt")
    assert project.add_vector_store(files=[file["id"]])["file_counts"]["completed"] == 1


@pytest.mark.parametrize(
    ("add", "problem"),
    [
        (lambda project: project.add_assistant("asst_x", nmae="Desk"), "unknown key 'nmae'; did you mean 'name'"),
        (lambda project: project.add_assistant("asst_twice"), "there is an object 'asst_twice' in assistants already"),
        (lambda project: project.add_file("no/such.txt"), "file no/such.txt: No such file or directory"),
        (
            lambda project: project.add_vector_store(files=["file-none"]),
            "there is no file 'file-none'",
        ),
    ],
)
def test_a_mistake_is_one_line(project: ProjectHandle, add: object, problem: str) -> None:
    project.add_assistant("asst_twice")
    with pytest.raises(EmulatorError, match=problem):
        add(project)  # type: ignore[operator]


OBJECTS = """
assistants:
  - {id: asst_desk, name: Desk, tools: [{type: file_search}], tool_resources: {file_search: {vector_store_ids: [vs_x]}}}
threads:
  - {id: thread_x, messages: [Hi, {role: assistant, content: Hello.}]}
vector_stores:
  - {id: vs_x, files: [handbook.md]}
files:
  - {id: file-x, path: handbook.md}
"""


def test_a_state_file_may_be_yaml_with_short_forms(tmp_path: Path) -> None:
    (tmp_path / "handbook.md").write_text("Parcels are collected at noon.")
    (tmp_path / "objects.yaml").write_text(OBJECTS)
    with Emulator(state=tmp_path / "objects.yaml") as emulator, emulator.client() as client:
        assert emulator.transcript("thread_x") == "user: Hi\nassistant: Hello.\n"
        assert client.files.retrieve("file-x").filename == "handbook.md"
        emulator.respond([FileSearch("parcels"), Text("Found.")])
        run = client.beta.threads.runs.create_and_poll(thread_id="thread_x", assistant_id="asst_desk")
        assert run.status == "completed", run.last_error
        assert client.vector_stores.retrieve("vs_x").file_counts.completed == 1


def test_a_yaml_file_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "objects.yaml").write_text("assistants:\n  - {id: [}\n")
    with pytest.raises(EmulatorError, match=r"objects.yaml:2: "):
        Emulator(state=tmp_path / "objects.yaml")


def test_unknown_ids_are_adopted_where_the_option_says_so() -> None:
    with Emulator(adopt_ids=True) as emulator, emulator.client() as client:
        client.beta.threads.messages.create("thread_x", role="user", content="Hi")
        run = client.beta.threads.runs.create_and_poll(thread_id="thread_x", assistant_id="asst_x")
        assert run.status == "completed"
        client.beta.threads.create(tool_resources={"file_search": {"vector_store_ids": ["vs_x"]}})
        assert [row["id"] for row in emulator.state()["vector_stores"]] == ["vs_x"]


def test_an_id_that_is_not_well_formed_or_was_deleted_is_not_adopted() -> None:
    with Emulator(adopt_ids=True) as emulator, emulator.client() as client:
        client.beta.assistants.delete(client.beta.assistants.retrieve("asst_x").id)
        with pytest.raises(openai.NotFoundError):
            client.beta.assistants.retrieve("asst_x")
        with pytest.raises(openai.BadRequestError):
            client.beta.assistants.retrieve("assistant-1")
