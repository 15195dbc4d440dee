"""Tests with cassettes: replayed by default, recorded with an option."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from plugin_helpers import RunTests

from assistants_emulator import Emulator
from assistants_emulator.recording import Cassette

ASK = """
    @pytest.mark.assistants(cassette="hello.json")
    def test_it(openai_client):
        assert ask(openai_client).status == "completed"
"""


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Emulator(clock="manual") as emulator:
        yield emulator


def recording(upstream: Emulator, mode: str = "once") -> tuple[str, ...]:
    return f"--assistants-record={mode}", f"--assistants-upstream={upstream.base_url}"


def test_a_test_is_recorded_once_and_replayed_from_then_on(run_tests: RunTests, upstream: Emulator) -> None:
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    asked = len(upstream.requests)
    assert asked == 4
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    run_tests(ASK).assert_outcomes(passed=1)
    assert len(upstream.requests) == asked


def test_an_async_client_replays_too(run_tests: RunTests, upstream: Emulator) -> None:
    source = """
        import asyncio

        @pytest.mark.assistants(cassette="async.json")
        def test_it(async_openai_client):
            assert asyncio.run(async_openai_client.beta.threads.create()).id.startswith("thread_")
    """
    run_tests(source, *recording(upstream)).assert_outcomes(passed=1)
    run_tests(source).assert_outcomes(passed=1)


def test_a_cassette_is_next_to_the_test_file(
    run_tests: RunTests, upstream: Emulator, pytester: pytest.Pytester
) -> None:
    run_tests(ASK, *recording(upstream), file="deep/test_inner.py").assert_outcomes(passed=1)
    assert (pytester.path / "deep" / "hello.json").is_file()


def test_new_episodes_are_added(run_tests: RunTests, upstream: Emulator, pytester: pytest.Pytester) -> None:
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    more = f"{ASK}        openai_client.beta.threads.create(metadata={{'more': 'yes'}})\n"
    run_tests(more, *recording(upstream, "new_episodes")).assert_outcomes(passed=1)
    assert len(upstream.requests) == 5
    assert len(Cassette.load(pytester.path / "hello.json").exchanges) == 5


def test_mode_all_records_everything_again(run_tests: RunTests, upstream: Emulator, pytester: pytest.Pytester) -> None:
    for _ in range(2):
        run_tests(ASK, *recording(upstream, "all")).assert_outcomes(passed=1)
    assert len(upstream.requests) == 8
    assert len(Cassette.load(pytester.path / "hello.json").exchanges) == 4


def test_an_unrecorded_call_fails_the_test(run_tests: RunTests, upstream: Emulator) -> None:
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    result = run_tests("""
        @pytest.mark.assistants(cassette="hello.json")
        def test_it(openai_client):
            with pytest.raises(Exception, match="501"):
                ask(openai_client, "Goodbye")
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "No recorded request matches POST /threads. The nearest is exchange 2, POST /threads: "
                "body.messages?0?.content is 'Goodbye', recorded was 'Hello'"
            )
        ]
    )


def test_a_test_that_expects_a_miss_takes_it_out(run_tests: RunTests, upstream: Emulator) -> None:
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    result = run_tests("""
        @pytest.mark.assistants(cassette="hello.json")
        def test_it(assistants_emulator, openai_client):
            with pytest.raises(Exception, match="501"):
                openai_client.files.list()
            assert assistants_emulator.unmatched.pop().request.path == "/files"
    """)
    result.assert_outcomes(passed=1)


def test_unused_exchanges_are_reported_and_fail_nothing(run_tests: RunTests, upstream: Emulator) -> None:
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    result = run_tests("""
        @pytest.mark.assistants(cassette="hello.json")
        def test_it(openai_client):
            openai_client.beta.assistants.create(model="gpt-4o", name="Tutor")
    """)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_inner.py::test_it: POST /threads in hello.json was never asked for"])


def test_the_upstream_may_be_in_the_environment(
    run_tests: RunTests, upstream: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", upstream.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-emulator-mine")
    run_tests(ASK, "--assistants-record=once").assert_outcomes(passed=1)
    assert len(upstream.project("mine").requests) == 4


def test_the_upstream_may_be_in_the_ini_file(run_tests: RunTests, upstream: Emulator) -> None:
    ini = f"assistants_upstream = {upstream.base_url}"
    run_tests(ASK, "--assistants-record=once", ini=ini).assert_outcomes(passed=1)


def test_names_to_scrub_are_in_the_ini_file(run_tests: RunTests, upstream: Emulator, pytester: pytest.Pytester) -> None:
    ini = "assistants_scrub =\n    name\n    /He[l]+o/"
    run_tests(ASK, *recording(upstream), ini=ini).assert_outcomes(passed=1)
    text = (pytester.path / "hello.json").read_text()
    assert "Tutor" not in text
    assert "Hello" not in text
    run_tests(ASK, ini=ini).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "mode", "told"),
    [
        ("cassette='none.json'", "none", "there is no cassette *none.json; --assistants-record=once records it"),
        ("cassette='none.json'", "once", "no server to record from: name one with --assistants-upstream URL, *"),
        ("cassette='none.json', script={}", "none", "a test has a cassette or a script, not both: *"),
    ],
)
@pytest.mark.usefixtures("upstream")
def test_a_cassette_that_cannot_be_had_is_one_line(run_tests: RunTests, marker: str, mode: str, told: str) -> None:
    source = f"@pytest.mark.assistants({marker})\ndef test_it(openai_client): pass"
    result = run_tests(source, f"--assistants-record={mode}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])


def test_methods_that_a_cassette_does_not_support_are_errors(run_tests: RunTests, upstream: Emulator) -> None:
    run_tests(ASK, *recording(upstream)).assert_outcomes(passed=1)
    result = run_tests("""
        @pytest.mark.assistants(cassette="hello.json")
        def test_it(assistants_emulator):
            assistants_emulator.respond("Hi")
    """)
    result.stdout.fnmatch_lines(["*`respond` is not available in a test with a cassette*"])
