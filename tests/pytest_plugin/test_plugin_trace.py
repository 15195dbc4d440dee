"""A failing test can be looked at: kept for the inspector, or written to a file."""

from __future__ import annotations

import re

import pytest
from plugin_helpers import RunTests

FAILS = """
    def test_it(assistants_emulator, openai_client):
        assistants_emulator.respond("Sunny.", when="weather")
        assistants_emulator.respond("It is <late>.", when="Hello")
        ask(openai_client)
        assert False, "look at it"

    def test_passes(openai_client):
        ask(openai_client)
"""


def test_a_trace_has_all_that_is_known_of_a_failing_test(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    result = run_tests(FAILS, "test_inner.py", "--assistants-trace=traces")
    result.assert_outcomes(passed=1, failed=1)
    (trace,) = (pytester.path / "traces").iterdir()
    result.stdout.fnmatch_lines([f"trace: *{trace.name}"])
    page = trace.read_text()
    assert "look at it" in page
    assert "assistant: It is &lt;late&gt;." in page
    assert "respond(str): message matches &#x27;weather&#x27;; but message is &#x27;Hello&#x27;" in page
    assert "message matches &#x27;Hello&#x27;; it answered" in page
    assert "POST /v1/threads 200" in page
    assert "<script" not in page
    assert "http" not in re.sub(r"https?://127\.0\.0\.1[^\s<]*", "", page.partition("<h2>")[2])


def test_a_test_that_fails_for_what_went_wrong_unnoticed_has_a_trace_too(
    run_tests: RunTests, pytester: pytest.Pytester
) -> None:
    source = """
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond("Hi.", times=2)
            ask(openai_client)
    """
    run_tests(source, "test_inner.py", "--assistants-trace=traces").assert_outcomes(passed=1, errors=1)
    (trace,) = (pytester.path / "traces").iterdir()
    assert "used 1 of 2 times" in trace.read_text()


def test_the_projects_of_failing_tests_are_kept_until_the_end(run_tests: RunTests) -> None:
    source = f"""{FAILS}
    def test_after_it(assistants_emulator, request):
        import httpx2

        (url,) = request.config.stash[SESSION].kept.values()
        page = httpx2.get(url + "/threads", headers={{"accept": "text/html"}})
        assert page.status_code == 200
        assert "thread_" in page.text

    from pytest_assistants_emulator.session import SESSION
    """
    result = run_tests(source, "test_inner.py", "--assistants-inspect")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["inspector: http://127.0.0.1:*/_emulator/projects/test_inner.py*test_it*"])
