"""`assistants_environment = session`: applications whose clients are made before any test runs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from plugin_helpers import RunTests

from assistants_emulator import Emulator
from assistants_emulator.recording import Cassette

pytestmark = pytest.mark.usefixtures("clients_are_left_open")
WHOLE = "assistants_environment = session"
DESK = """
    import openai

    client = openai.OpenAI()

    def test_one(assistants_emulator):
        assistants_emulator.respond("one")
        assert ask(client).status == "completed"
        assert len(assistants_emulator.requests) == 4

    def test_two(assistants_emulator):
        assert client.beta.assistants.list().data == []
"""


@pytest.mark.parametrize("transport", ["socket", "inprocess"])
def test_a_client_that_is_made_on_import_belongs_to_each_test_in_turn(run_tests: RunTests, transport: str) -> None:
    run_tests(DESK, ini=f"{WHOLE}\nassistants_transport = {transport}").assert_outcomes(passed=2)


def test_azures_client_may_be_made_on_import(run_tests: RunTests) -> None:
    result = run_tests(DESK.replace("openai.OpenAI()", "openai.AzureOpenAI()"), ini=WHOLE)
    result.assert_outcomes(passed=2)


def test_an_async_client_may_be_made_on_import_for_tests_with_a_loop_each(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import asyncio

        import openai

        client = openai.AsyncOpenAI(max_retries=0)

        async def use():
            thread = await client.beta.threads.create()
            assistant = await client.beta.assistants.create(model="gpt-4o", instructions="Hi")
            async with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
                return (await stream.get_final_run()).status

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(number):
            assert asyncio.run(use()) == "completed"
        """,
        ini=WHOLE,
    )
    result.assert_outcomes(passed=2)


def test_the_variables_are_set_before_a_conftest_file_is_imported(
    run_tests: RunTests, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("import openai\nclient = openai.OpenAI()")
    result = run_tests("def test_it(): __import__('conftest').client.beta.threads.create()", ini=WHOLE)
    result.assert_outcomes(passed=1)


def test_a_test_that_requests_no_fixture_has_a_project_and_the_ini_files_script(
    run_tests: RunTests, pytester: pytest.Pytester
) -> None:
    (pytester.path / "replies.yaml").write_text("version: 1\nreplies: [{do: [{text: From the script}]}]")
    result = run_tests(
        """
        import openai

        client = openai.OpenAI()

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(number):
            run = ask(client)
            (answer, question) = client.beta.threads.messages.list(run.thread_id).data
            assert answer.content[0].text.value == "From the script"
            assert len(client.beta.assistants.list().data) == 1
        """,
        ini=f"{WHOLE}\nassistants_script = replies.yaml",
    )
    result.assert_outcomes(passed=2)


def test_what_goes_wrong_in_such_a_test_fails_it(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    (pytester.path / "replies.yaml").write_text(
        "version: 1\nreplies: [{when: {message: weather}, do: [{text: Sunny}]}]"
    )
    result = run_tests(
        "import openai\nclient = openai.OpenAI()\n\ndef test_it(): ask(client)",
        ini=f"{WHOLE}\nassistants_script = replies.yaml",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["No rule matches this run: *'Hello'*", "*- assistants emulator -*", "requests (*):"])


def test_nothing_of_the_server_is_imported_before_the_first_connection(pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\n{WHOLE}")
    pytester.makepyfile(
        "import os, sys\n\n"
        "def test_it():\n"
        "    assert os.environ['OPENAI_BASE_URL'].startswith('http://127.0.0.1:')\n"
        "    assert not {'uvicorn', 'openai', 'pydantic', 'assistants_emulator.emulator'} & {*sys.modules}"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.slow
def test_each_worker_of_xdist_has_variables_of_its_own(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import openai

        client = openai.OpenAI()

        @pytest.mark.parametrize("number", range(6))
        def test_it(assistants_emulator, number):
            client.beta.assistants.create(model="gpt-4o")
            assert len(assistants_emulator.requests) == 1
        """,
        *("-n", "2"),
        ini=WHOLE,
    )
    result.assert_outcomes(passed=6)


def test_the_variables_are_as_before_after_the_session(run_tests: RunTests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    before = dict(os.environ)
    run_tests(DESK, ini=WHOLE).assert_outcomes(passed=2)
    after = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    assert after == {name: value for name, value in before.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(clock="manual", api_key="sk-real") as emulator:
        monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
        yield emulator


def test_a_client_that_is_made_on_import_is_recorded_and_replayed(
    run_tests: RunTests, upstream: Emulator, pytester: pytest.Pytester
) -> None:
    source = """
        import openai

        client = openai.OpenAI()

        @pytest.mark.assistants(cassette="hello.json")
        def test_it():
            assert ask(client).status == "completed"

        def test_after_it(assistants_emulator):
            client.beta.threads.create()
            assert len(assistants_emulator.requests) == 1
    """
    run_tests(source, "--assistants-record=once", ini=WHOLE).assert_outcomes(passed=2)
    assert len(upstream.requests) == 4
    assert len(Cassette.load(pytester.path / "hello.json").exchanges) == 4
    run_tests(source, ini=WHOLE).assert_outcomes(passed=2)
    assert len(upstream.requests) == 4


def test_without_it_the_guards_text_names_the_option(run_tests: RunTests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    result = run_tests("""
        import openai

        client = openai.OpenAI(max_retries=0)

        def test_it(assistants_emulator):
            client.beta.threads.create()
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*asked for api.openai.com*`assistants_environment = session`*"])


def test_without_it_a_client_that_finds_no_key_on_import_is_pointed_to_the_option(
    run_tests: RunTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result = run_tests("import openai\nclient = openai.OpenAI()")
    result.stdout.fnmatch_lines(["A client that is made on import needs*`assistants_environment = session`*"])


def test_an_unknown_environment_is_an_error(run_tests: RunTests) -> None:
    result = run_tests("def test_it(): pass", ini="assistants_environment = module")
    result.stderr.fnmatch_lines(["*assistants_environment is 'test' or 'session', not 'module'*"])


def test_with_a_running_emulator_its_address_is_set_and_each_test_begins_empty(run_tests: RunTests) -> None:
    with Emulator(clock="manual") as emulator:
        result = run_tests(DESK, "test_inner.py", f"--assistants-url={emulator.base_url}", ini=WHOLE)
    result.assert_outcomes(passed=2)
