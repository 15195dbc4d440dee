"""The section `assistants emulator` of a failing test's report."""

from __future__ import annotations

from plugin_helpers import RunTests


def test_a_failing_test_shows_its_requests_and_transcripts(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond("Hi there.")
            ask(openai_client)
            assert False
    """)
    result.assert_outcomes(failed=1)
    section = ["*- assistants emulator -*", "requests (4):", "  POST /v1/assistants 200"]
    result.stdout.fnmatch_lines([*section, "thread_*:", "  user: Hello", "  assistant: Hi there.", "  run completed"])


def test_only_the_newest_requests_and_threads_are_shown(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_it(assistants_emulator, openai_client):
            for _ in range(60):
                openai_client.beta.threads.create()
            assert False
    """)
    result.stdout.fnmatch_lines(["requests (10 older ones are not shown):"])
    assert sum(line == "  POST /v1/threads 200" for line in result.outlines) == 50
    assert sum(line.startswith("thread_") for line in result.outlines) == 5


def test_a_test_that_passes_or_uses_no_fixture_has_no_section(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_passes(openai_client):
            ask(openai_client)

        def test_plain():
            assert False
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*assistants emulator*")


def test_a_fixture_that_fails_on_top_of_ours_has_it_too(run_tests: RunTests) -> None:
    result = run_tests("""
        @pytest.fixture
        def assistant(openai_client):
            return openai_client.beta.assistants.create(model=1)

        def test_it(assistant):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["requests (1):", "  POST /v1/assistants 400: Invalid type for 'model': *"])
