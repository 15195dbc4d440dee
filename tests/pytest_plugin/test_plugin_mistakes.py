"""Mistakes that used to pass in silence: each fails a test or is told, with what to write instead."""

from __future__ import annotations

import pytest
from plugin_helpers import RunTests

TOOL = '{"type": "function", "function": {"name": "get_weather"}}'
CALLS = f"""
    from assistants_emulator import CodeInterpreter, FileSearch, FunctionCall

    def run(client):
        assistant = client.beta.assistants.create(model="gpt-4o", instructions="Hi", tools=[{TOOL}])
        return client.beta.threads.create_and_run_poll(assistant_id=assistant.id)
"""


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (
            'FunctionCall("get_wether")',
            "calls 'get_wether', which the run * declare; did you mean 'get_weather'?",
        ),
        ('FunctionCall("book")', "calls 'book', which the run does not declare; it declares get_weather"),
        ("FileSearch(results=[])", "replies with FileSearch, and the run has no file_search"),
        ('CodeInterpreter("1")', "replies with CodeInterpreter, and the run has no code_interpreter"),
    ],
)
def test_a_tool_that_the_run_does_not_declare_fails_it_and_the_test(run_tests: RunTests, reply: str, told: str) -> None:
    source = f"""{CALLS}
    def test_it(assistants_emulator, openai_client):
        assistants_emulator.respond([{reply}, "done"])
        assert run(openai_client).status == "failed"
    """
    result = run_tests(source)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*ScriptError: the responder {told}*"])


@pytest.mark.parametrize(
    ("marker", "ini"), [("@pytest.mark.assistants(strict_tools=False)", ""), ("", "assistants_strict_tools = false")]
)
def test_the_marker_and_the_ini_option_turn_that_off(run_tests: RunTests, marker: str, ini: str) -> None:
    source = f"""{CALLS}
    {marker}
    def test_it(assistants_emulator, openai_client):
        assistants_emulator.respond(FunctionCall("other"))
        assert run(openai_client).status == "requires_action"
    """
    run_tests(source, ini=ini).assert_outcomes(passed=1)


def test_for_an_adopted_assistant_it_is_a_remark(run_tests: RunTests) -> None:
    source = """
        from assistants_emulator import FunctionCall

        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond(FunctionCall("get_weather"))
            thread = openai_client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
            runs = openai_client.beta.threads.runs
            assert runs.create_and_poll(thread_id=thread.id, assistant_id="asst_x").status == "requires_action"
    """
    result = run_tests(source, ini="assistants_adopt_ids = true")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the responder calls 'get_weather', which the run does not declare; *was adopted*"])


def test_a_run_that_is_left_waiting_for_outputs_is_told_or_fails_the_test(run_tests: RunTests) -> None:
    source = f"""{CALLS}
    def test_it(assistants_emulator, openai_client):
        assistants_emulator.respond(FunctionCall("get_weather"))
        run(openai_client)
    """
    told = "*run_* waits for the output of get_weather, and the test ended without it"
    result = run_tests(source)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([told])
    result = run_tests(source, ini="assistants_open_runs = error")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([told])


def test_a_second_fallback_of_a_test_is_an_error_and_one_over_a_fixtures_is_none(run_tests: RunTests) -> None:
    result = run_tests("""
        @pytest.fixture
        def desk(assistants_emulator):
            assistants_emulator.respond("from the fixture")

        def test_over_a_fixture(desk, assistants_emulator):
            assistants_emulator.respond("from the test")

        def test_twice(assistants_emulator):
            assistants_emulator.respond("first")
            assistants_emulator.respond("second")
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*ScriptError: a rule without `when` and `times` is the fallback, and there is one*"])


def test_a_second_fallback_of_a_script_is_an_error_with_its_place(
    run_tests: RunTests, pytester: pytest.Pytester
) -> None:
    (pytester.path / "two.yaml").write_text("version: 1\nreplies:\n- do: [{text: a}]\n- do: [{text: b}]\n")
    result = run_tests("@pytest.mark.assistants(script='two.yaml')\ndef test_it(openai_client): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*two.yaml:4: replies?1?: a rule without `when` and `times` is the fallback*"])


def test_a_placeholder_that_is_nearly_right_is_told_with_its_place(
    run_tests: RunTests, pytester: pytest.Pytester
) -> None:
    (pytester.path / "desk.yaml").write_text(
        "version: 1\nreplies:\n- when: {message: 'in (?P<city>.+)'}\n  do:\n"
        "  - text: '{ctiy} {city} {ouputs[0]} {code} {message}'\n"
    )
    result = run_tests("@pytest.mark.assistants(script='desk.yaml')\ndef test_it(openai_client): pass")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*desk.yaml:5: replies?0?.do?0?: {ctiy} names nothing and stays as it is; did you mean {city}?",
            "*{ouputs} names nothing and stays as it is; did you mean {outputs}?",
        ]
    )


def test_a_fault_with_times_left_over_is_reported(run_tests: RunTests) -> None:
    result = run_tests("""
        def test_it(assistants_emulator):
            assistants_emulator.faults.add("POST /threads", status=500, times=2)
    """)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fault on POST /threads (used 0 of 2 times)"])
