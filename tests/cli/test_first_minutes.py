"""A browser at a server's address, a base URL without `/v1`, a script that is being written."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import httpx2
import openai
import pytest

from assistants_emulator import Emulator, Json, ProjectHandle
from assistants_emulator.cli import run_command
from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.scripts.load import load_script


def test_a_browser_at_the_bare_address_is_led_to_the_inspector(emulator: Emulator) -> None:
    root = emulator.base_url.removesuffix("/v1")
    with httpx2.Client(base_url=root, verify=False) as http:
        assert http.get("/", headers={"accept": "text/html"}).headers["location"] == "/_emulator/"
        assert http.get("/").status_code == 404


def test_a_base_url_without_v1_is_told(project: ProjectHandle) -> None:
    with (
        openai.OpenAI(base_url=project.base_url.removesuffix("/v1"), api_key="x", max_retries=0) as client,
        pytest.raises(openai.NotFoundError, match="The base URL of this server ends in /v1, and the client's does not"),
    ):
        client.beta.assistants.list()


def test_an_azure_endpoint_with_v1_is_told(project: ProjectHandle) -> None:
    with (
        openai.AzureOpenAI(azure_endpoint=project.base_url, api_key="x", api_version="2024-05-01-preview") as client,
        pytest.raises(openai.NotFoundError, match="An Azure endpoint is this server's address without /v1"),
    ):
        client.beta.assistants.list()


def test_an_escape_that_yaml_does_not_know_is_explained() -> None:
    script = 'version: 1\nreplies:\n- when: {message: "in \\w+"}\n  do: [{text: a}]'
    with pytest.raises(
        ScriptError, match=r"script:3: is not YAML: .*escape character 'w'; in double quotes a backslash"
    ):
        load_script(script)


def test_json_is_a_reply(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.respond(Json({"city": "Århus", "degrees": 18}))
    assistant = client.beta.assistants.create(
        model="gpt-4o", instructions="Hi", response_format={"type": "json_object"}
    )
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id)
    assert run.status == "completed"
    assert '{"city":"Århus","degrees":18}' in project.transcript(run.thread_id)


def test_json_that_is_none_is_an_error() -> None:
    with pytest.raises(ScriptError, match="must be a value that JSON has"):
        Json({"when": object()})


def write(path: Path, text: str) -> None:
    path.write_text(f"version: 1\nreplies: [{{do: [{{text: {text}}}]}}]")


def test_another_script_takes_the_place_of_the_one_that_a_project_has(tmp_path: Path) -> None:
    write(path := tmp_path / "desk.yaml", "Old")
    with Emulator(script=path) as emulator:
        other = emulator.project("other")
        other.load_script({"version": 1, "replies": [{"do": [{"text": "Own"}]}]})
        write(path, "New")
        emulator.replace_script(path)
        assert [answer(handle) for handle in (emulator, other, emulator.project("new"))] == ["New", "Own", "New"]


def answer(handle: ProjectHandle) -> str:
    with handle.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="Hi")
        run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id)
        return client.beta.threads.messages.list(run.thread_id).data[0].content[0].text.value  # type: ignore[union-attr]


def test_a_changed_file_is_loaded_and_a_mistake_in_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_command, "RELOAD_SECONDS", 0.001)
    path = tmp_path / "desk.yaml"
    path.write_text("0")
    loaded: list[str] = []
    reached = threading.Semaphore(0)

    def load(changed: Path) -> None:
        loaded.append(changed.read_text())
        reached.release()
        if loaded[-1] == "bad":
            raise ScriptError("no script")

    stop = threading.Event()
    run_command.keep_reloading(path, load, stop)
    for text in ("bad", "good"):
        change(path, text)
        assert reached.acquire(timeout=30)
    stop.set()
    assert loaded == ["bad", "good"]
    assert f"{path} has changed, and the rules before it stay: no script" in capsys.readouterr().err


def change(path: Path, text: str) -> None:
    """Write at once, with a time of change that differs from the one before."""
    draft = path.with_suffix(".new")
    draft.write_text(text)
    os_time = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(draft, ns=(os_time, os_time))
    draft.replace(path)
