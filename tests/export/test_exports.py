"""What is copied from the page of a thread or a run: it runs, and does again what was done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from assistants_emulator import (
    Cancel,
    CodeInterpreter,
    Emulator,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Json,
    Refusal,
    Text,
)
from assistants_emulator.inspector import exports
from assistants_emulator.inspector.exports import FORMS
from assistants_emulator.recording import Player

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 60
FUNCTION = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
Export = Callable[..., str]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(clock="manual", strict_tools=False) as running:
        yield running


@pytest.fixture
def export(emulator: Emulator) -> Iterator[Export]:
    """`export(form, thread_id, run_id)`: the text of that button."""
    with httpx2.Client(base_url=f"{emulator.inspector_url}projects/default/") as browser:

        def export(form: str, thread_id: str, run_id: str | None = None) -> str:
            of_run = "" if run_id is None else f"/runs/{run_id}"
            answer = browser.get(f"threads/{thread_id}{of_run}/export/{form}")
            assert answer.status_code == 200, answer.text
            return answer.text

        yield export


def converse(emulator: Emulator, *questions: Any, **options: Any) -> str:
    """A thread in which each question was run; options are the assistant's. Outputs of functions are `out0`, `out1`."""
    beta = emulator.client().beta
    assistant = beta.assistants.create(**{"model": "gpt-4o", "name": "Tutor", **options})
    thread = beta.threads.create()
    for question in questions:
        beta.threads.messages.create(thread.id, role="user", content=question)
        run = beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        while run.status == "requires_action" and run.required_action:
            calls = run.required_action.submit_tool_outputs.tool_calls
            outputs = [{"tool_call_id": call.id, "output": f"out{number}"} for number, call in enumerate(calls)]
            run = beta.threads.runs.submit_tool_outputs_and_poll(
                run_id=run.id, thread_id=thread.id, tool_outputs=outputs
            )
    return thread.id


REPLIES = {
    "text": 'Hello {message}, it\'s "me"\nagain \\o/',
    "json": Json({"city": "Oslo"}),
    "refusal": Refusal("I will not."),
    "one call": [FunctionCall("get_weather", {"city": "Oslo"}), "It is sunny."],
    "calls": [[FunctionCall("get_weather", {"city": "Oslo"}), FunctionCall("get_weather", '{"city" : 1}')], "Sunny."],
    "call after call": [FunctionCall("get_weather"), FunctionCall("get_weather", {"of": [1, None]}), "Sunny."],
    "code": [CodeInterpreter("print(1)\nprint(2)", logs="1\n2\n", images=[Image(content=PNG)]), "Done."],
    "search": [FileSearch(), Text("There is none.")],
    "failure": Fail("rate_limit_exceeded", "Too much."),
    "message, then failure": [Text("I was"), Fail("server_error", "Broken.")],
    "cut short": [Text("A long story", then=Incomplete("max_completion_tokens"))],
    "filtered": Incomplete("content_filter"),
    "expired": Expire(),
    "cancelled": [Text("I was"), Cancel()],
}


def test_copied_tests_pass(emulator: Emulator, export: Export, pytester: pytest.Pytester) -> None:
    for number, reply in enumerate(REPLIES.values()):
        emulator.respond(reply, times=2)
        thread_id = converse(emulator, "What is it?", "And now?", tools=[FUNCTION])
        pytester.makepyfile(**{f"test_{number}": export("pytest", thread_id)})
    pytester.runpytest().assert_outcomes(passed=len(REPLIES))


def test_a_copied_test_brings_its_files(emulator: Emulator, export: Export, pytester: pytest.Pytester) -> None:
    client = emulator.client()
    menu = client.files.create(file=("menu.txt", b"There is cake.\n"), purpose="assistants")
    picture = client.files.create(file=("cake.png", PNG), purpose="vision")
    store = client.vector_stores.create(name="Menus", file_ids=[menu.id])
    emulator.respond([FileSearch(), Text("Cake.", citations=[{"file": "menu.txt", "quote": "There is cake."}])])
    question = [{"type": "text", "text": "This?"}, {"type": "image_file", "image_file": {"file_id": picture.id}}]
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    thread_id = converse(emulator, question, tools=[{"type": "file_search"}], tool_resources=resources)
    source = export("pytest", thread_id)
    assert '"quote": "There is cake."' in source
    pytester.makepyfile(source)
    pytester.runpytest().assert_outcomes(passed=1)


def test_a_copied_test_waits_as_its_run_did(emulator: Emulator, export: Export, pytester: pytest.Pytester) -> None:
    emulator.respond([FunctionCall("get_weather"), "Sunny."])
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", tools=[FUNCTION])
    thread = beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])
    for end in (
        beta.threads.runs.cancel,
        lambda id, thread_id: emulator.clock.advance(601),
        lambda id, thread_id: None,
    ):
        run = beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant.id, instructions="Be quick."
        )
        end(run.id, thread_id=thread.id)
    source = export("pytest", thread.id)
    pytester.makepyfile(source)
    pytester.runpytest().assert_outcomes(passed=1)
    assert [word in source for word in ("runs.cancel(", "clock.set(", "run requires_action")] == [True] * 3


