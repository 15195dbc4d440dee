"""`@pytest.mark.assistants(cassette=..., replay="semantic")`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from convert_helpers import message_object, messages_listed, run_polled, run_started, vcrpy

from assistants_emulator.recording import Cassette

Run = Callable[..., pytest.RunResult]

TEST = """
import pytest

@pytest.mark.assistants(cassette="CASSETTE", replay="semantic")
def test_inner(assistants_emulator, openai_client):
    client = openai_client
    assistant = client.beta.assistants.create(model="gpt-4o")
    for _ in range(ASKED):
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
        listed = client.beta.threads.messages.list(thread_id=thread.id, order="asc")
        assert [message.content[0].text.value for message in listed] == ["Hello", "Hi."]
"""


@pytest.fixture
def run_test(everything_is_imported: None, pytester: pytest.Pytester) -> Run:
    def run(cassette: str, *options: str, asked: int = 1) -> pytest.RunResult:
        pytester.makeini("[pytest]\nassistants_silence_deprecations = true\n")
        pytester.makepyfile(TEST.replace("CASSETTE", cassette).replace("ASKED", str(asked)))
        return pytester.runpytest("-p", "no:cacheprovider", *options)

    return run


def recorded(path: Path) -> None:
    Cassette([*run_started(), run_polled(), messages_listed(message_object("Hi."))]).save(path)


def test_a_test_gets_the_recorded_replies_however_it_asks(pytester: pytest.Pytester, run_test: Run) -> None:
    recorded(pytester.path / "hello.json")
    run_test("hello.json").assert_outcomes(passed=1)


def test_a_recording_of_another_tool_will_do(pytester: pytest.Pytester, run_test: Run) -> None:
    calls: list[dict[str, Any]] = []
    for exchange in [*run_started(), messages_listed(message_object("Hi."))]:
        assert exchange.response is not None
        body = exchange.response.body
        request = {"method": exchange.request.method, "uri": f"https://api.openai.com/v1{exchange.request.path}"}
        answer = {"status": {"code": 200}, "headers": {}, "parsed_body": body.value if body else None}
        calls.append({"request": request, "response": answer})
    (pytester.path / "hello.yaml").write_text(vcrpy(*calls))
    run_test("hello.yaml").assert_outcomes(passed=1)


def test_a_run_that_was_not_requested_is_reported(pytester: pytest.Pytester, run_test: Run) -> None:
    recorded(pytester.path / "hello.json")
    result = run_test("hello.json", asked=0)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*recorded, and not asked for: script replies?0?: message matches*"])


def test_one_run_more_than_was_recorded_fails(pytester: pytest.Pytester, run_test: Run) -> None:
    recorded(pytester.path / "hello.json")
    result = run_test("hello.json", asked=2)
    assert "used up (1 of 1 times)" in result.stdout.str()


def test_a_missing_cassette_is_reported(run_test: Run) -> None:
    result = run_test("hello.json")
    result.stdout.fnmatch_lines(["*there is no cassette */hello.json; --assistants-record=once records it"])


@pytest.mark.parametrize(
    ("keywords", "problem"),
    [
        ('cassette="a.json", replay="both"', "replay is 'calls' or 'semantic', not 'both'"),
        ('replay="semantic"', "replay says how a cassette is replayed, and there is no cassette"),
        ('cassette="a.json", replay="semantic", script={}', "a test has a cassette or a script, not both"),
    ],
)
def test_a_mistake_in_the_marker_is_one_line(
    everything_is_imported: None, pytester: pytest.Pytester, keywords: str, problem: str
) -> None:
    source = f"import pytest\n@pytest.mark.assistants({keywords})\ndef test_inner(assistants_emulator): pass\n"
    pytester.makepyfile(source)
    result = pytester.runpytest("-p", "no:cacheprovider")
    assert problem in result.stdout.str()
