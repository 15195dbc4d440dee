"""Forms that change a project: they do what the API does, and say what was wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator


def test_a_reset_drops_everything(emulator: Emulator, browser: httpx2.Client, ask: Callable[..., Any]) -> None:
    ask("Hello?")
    emulator.load_script({"version": 1, "replies": [{"do": [{"text": "Scripted."}]}]})
    assert browser.post("reset").headers["location"] == "/_emulator/projects/default"
    assert emulator.state()["threads"] == []
    assert "did not" not in emulator.transcript(ask("Hello?").thread_id)


def test_a_reset_may_keep_the_script(emulator: Emulator, browser: httpx2.Client, ask: Callable[..., Any]) -> None:
    emulator.load_script({"version": 1, "replies": [{"do": [{"text": "Scripted."}]}]})
    browser.post("reset", data={"keep_rules": "1"})
    assert "assistant: Scripted.\n" in emulator.transcript(ask("Hello?").thread_id)


def test_a_deleted_project_is_gone_from_the_disk(tmp_path: Path) -> None:
    with Emulator(data_dir=tmp_path) as emulator:
        emulator.project("travel").client().beta.threads.create()
        url = f"{emulator.inspector_url}projects/travel/delete"
        answer = httpx2.post(url, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.headers["location"] == "/_emulator/"
        assert [folder.name for folder in tmp_path.iterdir() if folder.is_dir()] == []
        assert emulator.project("travel").state()["threads"] == []


@pytest.mark.parametrize("kind", ["threads", "assistants", "files", "vector_stores"])
def test_an_object_is_deleted(emulator: Emulator, browser: httpx2.Client, kind: str) -> None:
    client = emulator.client()
    objects = {
        "threads": lambda: client.beta.threads.create(),
        "assistants": lambda: client.beta.assistants.create(model="gpt-4o"),
        "files": lambda: client.files.create(file=("a.txt", b"a"), purpose="assistants"),
        "vector_stores": lambda: client.vector_stores.create(),
    }
    answer = browser.post(f"{kind}/{objects[kind]().id}/delete")
    assert answer.headers["location"] == f"/_emulator/projects/default/{kind}"
    assert emulator.state()[kind] == []


def test_an_assistant_is_edited(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    store = client.vector_stores.create()
    assistant = client.beta.assistants.create(model="gpt-4o", name="Tutor", description="Helps.")
    form = {"name": "Teacher", "model": "gpt-4.1", "description": "", "instructions": "Be kind."}
    form |= {"tools": '[{"type": "file_search"}]', "vector_store_ids": store.id, "file_ids": ""}
    assert browser.post(f"assistants/{assistant.id}", data=form).status_code == 303
    edited = client.beta.assistants.retrieve(assistant.id)
    assert (edited.name, edited.model, edited.description, edited.instructions) == (
        "Teacher",
        "gpt-4.1",
        None,
        "Be kind.",
    )
    assert edited.tool_resources.file_search.vector_store_ids == [store.id]


@pytest.mark.parametrize(
    ("tools", "problem"),
    [
        ('[\n{"type" "x"}]', "tools, line 2, column 9: Expecting &#39;:&#39; delimiter"),
        ('[{"type": "telepathy"}]', "Invalid value: &#39;telepathy&#39;."),
    ],
)
def test_a_mistake_in_an_assistants_form_is_told_and_kept(
    emulator: Emulator, browser: httpx2.Client, tools: str, problem: str
) -> None:
    assistant = emulator.client().beta.assistants.create(model="gpt-4o", name="Tutor")
    answer = browser.post(f"assistants/{assistant.id}", data={"name": "Teacher", "tools": tools})
    assert answer.status_code == 400
    assert f"The assistant was not changed: {problem}" in answer.text
    assert 'value="Teacher"' in answer.text
    assert emulator.client().beta.assistants.retrieve(assistant.id).name == "Tutor"


def test_a_threads_metadata_is_edited(emulator: Emulator, browser: httpx2.Client) -> None:
    thread = emulator.client().beta.threads.create(metadata={"user": "carol"})
    browser.post(f"threads/{thread.id}", data={"metadata": '{"plan": "free"}'})
    assert emulator.client().beta.threads.retrieve(thread.id).metadata == {"user": "carol", "plan": "free"}
    answer = browser.post(f"threads/{thread.id}", data={"metadata": "[]"})
    assert "The metadata was not changed: Invalid type for" in answer.text


def test_a_downloaded_state_can_be_loaded(emulator: Emulator, browser: httpx2.Client, ask: Callable[..., Any]) -> None:
    run = ask("Hello?")
    before = emulator.transcript(run.thread_id)
    state = browser.get("state")
    assert state.headers["content-disposition"] == 'attachment; filename="default.state.json"'
    emulator.reset()
    assert browser.post("state", content=state.content).json() == {"error": None}
    assert emulator.transcript(run.thread_id) == before


def test_a_state_that_cannot_be_loaded_changes_nothing(emulator: Emulator, browser: httpx2.Client) -> None:
    thread = emulator.client().beta.threads.create()
    answer = browser.post("state", content=json.dumps({"thread": []}))
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("state: unknown table 'thread'; did you mean 'threads'")
    assert emulator.client().beta.threads.retrieve(thread.id).id == thread.id


def test_a_script_is_written_in_the_page(emulator: Emulator, browser: httpx2.Client, ask: Callable[..., Any]) -> None:
    browser.post("controls/script", data={"script": "version: 1\r\nreplies:\r\n- do: [{text: From the page.}]"})
    assert "assistant: From the page.\n" in emulator.transcript(ask("Hello?").thread_id)
    assert "text: From the page." in browser.get("controls").text
    browser.post("controls/script", data={"script": ""})
    assert "assistant: Echo: Hello?" in emulator.transcript(ask("Hello?").thread_id)


def test_a_mistake_in_a_script_is_shown_at_its_line(emulator: Emulator, browser: httpx2.Client) -> None:
    script = "version: 1\nreplies:\n- do:\n  - txt: Hello\n"
    answer = browser.post("controls/script", data={"script": script})
    assert answer.status_code == 400
    assert "script:4: replies[0].do[0]: unknown action &#39;txt&#39;" in answer.text
    assert 'data-line="4"' in answer.text
    assert "- txt: Hello" in answer.text


def test_a_script_of_the_page_reads_no_files(browser: httpx2.Client) -> None:
    script = "version: 1\nreplies:\n- do:\n  - image_file: {path: /etc/passwd}\n"
    answer = browser.post("controls/script", data={"script": script})
    assert "a script that came over the network cannot read files" in answer.text


def test_a_single_fault_is_removed(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.faults.add("POST /threads", status=500)
    emulator.faults.add("GET /models", status=429)
    browser.post("controls/faults/0/remove", data={"route": "POST /threads"})
    browser.post("controls/faults/0/remove", data={"route": "POST /threads"})  # pressed twice
    assert [fault.route for fault in emulator.faults] == ["GET /models"]


@pytest.mark.parametrize("path", ["reset", "delete", "state", "controls/script", "threads/thread_x/delete"])
def test_other_sites_change_nothing(emulator: Emulator, path: str) -> None:
    thread = emulator.client().beta.threads.create()
    url = f"{emulator.inspector_url}projects/default/{path}".replace("thread_x", thread.id)
    answer = httpx2.post(url, headers={"Origin": "http://127.0.0.1:1"}, content=b"{}")
    assert answer.status_code == 403
    assert emulator.client().beta.threads.retrieve(thread.id).id == thread.id


def test_a_thread_with_an_active_run_is_deleted_as_by_the_api(emulator: Emulator, browser: httpx2.Client) -> None:
    beta = emulator.client().beta
    emulator.load_script({"version": 1, "replies": [{"do": [{"pause": True}]}]})
    assistant = beta.assistants.create(model="gpt-4o")
    run = beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "?"}]}
    )
    browser.post(f"threads/{run.thread_id}/delete")
    with pytest.raises(openai.NotFoundError):
        beta.threads.retrieve(run.thread_id)
