"""`--assistants-sweep`: which tests are run again, with which variants, and how each run is isolated."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from plugin_helpers import RunTests

from assistants_emulator import Emulator

DESK = """
import openai

def ask(text="Hi"):
    client = openai.OpenAI()
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = {"messages": [{"role": "user", "content": text}]}
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
    if run.status == "failed":
        raise ValueError(run.last_error.message)
    return run.status
"""
FAILED = "POST /threads/runs 1: failed: server_error"
ASKS = """
    import desk

    def test_it(assistants_emulator):
        assert desk.ask() == "completed"
"""


@pytest.fixture(autouse=True)
def desk(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(desk=DESK)


@pytest.fixture
def sweep(run_tests: RunTests) -> Any:
    """Runs a file with a sweep, and returns the result and the verdicts by test and variant."""

    def run(source: str, *args: str, **options: Any) -> tuple[pytest.RunResult, dict[str, dict[str, str]]]:
        result = run_tests(
            source, "test_inner.py", "--assistants-sweep", "--assistants-sweep-report=sweep.json", *args, **options
        )
        report = json.loads(Path("sweep.json").read_text())
        verdicts = {
            test["test"].removeprefix("test_inner.py::"): {
                each["variant"]: each["verdict"] for each in test["variants"]
            }
            for test in report["tests"]
        }
        return result, verdicts

    return run


def test_a_variant_that_fails_is_a_failed_test_of_its_own(sweep: Any) -> None:
    result, verdicts = sweep(ASKS)
    result.assert_outcomes(passed=1, failed=2)
    failing = {name for name, verdict in verdicts["test_it"].items() if verdict == "crashed"}
    assert failing == {FAILED, "POST /threads/runs 1: failed: rate_limit_exceeded"}
    result.stdout.fnmatch_lines([f"FAILED test_inner.py::test_it?{FAILED}?*"])


def test_without_the_option_only_tests_with_the_mark_are_swept(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import desk

        @pytest.mark.assistants(sweep={"effects": ["expired"]})
        def test_one(assistants_emulator):
            assert desk.ask() == "completed"

        def test_two(assistants_emulator):
            assert desk.ask() == "completed"
        """
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["1 variants of 1 test: 1 other"])


