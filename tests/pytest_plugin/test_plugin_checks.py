"""Checks at the end of a test, and how a test declares an expected failure."""

from __future__ import annotations

import pytest
from plugin_helpers import RunTests

RAISES = """
    def test_it(assistants_emulator, openai_client):
        @assistants_emulator.respond()
        def responder(turn):
            raise LookupError("no such city")
        ask(openai_client)
"""


def test_an_exception_in_a_responder_is_raised_with_its_traceback(run_tests: RunTests) -> None:
    result = run_tests(RAISES)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ['>*raise LookupError("no such city")', "E*LookupError: no such city", "test_inner.py:*: LookupError"],
        consecutive=False,
    )
    result.stdout.no_fnmatch_line("*assistants_emulator/runs*")


def test_it_is_raised_even_if_the_test_did_not_wait_for_the_run(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond(lambda turn: 1 / 0)
            assistant = openai_client.beta.assistants.create(model="gpt-4o")
            thread = {"messages": [{"role": "user", "content": "Hello"}]}
            openai_client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*ZeroDivisionError: division by zero"])


def test_several_exceptions_are_raised_as_a_group(run_tests: RunTests) -> None:
    result = run_tests(RAISES + "        ask(openai_client)\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ExceptionGroup: while the assistants emulator was used (2 sub-exceptions)*"])


def test_a_test_takes_out_the_exception_it_expects(run_tests: RunTests) -> None:
    expected = "        assert str(assistants_emulator.failures.pop().error) == 'no such city'\n"
    run_tests(RAISES + expected).assert_outcomes(passed=1)


def test_a_failed_test_does_not_fail_twice_but_shows_the_exception(run_tests: RunTests) -> None:
    result = run_tests(RAISES + "        assert False\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- assistants emulator -*", "a responder raised, in run_*", "LookupError: no such city"]
    )


def test_an_unmatched_run_is_reported_with_the_rules_conditions(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond("Sunny.", when="weather")
            ask(openai_client, "Hello")
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["No rule matches this run: *'Hello'*", "*message matches 'weather'*"])
    result.stdout.no_fnmatch_line("*traceback entries are hidden*")


def test_a_test_clears_the_unmatched_runs_it_expects(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond("Sunny.", when="weather")
            assert ask(openai_client, "Hello").last_error.code == "server_error"
            assistants_emulator.unmatched.clear()
    """)
    result.assert_outcomes(passed=1)


LEFT_OVER = """
    def test_it(assistants_emulator, openai_client):
        assistants_emulator.respond("Hi.", times=2)
        ask(openai_client)
"""


def test_a_rule_with_times_left_over_is_reported(run_tests: RunTests) -> None:
    result = run_tests(LEFT_OVER)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["Rules and faults with `times` left over*", "- respond(str):*(used 1 of 2 times)"])


def test_left_over_rules_of_a_failed_or_skipped_test_are_not_reported(run_tests: RunTests) -> None:
    run_tests(LEFT_OVER + "        assert False\n").assert_outcomes(failed=1)
    run_tests(LEFT_OVER + "        pytest.skip()\n").assert_outcomes(skipped=1)
    run_tests(LEFT_OVER + "        pytest.xfail()\n").assert_outcomes(xfailed=1)


def test_an_exception_in_the_middle_of_a_stream_fails_the_test_that_read_it(run_tests: RunTests) -> None:
    result = run_tests("""
        import openai

        def test_it(openai_client, monkeypatch):
            def broken_frame(name, data):
                raise LookupError(f"no frame for {name}")

            monkeypatch.setattr("assistants_emulator.web.streams.frame", broken_frame)
            assistant = openai_client.beta.assistants.create(model="gpt-4o", instructions="Hi")
            with pytest.raises(openai.APIConnectionError):
                list(openai_client.beta.threads.create_and_run(assistant_id=assistant.id, stream=True))
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*LookupError: no frame for thread.created", "E*while the events of run_* were sent"])


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_value_that_is_no_reply_is_told_at_the_line_that_yields_it(run_tests: RunTests, kind: str) -> None:
    result = run_tests(f"""
        def test_it(assistants_emulator, openai_client):
            @assistants_emulator.respond
            {kind} answer(turn):
                yield "Hi."
                yield 42
            ask(openai_client)
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*yield 42", "E*ScriptError: *42*"])
    result.stdout.no_fnmatch_line("*responders/sources.py*")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_reply_that_the_run_does_not_allow_is_told_at_the_line_that_yields_it(run_tests: RunTests, kind: str) -> None:
    result = run_tests(f"""
        from assistants_emulator import FunctionCall

        def test_it(assistants_emulator, openai_client):
            @assistants_emulator.respond
            {kind} answer(turn):
                yield "Hi."
                yield FunctionCall("get_weather")
            ask(openai_client)
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*yield FunctionCall(*", "E*ScriptError: the responder calls 'get_weather'*"])
    result.stdout.no_fnmatch_line("*assistants_emulator/*.py:*")


@pytest.mark.parametrize("body", ["pass", "assert False"])
def test_one_in_a_list_is_told_without_the_emulators_own_frames(run_tests: RunTests, body: str) -> None:
    source = """
        from assistants_emulator import FunctionCall

        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond([FunctionCall("get_weather")])
            ask(openai_client)
            BODY
    """
    told = "*ScriptError: the responder calls 'get_weather'*; it declares no function. Declare*"
    result = run_tests(source.replace("BODY", body))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("*assistants_emulator/*.py:*")
    result.stdout.no_fnmatch_line("*traceback entries are hidden*")
