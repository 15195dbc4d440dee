"""Objects that an application expects to exist, in its tests."""

from __future__ import annotations

import pytest
from plugin_helpers import RunTests


def test_a_state_file_gives_all_tests_its_objects(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    (pytester.path / "objects.yaml").write_text("assistants: [{id: asst_desk, name: Desk}]")
    result = run_tests(
        """
        @pytest.mark.parametrize("again", [1, 2])
        def test_it(openai_client, again):
            assert openai_client.beta.assistants.update("asst_desk", name="Other").name == "Other"

        @pytest.mark.assistants(state={"assistants": []})
        def test_the_marker_wins(openai_client):
            assert openai_client.beta.assistants.list().data == []
        """,
        ini="assistants_state = objects.yaml",
    )
    result.assert_outcomes(passed=3)


def test_a_file_that_is_missing_or_unusable_fails_the_test_in_one_line(
    run_tests: RunTests, pytester: pytest.Pytester
) -> None:
    source = "def test_it(openai_client): pass"
    result = run_tests(source, ini="assistants_state = none.yaml")
    result.stdout.fnmatch_lines(["assistants_state: there is no file *none.yaml"])
    (pytester.path / "objects.yaml").write_text("assistents: []")
    result = run_tests(source, ini="assistants_state = objects.yaml")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["state: unknown table 'assistents'; did you mean 'assistants'*"])


def test_adopted_ids_are_told(run_tests: RunTests) -> None:
    source = "def test_it(openai_client): openai_client.beta.assistants.retrieve('asst_x')"
    result = run_tests(source, ini="assistants_adopt_ids = true")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_inner.py::test_it: assistant asst_x did not exist, and was made with defaults*"])


def test_a_missing_object_says_how_to_provide_it(run_tests: RunTests) -> None:
    result = run_tests("def test_it(openai_client): openai_client.beta.threads.retrieve('thread_x')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  GET /v1/threads/thread_x 404: No thread found with id 'thread_x'.",
            "thread_x does not exist in this test. To provide it: assistants_emulator.add_thread('thread_x', ...); *",
        ]
    )