def test_a_test_that_fails_is_marked_false_or_uses_no_fixture_is_not_swept(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import desk

        def test_failing(assistants_emulator):
            assert desk.ask() == "failed"

        @pytest.mark.xfail
        def test_xfailing(assistants_emulator):
            assert desk.ask() == "failed"

        @pytest.mark.assistants(sweep=False)
        def test_left_out(assistants_emulator):
            assert desk.ask() == "completed"

        def test_other():
            pass
        """
    )
    result.assert_outcomes(passed=2, failed=1, xfailed=1)
    assert verdicts == {}


def test_each_variant_has_fixtures_and_a_project_of_its_own(sweep: Any) -> None:
    result, _ = sweep(
        """
        import desk

        LIVES = []

        @pytest.fixture
        def life(assistants_emulator, tmp_path):
            assert not list(tmp_path.iterdir())
            (tmp_path / "file").touch()
            LIVES.append("begun")
            yield assistants_emulator
            LIVES.append("ended")

        @pytest.mark.assistants(sweep={"effects": ["429 once", "500 once"]})
        class TestIt:
            def test_it(self, life, monkeypatch):
                assert not hasattr(self, "seen") and not hasattr(desk, "patched")
                self.seen = True
                monkeypatch.setattr(desk, "patched", True, raising=False)
                assert life.state()["assistants"] == []
                assert desk.ask() == "completed"
                assert LIVES == ["begun", "ended"] * (len(LIVES) // 2) + ["begun"]
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["* variants of 1 test: * same"])


def test_ids_are_the_same_in_each_variant(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import openai

        IDS = []

        @pytest.mark.assistants(sweep={"effects": ["429 once", "500 once"]})
        def test_it(assistants_emulator):
            IDS.append(openai.OpenAI().beta.threads.create().id)
            assert len(set(IDS)) == 1
        """
    )
    result.assert_outcomes(passed=1)
    assert set(verdicts["test_it"].values()) == {"same"}


def test_fixtures_of_wider_scopes_are_set_up_once_and_torn_down_in_time(sweep: Any) -> None:
    result, _ = sweep(
        """
        import desk

        CALLS = []

        @pytest.fixture(scope="class")
        def wide():
            CALLS.append("set up")
            yield
            CALLS.append("torn down")

        @pytest.mark.assistants(sweep={"effects": ["429 once"]})
        class TestWide:
            def test_it(self, assistants_emulator, wide):
                assert desk.ask() == "completed"

        def test_after():
            assert CALLS == ["set up", "torn down"]
        """
    )
    result.assert_outcomes(passed=2)


def test_an_error_in_the_teardown_of_a_wider_fixture_is_reported_once(sweep: Any) -> None:
    result, _ = sweep(
        """
        import desk

        @pytest.fixture(scope="module")
        def wide():
            yield
            raise OSError("no more disk")

        @pytest.mark.assistants(sweep={"effects": ["429 once"]})
        def test_it(assistants_emulator, wide):
            assert desk.ask() == "completed"
        """
    )
    result.assert_outcomes(passed=1, errors=1)


def test_parametrised_tests_are_swept_one_by_one(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import desk

        @pytest.mark.assistants(sweep={"effects": ["failed: server_error"]})
        @pytest.mark.parametrize("text", ["a", "b"])
        def test_it(assistants_emulator, text):
            assert desk.ask(text) == "completed"
        """
    )
    result.assert_outcomes(passed=2, failed=2)
    assert verdicts == {"test_it[a]": {FAILED: "crashed"}, "test_it[b]": {FAILED: "crashed"}}
    result.stdout.fnmatch_lines([f"FAILED test_inner.py::test_it?b??{FAILED}?*"])


def test_asynchronous_tests_are_swept(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        @pytest.mark.assistants(sweep={"effects": ["429 once", "time-out"]})
        async def test_it(async_openai_client):
            assert (await async_openai_client.beta.threads.create()).id
        """
    )
    result.assert_outcomes(passed=1)
    assert verdicts["test_it"] == {"POST /threads 1: 429 once": "same", "POST /threads 1: time-out": "other"}


def test_test_cases_of_unittest_are_swept(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import unittest
        import desk

        class TestIt(unittest.TestCase):
            def test_it(self):
                self.assertFalse(hasattr(self, "seen"))
                self.seen = True
                self.assertEqual(desk.ask(), "completed")
        """,
        ini="assistants_environment = session",
    )
    assert verdicts["TestIt::test_it"][FAILED] == "crashed"
    assert verdicts["TestIt::test_it"]["POST /threads/runs 1: expired"] == "other"
    result.assert_outcomes(passed=1, failed=2)


def test_where_each_test_has_a_project_tests_without_the_fixture_are_swept(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import time
        import desk

        def test_it():
            time.sleep(500)
            assert desk.ask() == "completed"
        """,
        ini="assistants_environment = session",
    )
    result.assert_outcomes(passed=1, failed=2)
    assert verdicts["test_it"][FAILED] == "crashed"


def test_what_an_application_does_in_a_fixture_is_judged_too(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import desk

        @pytest.fixture
        def status(assistants_emulator):
            return desk.ask()

        def test_it(status):
            assert status == "completed"
        """
    )
    result.assert_outcomes(passed=1, failed=2)
    assert verdicts["test_it"][FAILED] == "crashed"
    assert verdicts["test_it"]["POST /assistants 1: 429"] == "told"


def test_what_an_application_does_in_a_teardown_is_judged_too(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import desk

        @pytest.fixture
        def ending(assistants_emulator):
            yield
            desk.ask()

        def test_it(ending):
            pass
        """
    )
    result.assert_outcomes(passed=1, failed=2)
    assert verdicts["test_it"][FAILED] == "crashed"
    assert verdicts["test_it"]["POST /assistants 1: 429"] == "told"


@pytest.mark.parametrize("transport", ["socket", "inprocess"])
def test_clients_of_each_transport_time_out(sweep: Any, transport: str) -> None:
    _, verdicts = sweep(
        f"""
        @pytest.mark.assistants(sweep={{"effects": ["time-out"]}}, transport="{transport}")
        def test_it(openai_client):
            openai_client.beta.threads.create()
        """
    )
    assert verdicts["test_it"] == {"POST /threads 1: time-out": "other"}


def test_calls_and_sleeps_of_a_responder_are_not_the_applications(sweep: Any) -> None:
    _, verdicts = sweep(
        """
        import time
        import desk

        @pytest.mark.assistants(sweep={"effects": ["expired"], "bounds": {"calls": 3, "seconds": 1}})
        def test_it(assistants_emulator):
            @assistants_emulator.respond
            def answer(turn):
                for _ in range(5):
                    turn.client().beta.threads.retrieve(turn.thread["id"])
                time.sleep(0.002)
                return "Hi."

            assert desk.ask() in ("completed", "expired")
        """
    )
    assert verdicts["test_it"] == {"POST /threads/runs 1: expired": "same"}


def test_one_variant_is_run_alone(run_tests: RunTests) -> None:
    result = run_tests(ASKS, "test_inner.py", "--assistants-variant", FAILED)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["1 variants of 1 test: 1 crashed"])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("expired", "*--assistants-variant: a variant is named like 'POST /threads/*/runs 1: expired', not 'expired'"),
        ("POST /threads 1: expird", "*--assistants-variant: no effect is called 'expird'; did you mean 'expired'?"),
    ],
)
def test_a_name_that_is_no_variants_is_one_line(run_tests: RunTests, name: str, told: str) -> None:
    result = run_tests(ASKS, "test_inner.py", "--assistants-variant", name)
    result.stderr.fnmatch_lines([told])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


ELSEWHERE = ("--assistants-url=http://127.0.0.1:9", f"--override-ini=assistants_emulator_command={sys.executable}")


@pytest.mark.parametrize("option", ELSEWHERE, ids=["url", "command"])
def test_an_emulator_in_another_process_cannot_be_swept(run_tests: RunTests, option: str) -> None:
    result = run_tests(ASKS, "test_inner.py", "--assistants-sweep", option)
    left_out = "assistants_emulator_command" if "command" in option else "--assistants-url"
    result.stderr.fnmatch_lines([f"*--assistants-sweep needs the emulator of this process: leave out {left_out}"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_mark_that_asks_for_a_sweep_there_is_told(run_tests: RunTests) -> None:
    source = "@pytest.mark.assistants(sweep=True)\ndef test_it(openai_client): ask(openai_client)"
    with Emulator() as emulator:
        result = run_tests(source, "test_inner.py", "--assistants-url", emulator.base_url)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*tests that ask for a sweep were not swept: it needs the emulator of this process*"])


def test_a_variant_that_no_test_has_ends_the_session_with_an_error(run_tests: RunTests) -> None:
    result = run_tests(ASKS, "test_inner.py", "--assistants-variant", "POST /threads/*/runs 7: expired")
    result.stdout.fnmatch_lines(["no test that was run has the variant 'POST /threads/[*]/runs 7: expired'"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_limit_leaves_out_the_last_variants_and_counts_them(sweep: Any) -> None:
    result, verdicts = sweep(ASKS, "--assistants-sweep-limit=3")
    assert list(verdicts["test_it"]) == [f"POST /assistants 1: {effect}" for effect in ("429 once", "429", "500 once")]
    result.stdout.fnmatch_lines(["left out: * variants beyond the limit of their tests (--assistants-sweep-limit)"])


def test_the_sweep_ends_with_the_first_failure_where_the_session_does(sweep: Any) -> None:
    result, verdicts = sweep(ASKS, "-x")
    result.assert_outcomes(passed=1, failed=1)
    assert list(verdicts["test_it"])[-1] == FAILED


@pytest.mark.slow
def test_workers_sweep_their_own_tests(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import desk

        @pytest.mark.assistants(sweep={"effects": ["failed: server_error", "expired"]})
        @pytest.mark.parametrize("text", ["a", "b"])
        def test_it(assistants_emulator, text):
            assert desk.ask(text) == "completed"
        """,
        "-n2",
    )
    result.assert_outcomes(passed=2, failed=2)
    assert [list(cells.values()) for cells in verdicts.values()] == [["crashed", "other"]] * 2
    result.stdout.fnmatch_lines(["4 variants of 2 tests: 2 other, 2 crashed"])


def test_variants_that_failed_are_run_alone_the_next_time(
    everything_is_imported: None, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_inner=dedent(ASKS))
    pytester.runpytest("--assistants-sweep")
    result = pytester.runpytest("--lf")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["2 variants of 1 test: 2 crashed"])


