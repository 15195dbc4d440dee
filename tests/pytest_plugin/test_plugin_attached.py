"""`--assistants-url`: the same tests against a running emulator."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest
from plugin_helpers import RunTests

from assistants_emulator import Emulator
from assistants_emulator.config import VERSION

TWO_RUNS = """
    from pathlib import Path
    from assistants_emulator import CodeInterpreter, FileSearch, Text

    @pytest.mark.assistants(strict_tools=False)
    def test_it(assistants_emulator, openai_client):
        assistants_emulator.respond([CodeInterpreter("print(1)", logs="1"), "{One}"], times=1)
        assistants_emulator.respond([Text("Two"), FileSearch(results=[]), CodeInterpreter("2"), Text("Three")])
        run = ask(openai_client)
        openai_client.beta.threads.messages.create(run.thread_id, role="user", content="And?")
        openai_client.beta.threads.runs.create_and_poll(thread_id=run.thread_id, assistant_id=run.assistant_id)
        Path("transcript.txt").write_text(f"{run.id} {assistants_emulator.transcript(run.thread_id)}")
"""


@pytest.fixture
def url() -> Iterator[str]:
    with Emulator(clock="manual", strict_tools=False) as emulator:
        yield emulator.base_url


def test_ids_and_transcripts_are_those_of_an_own_server(
    run_tests: RunTests, pytester: pytest.Pytester, url: str
) -> None:
    written = pytester.path / "transcript.txt"
    run_tests(TWO_RUNS).assert_outcomes(passed=1)
    own = written.read_text()
    assert "{One}" in own
    run_tests(TWO_RUNS, "--assistants-url", url).assert_outcomes(passed=1)
    assert written.read_text() == own


def test_an_emulator_that_needs_its_token_gets_it_from_the_environment(
    run_tests: RunTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "def test_it(assistants_emulator): assistants_emulator.respond('Hello')"
    with Emulator(clock="manual", allow_code_execution=True) as emulator:
        run_tests(source, "--assistants-url", emulator.base_url).assert_outcomes(errors=1)
        monkeypatch.setenv("ASSISTANTS_EMULATOR_TOKEN", emulator.token)
        run_tests(source, "--assistants-url", emulator.base_url).assert_outcomes(passed=1)


def test_a_variant_of_the_calls_is_set(run_tests: RunTests, url: str) -> None:
    source = """
        def test_it(assistants_emulator, openai_client):
            assert ask(openai_client).status == "completed"
            (expired,) = [each for each in assistants_emulator.variants() if each.effect == "expired"]
            assistants_emulator.reset()
            assistants_emulator.vary(expired)
            assert ask(openai_client).status == "expired"
            assert assistants_emulator.variant_met
    """
    run_tests(source, "--assistants-url", url).assert_outcomes(passed=1)


def test_clock_requests_reset_and_resume_work(run_tests: RunTests, url: str) -> None:
    result = run_tests(
        """
        from assistants_emulator import Pause

        def test_it(assistants_emulator, openai_client):
            assistants_emulator.clock.set(1000)
            assistants_emulator.clock.advance(10)
            assert assistants_emulator.clock.now() == 1010
            assistants_emulator.respond([Pause(), "done"], when={"message": "Hello"}, assistant="Tutor")
            assistant = openai_client.beta.assistants.create(model="gpt-4o", name="Tutor")
            thread = openai_client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
            run = openai_client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
            retrieve = lambda: openai_client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status
            assert retrieve() == "in_progress"
            assistants_emulator.resume(run.id)
            assert retrieve() == "completed"
            assert [call.status for call in assistants_emulator.requests] == [200] * 5
            assert assistants_emulator.requests[0].body == {"model": "gpt-4o", "name": "Tutor"}
            assert assistants_emulator.requests.where(method="POST", path="/assistants").one().status == 200
            assistants_emulator.reset()
            assert not assistants_emulator.requests
        """,
        *("--assistants-url", url),
    )
    result.assert_outcomes(passed=1)


def test_faults_are_added_looked_at_and_cleared(run_tests: RunTests, url: str) -> None:
    result = run_tests(
        """
        def test_it(assistants_emulator, openai_client):
            faults = assistants_emulator.faults
            faults.add("POST /threads", status=503, times=1)
            openai_client.beta.threads.create()
            assert [call.fault for call in assistants_emulator.requests] == ["POST /threads", None]
            assert [(fault.route, fault.status, fault.used) for fault in faults] == [("POST /threads", 503, 1)]
            faults.clear()
            assert list(faults) == []
        """,
        *("--assistants-url", url),
    )
    result.assert_outcomes(passed=1)


def test_a_fault_that_cannot_be_is_refused_as_by_an_own_server(run_tests: RunTests, url: str) -> None:
    source = "def test_it(assistants_emulator): assistants_emulator.faults.add('threads')"
    for options in ((), ("--assistants-url", url)):
        run_tests(source, *options).stdout.fnmatch_lines(["E*EmulatorError: a fault's route is like * not 'threads'"])


def test_the_clock_is_that_of_the_test_and_not_that_of_the_emulator(run_tests: RunTests) -> None:
    source = """
        @pytest.mark.parametrize("clock", [pytest.param(None), pytest.param("system", marks=SYSTEM)])
        def test_it(assistants_emulator, clock):
            assert (assistants_emulator.clock.now() == 1735689600) == (clock is None)
    """
    system = 'SYSTEM = pytest.mark.assistants(clock="system")\n'
    with Emulator(clock="system") as emulator:
        run_tests(system + dedent(source), "--assistants-url", emulator.base_url).assert_outcomes(passed=2)


def test_an_emulator_of_another_version_is_refused(
    run_tests: RunTests, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_assistants_emulator.control.VERSION", "0.0.9")
    result = run_tests("def test_it(assistants_emulator): pass", "--assistants-url", url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"--assistants-url: the emulator at * has the version {VERSION}, * here 0.0.9: *"])


def test_a_transcript_of_a_thread_that_does_not_exist_is_an_error(run_tests: RunTests, url: str) -> None:
    source = "def test_it(assistants_emulator): assistants_emulator.transcript('thread_x')"
    result = run_tests(source, "--assistants-url", url)
    result.stdout.fnmatch_lines(["E*EmulatorError: there is no thread, conversation or response 'thread_x' in *"])


def test_transcripts_of_responses_are_those_of_an_own_server(
    run_tests: RunTests, pytester: pytest.Pytester, url: str
) -> None:
    source = """
        from pathlib import Path

        def test_it(assistants_emulator, openai_client):
            conversation = openai_client.conversations.create()
            openai_client.responses.create(model="gpt-4o", input="Hi", conversation=conversation.id)
            chain = openai_client.responses.create(model="gpt-4o", input="Hello", store=False)
            ask(openai_client)
            texts = assistants_emulator.transcripts(portable=True)
            assert texts[chain.id] == assistants_emulator.transcript(chain.id, portable=True)
            assert list(assistants_emulator.transcripts(2).values()) == list(texts.values())[1:]
            Path("transcript.txt").write_text(repr(texts))
    """
    run_tests(source).assert_outcomes(passed=1)
    own = (pytester.path / "transcript.txt").read_text()
    assert own.count("run completed") == 3
    run_tests(source, "--assistants-url", url).assert_outcomes(passed=1)
    assert (pytester.path / "transcript.txt").read_text() == own


def test_an_address_without_an_emulator_is_an_error(run_tests: RunTests) -> None:
    result = run_tests("def test_it(assistants_emulator): pass", "--assistants-url", "http://127.0.0.1:9")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["--assistants-url: no emulator answers at http://127.0.0.1:9: *"])


def test_separate_keys_need_an_emulator_of_the_sessions_own(run_tests: RunTests, url: str) -> None:
    source = "@pytest.mark.assistants(keys='separate')\ndef test_it(assistants_emulator): pass"
    result = run_tests(source, "--assistants-url", url)
    result.assert_outcomes(errors=1)
    line = "keys='separate' needs an emulator of the session's own: * `assistants_emulator_command`"
    result.stdout.fnmatch_lines([line])
