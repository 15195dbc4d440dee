"""The plugin in a pytest session: import costs, ini options, other plugins."""

from __future__ import annotations

import subprocess
import sys

import pytest
from plugin_helpers import RunTests

WARNS = """
    import warnings

    def test_it(openai_client):
        ask(openai_client)
"""


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = "{'openai', 'starlette', 'uvicorn', 'httpx2', 'pydantic', 'assistants_emulator'}"
    code = f"import sys, pytest_assistants_emulator; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_session_that_uses_no_fixture_imports_nothing_more(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\n\n"
        "def test_it(): assert not {'assistants_emulator', 'pytest_assistants_emulator.active'} & {*sys.modules}"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_test_that_calls_nothing_imports_no_library_for_calls_and_pages(pytester: pytest.Pytester) -> None:
    libraries = "{'uvicorn', 'click', 'jinja2', 'markdown_it', 'yaml', 'jsonschema', 'filelock', 'python_multipart'}"
    pytester.makepyfile(
        "import sys\n\nbefore = {*sys.modules}\n\n"
        f"def test_it(assistants_emulator): assert not {libraries} & ({{*sys.modules}} - before)"
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=1)


def test_each_worker_of_xdist_has_its_own_server(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import httpx2

        @pytest.mark.parametrize("number", range(6))
        def test_it(assistants_emulator, number):
            headers = {"Authorization": f"Bearer {assistants_emulator.api_key}"}
            with httpx2.Client(base_url=assistants_emulator.base_url, headers=headers, verify=False) as client:
                assert client.get("/files").json()["data"] == []
            assert len(assistants_emulator.requests) == 1
        """,
        *("-n", "2"),
    )
    result.assert_outcomes(passed=6)


def test_the_deprecations_of_the_sdk_are_silent_in_a_test_that_uses_the_fixture(run_tests: RunTests) -> None:
    result = run_tests(WARNS, "-W", "error", ini="filterwarnings = error")
    result.assert_outcomes(passed=1, warnings=0)


def test_the_ini_option_lets_them_through(run_tests: RunTests) -> None:
    run_tests(WARNS, "-W", "error", ini="assistants_silence_deprecations = false").assert_outcomes(failed=1)


def test_a_test_that_uses_no_fixture_gets_its_warnings(run_tests: RunTests) -> None:
    source = "import warnings\n\ndef test_it(): warnings.warn('deprecated', DeprecationWarning)"
    run_tests(source, "-W", "error").assert_outcomes(failed=1)
    run_tests(source, "-W", "error", ini="assistants_silence_deprecations = true").assert_outcomes(passed=1)


def test_it_silences_no_other_warning(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import warnings

        @pytest.mark.parametrize("text", [
            "mine is deprecated", "deprecated: mine", "The Assistants API is deprecated in favor of the Responses API!",
        ])
        def test_it(openai_client, text):
            warnings.warn(text, DeprecationWarning)

        def test_category():
            warnings.warn("deprecated", UserWarning)
        """,
        *("-W", "error"),
        ini="assistants_silence_deprecations = true",
    )
    result.assert_outcomes(failed=4)