def test_a_test_copied_from_a_run_ends_with_it(emulator: Emulator, export: Export, pytester: pytest.Pytester) -> None:
    emulator.respond("One.", times=1)
    emulator.respond("Two.", times=1)
    thread_id = converse(emulator, "First?", "Second?")
    first = emulator.client().beta.threads.runs.list(thread_id, order="asc").data[0]
    source = export("pytest", thread_id, first.id)
    pytester.makepyfile(source)
    pytester.runpytest().assert_outcomes(passed=1)
    assert [word in source for word in ("First?", "One.", "Second?", "Two.")] == [True, True, False, False]


@pytest.mark.parametrize("reply", [name for name in REPLIES if name != "cancelled"])
def test_a_copied_rule_answers_the_same(emulator: Emulator, export: Export, reply: str) -> None:
    emulator.respond(REPLIES[reply])
    thread_id = converse(emulator, "What is it?", tools=[FUNCTION])
    with Emulator(clock="manual", strict_tools=False) as again:
        again.load_script(yaml.safe_load(export("rule", thread_id)))
        assert again.transcript(converse(again, "What is it?", tools=[FUNCTION])) == emulator.transcript(thread_id)


def test_a_rule_copied_from_a_run_is_that_of_the_run(emulator: Emulator, export: Export) -> None:
    emulator.respond("One.", times=1)
    emulator.respond("Two.", times=1)
    thread_id = converse(emulator, "First?", "Second?")
    newest = emulator.client().beta.threads.runs.list(thread_id).data[0]
    rule = {"when": {"message": r"^Second\?\Z"}, "times": 1, "do": [{"text": "Two."}]}
    assert yaml.safe_load(export("rule", thread_id, newest.id)) == {"version": 1, "replies": [rule]}


def test_a_copied_transcript_is_that_of_the_thread(emulator: Emulator, export: Export) -> None:
    thread_id = converse(emulator, "Hello?")
    assert export("transcript", thread_id) == emulator.transcript(thread_id)


def test_copied_curl_commands_ask_again(emulator: Emulator, export: Export) -> None:
    emulator.respond("It's me.")
    thread_id = converse(emulator, 'It\'s "who"?')
    run = emulator.client().beta.threads.runs.list(thread_id).data[0]
    subprocess.run(["sh", "-ec", export("curl", thread_id, run.id)], check=True, capture_output=True)
    lines = emulator.transcript(thread_id).splitlines()
    assert lines == ['user: It\'s "who"?', "assistant: It's me.", "run completed"] * 2


def test_a_saved_cassette_plays_the_session(emulator: Emulator, export: Export, tmp_path: Path) -> None:
    emulator.respond([FunctionCall("get_weather"), "It is sunny."])
    thread_id = converse(emulator, "Weather?", tools=[FUNCTION])
    cassette = tmp_path / "weather.json"
    cassette.write_text(export("cassette", thread_id))
    with Player(cassette) as player:
        beta = player.client().beta
        assistant = beta.assistants.create(model="gpt-4o", name="Tutor", tools=[FUNCTION])
        thread = beta.threads.create()
        beta.threads.messages.create(thread.id, role="user", content="Weather?")
        run = beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        (call,) = run.required_action.submit_tool_outputs.tool_calls
        outputs = [{"tool_call_id": call.id, "output": "out0"}]
        beta.threads.runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread.id, tool_outputs=outputs)
        (newest, *_) = beta.threads.messages.list(thread.id).data
        assert newest.content[0].text.value == "It is sunny."
        assert player.unmatched == []


def test_exports_are_plain_text_that_no_browser_runs(emulator: Emulator) -> None:
    thread_id = converse(emulator, "<script>alert(1)</script>")
    for form in FORMS:
        answer = httpx2.get(f"{emulator.inspector_url}projects/default/threads/{thread_id}/export/{form}")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_thread_that_is_too_long_is_refused_with_the_bound(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_ENTRIES", 2)
    thread_id = converse(emulator, "Hello?")
    answer = httpx2.get(f"{emulator.inspector_url}projects/default/threads/{thread_id}/export/pytest")
    assert answer.status_code == 413
    assert "The thread has 3 messages and runs, and an export holds 2." in answer.text


def test_an_export_of_many_turns_grows_with_their_number(emulator: Emulator, export: Export) -> None:
    emulator.respond("One.")
    sizes = [len(export("cassette", converse(emulator, *["Hello?"] * count))) for count in (40, 80)]
    assert sizes[1] < 2.5 * sizes[0]


def test_an_unknown_export_is_refused_with_the_list(emulator: Emulator) -> None:
    thread_id = converse(emulator, "Hello?")
    answer = httpx2.get(f"{emulator.inspector_url}projects/default/threads/{thread_id}/export/pdf")
    assert answer.status_code == 404
    assert "There is no export &#39;pdf&#39;; there are rule, pytest, transcript, curl, cassette." in answer.text


@pytest.mark.parametrize("of_run", [False, True], ids=["thread", "run"])
def test_a_page_has_a_button_for_each_export(emulator: Emulator, of_run: bool) -> None:
    thread_id = converse(emulator, "Hello?")
    run = emulator.client().beta.threads.runs.list(thread_id).data[0]
    page = httpx2.get(f"{emulator.inspector_url}projects/default/threads/{thread_id}{f'/runs/{run.id}' * of_run}").text
    assert [f">{form.label}</a>" in page for form in FORMS.values()] == [True] * 5
