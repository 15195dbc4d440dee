"""`@pytest.mark.assistants(...)`: its values, where paths start, and its error messages."""

from __future__ import annotations

import pytest
from openai import OpenAI
from plugin_helpers import RunTests, ask

from assistants_emulator import ProjectHandle

SCRIPT = {"version": 1, "replies": [{"do": [{"text": "From a script."}]}]}
YAML = "version: 1\nreplies:\n  - do: [{text: From a file.}]\n"
SAYS = """
    @pytest.mark.assistants(script="{}")
    def test_it(assistants_emulator, openai_client):
        assert "assistant: From a file." in assistants_emulator.transcript(ask(openai_client).thread_id)
"""


@pytest.mark.assistants(script=SCRIPT)
def test_a_script_may_be_a_dict(assistants_emulator: ProjectHandle, openai_client: OpenAI) -> None:
    thread_id = ask(openai_client).thread_id
    assert assistants_emulator.transcript(thread_id) == "user: Hello\nassistant: From a script.\nrun completed\n"


def test_a_script_file_is_looked_up_next_to_the_test(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", replies=YAML)
    run_tests(SAYS.format("replies.yaml")).assert_outcomes(passed=1)


def test_a_script_file_is_sought_from_the_rootdir(pytester: pytest.Pytester, run_tests: RunTests) -> None:
    (pytester.mkdir("scripts") / "replies.yaml").write_text(YAML)
    run_tests(SAYS.format("scripts/replies.yaml"), file="deeper/test_deeper.py").assert_outcomes(passed=1)


@pytest.mark.assistants(clock=1_000_000_000)
def test_a_clock_may_be_set(assistants_emulator: ProjectHandle, openai_client: OpenAI) -> None:
    assert openai_client.beta.threads.create().created_at == 1_000_000_000


@pytest.mark.assistants(clock="system")
def test_the_system_clock_may_be_asked_for(assistants_emulator: ProjectHandle) -> None:
    assert assistants_emulator.clock.now() > 1_750_000_000


def test_one_seed_gives_two_tests_the_same_ids(run_tests: RunTests) -> None:
    result = run_tests("""
        ids = set()

        @pytest.mark.assistants(seed=7)
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(openai_client, number):
            ids.add(openai_client.beta.threads.create().id)
            assert len(ids) == 1
    """)
    result.assert_outcomes(passed=2)


def test_markers_of_class_and_function_merge_and_the_nearest_wins(run_tests: RunTests) -> None:
    result = run_tests("""
        @pytest.mark.assistants(clock=1000, seed="a")
        class TestClass:
            @pytest.mark.assistants(clock=2000)
            def test_it(self, openai_client):
                thread = openai_client.beta.threads.create()
                assert thread.created_at == 2000
                assert thread.id not in seen
                seen.add(thread.id)

            @pytest.mark.assistants(seed="a")
            def test_other(self, openai_client):
                thread = openai_client.beta.threads.create()
                assert thread.created_at == 1000
                assert thread.id in seen

        seen = set()
    """)
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "scrip=1",
            "unknown keyword 'scrip'; there are script, cassette, replay, state, clock, seed, *",
        ),
        ("'a.yaml'", "takes keywords only, and was given 'a.yaml'; they are script, *"),
        ("script='none.yaml'", "there is no script *none.yaml"),
        ("script=3", "script is a path or a dict, not 3"),
        ("clock='fast'", "clock is 'manual', 'system' or a unix time, not 'fast'"),
        ("clock=1e20", "clock is 'manual', 'system' or a unix time, not 1e+20 (float)"),
        ("clock=float('nan')", "clock is 'manual', 'system' or a unix time, not nan (float)"),
        ("seed=1.5", "seed is a string or a whole number, not 1.5"),
        ("cassette=1", "cassette is a path, not 1"),
        ("state='none.json'", "there is no state *none.json"),
        ("transport='in-process'", "transport is 'socket' or 'inprocess', not 'in-process'"),
    ],
)
def test_an_invalid_marker_is_reported_in_one_line_even_without_a_fixture(
    run_tests: RunTests, given: str, told: str
) -> None:
    result = run_tests(f"@pytest.mark.assistants({given})\ndef test_it(): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.assistants: {told}".replace("[", "[[]")])


def test_a_broken_script_names_the_key(run_tests: RunTests) -> None:
    script = "{'version': 1, 'replies': [{'do': [{'txt': 'Hello'}]}]}"
    result = run_tests(f"@pytest.mark.assistants(script={script})\ndef test_it(assistants_emulator): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*replies[[]0].do[[]0]*txt*"])
    result.stdout.no_fnmatch_line("*During handling*")


def test_it_is_registered(run_tests: RunTests) -> None:
    run_tests("@pytest.mark.assistants(seed=1)\ndef test_it(): pass", "--strict-markers").assert_outcomes(passed=1)
    run_tests("", "--markers").stdout.fnmatch_lines(["@pytest.mark.assistants(script=, *"])


def test_a_state_is_what_the_test_begins_with(run_tests: RunTests) -> None:
    result = run_tests("""
        STATE = {"threads": [{"id": "t1"}], "messages": [{"id": "m1", "thread_id": "t1", "content": "Kept"}]}

        @pytest.mark.assistants(state=STATE)
        def test_it(assistants_emulator):
            assert assistants_emulator.transcript("t1") == "user: Kept\\n"
    """)
    result.assert_outcomes(passed=1)
