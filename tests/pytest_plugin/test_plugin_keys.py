"""Clients and the test that is running: on the plugin's server a key means the running test's project."""

from __future__ import annotations

import pytest
from plugin_helpers import RunTests

pytestmark = pytest.mark.usefixtures("clients_are_left_open")
CACHED = """
    import functools, openai

    @functools.cache
    def client():
        return openai.OpenAI(max_retries=5)
"""


@pytest.fixture(params=["test", "session"])
def ini(request: pytest.FixtureRequest) -> str:
    return f"assistants_environment = {request.param}"


def test_of_three_tests_over_a_cached_client_only_the_one_whose_responder_raises_fails(
    run_tests: RunTests, ini: str
) -> None:
    source = f"""{CACHED}
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_it(assistants_emulator, number):
        @assistants_emulator.respond()
        def answer(turn):
            if number == 2:
                raise LookupError("no such city")
            return str(number)

        run = ask(client())
        assert number == 2 or str(number) in assistants_emulator.transcript(run.thread_id)
    """
    result = run_tests(source, ini=ini)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(['>*raise LookupError("no such city")', "FAILED test_inner.py::test_it?2? - Look*"])


def test_a_client_with_a_key_of_its_own_belongs_to_the_running_test(run_tests: RunTests, ini: str) -> None:
    result = run_tests(
        """
        import openai

        @pytest.mark.parametrize("key", ["sk-proj-x", "sk-emulator-tenant"])
        def test_it(assistants_emulator, key):
            assistants_emulator.respond("Hi.")
            with openai.OpenAI(api_key=key) as client:
                assert "Hi." in assistants_emulator.transcript(ask(client).thread_id)
        """,
        ini=ini,
    )
    result.assert_outcomes(passed=2)


REFUSED = "calls that came while no test was running were refused: POST /v1/threads"


def test_a_call_in_a_test_that_does_not_use_the_emulator_is_refused_and_told(run_tests: RunTests) -> None:
    source = f"""{CACHED}
    def test_one(assistants_emulator):
        client().beta.threads.create()

    @pytest.mark.parametrize("again", [1, 2])
    def test_two(again):
        with pytest.raises(openai.BadRequestError, match="make it in a test that requests"):
            with pytest.warns(DeprecationWarning):
                client().beta.threads.create()
    """
    result = run_tests(source)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines([f"{REFUSED} (2 times)"])


def test_a_call_on_import_is_refused_in_one_sentence(run_tests: RunTests) -> None:
    source = f"{CACHED}\n    client().beta.threads.create()"
    result = run_tests(source, ini="assistants_environment = session")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*400*No test is running, so this call has no project: *"])
    result.stdout.fnmatch_lines([REFUSED])


@pytest.mark.slow
def test_the_workers_of_xdist_tell_of_refused_calls_too(run_tests: RunTests) -> None:
    source = f"""{CACHED}
    try:
        client().beta.threads.create()
    except openai.BadRequestError:
        pass

    def test_it():
        pass
    """
    result = run_tests(source, "-n", "2", ini="assistants_environment = session")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"{REFUSED} (2 times)"])


def test_an_id_of_an_earlier_test_is_told_with_that_tests_name(run_tests: RunTests) -> None:
    result = run_tests("""
        threads = []

        def test_one(openai_client):
            threads.append(openai_client.beta.threads.create().id)

        def test_two(openai_client):
            openai_client.beta.threads.retrieve(threads[0])
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["thread_* was made in test_inner.py::test_one, a test that has ended: *"])


def test_ids_of_responses_and_conversations_of_an_earlier_test_are_told_too(run_tests: RunTests) -> None:
    result = run_tests("""
        made = []

        def test_one(openai_client):
            made.append(openai_client.responses.create(model="gpt-4o", input="Hi").id)
            made.append(openai_client.conversations.create().id)

        def test_two(openai_client):
            openai_client.responses.create(model="gpt-4o", input="Hi", previous_response_id=made[0])

        def test_three(openai_client):
            openai_client.conversations.retrieve(made[1])
    """)
    result.assert_outcomes(passed=1, failed=2)
    told = "was made in test_inner.py::test_one, a test that has ended: *"
    result.stdout.fnmatch_lines([f"resp_* {told}", f"conv_* {told}"])


def test_the_client_of_another_project_keeps_its_own(run_tests: RunTests) -> None:
    result = run_tests("""
        @pytest.mark.parametrize("number", [1, 2])
        def test_it(assistants_emulator, openai_client, number):
            other = assistants_emulator.project("other")
            with other.client() as client:
                assert client.beta.assistants.list().data == []
                client.beta.assistants.create(model="gpt-4o")
            assert [call.method for call in other.requests] == ["GET", "POST"]
            assert len(assistants_emulator.requests) == 0
    """)
    result.assert_outcomes(passed=2)


def test_a_marker_gives_each_key_a_project_of_its_own(run_tests: RunTests, ini: str) -> None:
    result = run_tests(
        """
        import openai

        @pytest.mark.assistants(keys="separate")
        @pytest.mark.parametrize("again", [1, 2])
        def test_it(assistants_emulator, openai_client, again):
            for tenant in ("sk-a", "sk-b"):
                with openai.OpenAI(api_key=tenant) as client:
                    client.beta.assistants.create(model="gpt-4o")
                assert len(assistants_emulator.project(tenant).requests) == 1
            assert openai_client.beta.assistants.list().data == []
        """,
        ini=ini,
    )
    result.assert_outcomes(passed=2)


def test_the_key_is_the_same_for_the_whole_session(run_tests: RunTests) -> None:
    result = run_tests("""
        import os
        keys = set()

        @pytest.mark.parametrize("again", [1, 2])
        def test_it(assistants_emulator, again):
            keys.add(os.environ["OPENAI_API_KEY"])
            assert keys == {assistants_emulator.api_key}
    """)
    result.assert_outcomes(passed=2)