def test_another_answer_that_fails_is_run_the_next_time_too(
    everything_is_imported: None, pytester: pytest.Pytester
) -> None:
    marked = '@pytest.mark.assistants(sweep={"effects": ["expired"], "strict": True})'
    source = dedent(ASKS).replace("def test", f"{marked}\ndef test")
    pytester.makepyfile(test_inner=f"import pytest\n{source}")
    pytester.runpytest().assert_outcomes(passed=1, failed=1)
    pytester.runpytest("--lf").assert_outcomes(passed=1, failed=1)


def test_a_variant_that_fails_no_more_is_forgotten(everything_is_imported: None, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inner=dedent(ASKS))
    pytester.runpytest("--assistants-sweep")
    pytester.makepyfile(desk=DESK.replace("raise ValueError(run.last_error.message)", "return 'completed'"))
    result = pytester.runpytest("--lf")
    result.stdout.fnmatch_lines(["2 variants of 1 test: 2 same"])
    pytester.runpytest("--lf").stdout.fnmatch_lines(["run-last-failure: no previously failed tests, *"])


def test_time_outs_of_calls_from_elsewhere_are_left_out_and_counted(sweep: Any) -> None:
    result, verdicts = sweep(
        """
        import urllib.request

        @pytest.mark.assistants(sweep={"effects": ["429", "time-out"]})
        def test_it(assistants_emulator, openai_client):
            openai_client.beta.assistants.create(model="gpt-4o")
            headers = {"Authorization": f"Bearer {assistants_emulator.api_key}", "OpenAI-Beta": "assistants=v2"}
            asked = urllib.request.Request(f"{assistants_emulator.base_url}/threads", b"{}", headers, method="POST")
            with urllib.request.urlopen(asked) as answer:
                assert answer.status == 200
        """
    )
    assert verdicts["test_it"] == {
        "POST /threads 1: time-out": "left out",
        "POST /assistants 1: 429": "other",
        "POST /assistants 1: time-out": "other",
        "POST /threads 1: 429": "other",
    }
    result.stdout.fnmatch_lines(["left out: 1 time-outs of calls that no SDK client of this process has made"])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("3", "sweep is True, False or a dict, not 3"),
        ("{'limt': 3}", "sweep has no key 'limt'; there are limit, strict, allowed, xfail, effects, bounds"),
        ("{'limit': 0}", "sweep's limit is a whole number from 1 up, not 0"),
        ("{'allowed': 'ValueError'}", "sweep's allowed is an exception class or a tuple of them, not 'ValueError'"),
        ("{'effects': ['expird']}", "sweep's effects: no effect is called 'expird'; did you mean 'expired'?"),
        ("{'bounds': {'poll': 3}}", "sweep's bounds is a dict of numbers above 0 for polls, calls, seconds, not *"),
    ],
)
def test_a_mistake_in_the_mark_is_one_line(run_tests: RunTests, value: str, told: str) -> None:
    result = run_tests(
        f"""
        @pytest.mark.assistants(sweep={value})
        def test_it(assistants_emulator):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*@pytest.mark.assistants: {told}"])
