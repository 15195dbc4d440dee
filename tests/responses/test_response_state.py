"""Responses in the rest of the house: state files, faults, the request log, resets, kills and the inspector."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from tests.responses.conftest import MODEL, WEATHER, Ask, outputs

from assistants_emulator import CodeInterpreter, Emulator, FunctionCall, Image, Pause, ProjectHandle, Text
from assistants_emulator.errors import EmulatorError

USER: Any = {"role": "user", "content": "Hi"}
AUTO: Any = {"type": "code_interpreter", "container": {"type": "auto"}}


def test_a_state_comes_back_as_it_was(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([CodeInterpreter("1", files=[Image(content=b"a,b", filename="a.csv")]), Text("Done.")])
    conversation = client.conversations.create(items=[USER], metadata={"a": "b"}).id
    ask("Hi", conversation=conversation, tools=[AUTO])
    ask("Hi", store=False)
    before, texts = project.state(), project.transcripts()
    project.load_state(before)
    assert project.state() == before
    assert project.transcripts() == texts


def test_a_chain_goes_on_after_its_state_was_loaded(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([FunctionCall("get_weather", {"city": "Oslo"}), Text("Sunny.")])
    first = ask("Hi", tools=[WEATHER])
    project.load_state(project.state())
    second = ask(outputs(first, "sun"), previous_response_id=first.id)
    assert second.output_text == "Sunny."
    assert len(list(client.responses.input_items.list(second.id))) == 3


def test_a_conversation_may_be_written_by_hand(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    item = {"id": "msg_1", "role": "user", "content": "Before", "conversation_id": "conv_1"}
    project.load_state({"conversations": [{"id": "conv_1"}], "items": [item]})
    project.respond(lambda turn: turn.messages[0].text)
    assert ask("Hi", conversation="conv_1").output_text == "Before"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"conversations": [{"id": "conv_1", "metdata": {}}]}, "unknown key 'metdata'; did you mean 'metadata'?"),
        ({"items": [{"type": "message"}]}, r"items\[0\] must be an object with an id"),
        ({"items": [{"id": "x", "type": "web_search_call"}]}, r"items\[0\].type must be one of message, "),
    ],
)
def test_a_state_that_cannot_be_is_one_line(project: ProjectHandle, state: Any, message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        project.load_state(state)


def test_a_paused_response_of_a_state_is_resumed(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([Pause(), Text("Hello")])
    id = ask("Hi", background=True).id
    project.load_state(project.state())
    assert client.responses.retrieve(id).status == "in_progress"
    project.resume(id)
    assert client.responses.retrieve(id).status == "in_progress"
    project.resume(id)
    assert client.responses.retrieve(id).output_text == "Hello"


def test_a_fault_hits_a_response(ask: Ask, project: ProjectHandle) -> None:
    project.faults.add("POST /responses", status=429, times=1)
    with pytest.raises(openai.RateLimitError):
        ask("Hi")
    assert ask("Hi").output_text == "Echo: Hi"


def test_a_stuck_response_stays_in_progress(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.faults.add("POST /responses", stuck=True)
    id = ask("Hi", background=True).id
    assert client.responses.retrieve(id).status == "queued"


def test_a_stream_is_cut_by_a_fault(client: openai.OpenAI, project: ProjectHandle) -> None:
    project.faults.add("POST /responses", drop_after=3)
    seen: list[str] = []

    def read() -> None:
        for event in client.responses.create(model=MODEL, input="Hi", stream=True):
            seen.append(event.type)  # noqa: PERF401 - those that came before the error must stay

    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        read()
    assert seen == ["response.created", "response.in_progress", "response.output_item.added"]


def test_calls_are_in_the_request_log(ask: Ask, project: ProjectHandle) -> None:
    ask("Hi")
    (call,) = project.requests.where(path="/v1/responses")
    assert (call.method, call.status, call.body["input"]) == ("POST", 200, "Hi")


def test_a_reset_forgets_responses(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    id = ask("Hi").id
    project.reset()
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(id)
    assert ask("Hi").id == id


def test_an_exception_in_a_responder_fails_the_response(ask: Ask, project: ProjectHandle) -> None:
    @project.respond
    def broken() -> str:
        raise ValueError("No.")

    response = ask("Hi")
    assert (response.status, response.error.message) == ("failed", "The responder raised ValueError: No.")
    assert [failure.run_id for failure in project.failures] == [response.id]


def test_the_inspectors_pages_bear_responses(ask: Ask, project: ProjectHandle) -> None:
    ask("Hi")
    base = project.base_url.removesuffix("/v1")
    with httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {project.api_key}"}) as http:
        pages = [http.get(f"/_emulator/{page}", follow_redirects=True) for page in ("", "requests", "threads", "runs")]
    assert [page.status_code for page in pages if page.status_code not in (200, 404)] == []


SERVE = """
import sys
from assistants_emulator import Emulator, Pause, Text
with Emulator(data_dir=sys.argv[1]) as emulator:
    emulator.respond([Text("First."), Pause(), Text("Second.")])
    print(emulator.base_url, flush=True)
    sys.stdin.read()
"""


def test_a_response_under_way_goes_on_after_a_kill(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdin is not None
    with openai.OpenAI(base_url=server.stdout.readline().strip(), api_key="sk-x", max_retries=0) as client:
        id = client.responses.create(model=MODEL, input="Hi", background=True).id
        assert client.responses.retrieve(id).output_text == "First."
    os.kill(server.pid, signal.SIGKILL)
    server.wait()
    server.stdin.close()
    server.stdout.close()
    with Emulator(data_dir=tmp_path) as emulator, emulator.client() as client:
        emulator.respond([Text("First."), Pause(), Text("Second.")])
        assert client.responses.retrieve(id).status == "in_progress"
        emulator.resume(id)
        assert client.responses.retrieve(id).output_text == "First.Second."
