"""The emulator in another process: what a test can do there is what it can do in this process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugin_helpers import RunTests

from assistants_emulator import Emulator
from assistants_emulator.config import VERSION
from assistants_emulator.errors import EmulatorError
from assistants_emulator.handle import ProjectHandle
from pytest_assistants_emulator.process import EmulatorProcess
from pytest_assistants_emulator.remote_project import RemoteProject

RECORDING = Path(__file__).parents[2] / "fixtures/cassettes/weather.json"
SUITE = Path(__file__).with_name("apart_suite.py")
COMMAND = f"assistants_emulator_command = {sys.executable} -m assistants_emulator"
PLACES = ("in process", "at a URL", pytest.param("by a command", marks=pytest.mark.slow))


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The lines for the ini file and the options that say where the emulator is."""
    if request.param == "at a URL":
        with Emulator() as emulator:
            yield "", ("--assistants-url", emulator.base_url)
    else:
        yield COMMAND if request.param == "by a command" else "", ()


@pytest.mark.parametrize("environment", ["test", pytest.param("session", marks=pytest.mark.slow)])
def test_the_whole_handle_is_the_same(
    pytester: pytest.Pytester, everything_is_imported: None, place: tuple[str, tuple[str, ...]], environment: str
) -> None:
    ini, options = place
    pytester.makeini(f"[pytest]\nassistants_environment = {environment}\n{ini}\n")
    (pytester.path / "test_suite.py").write_text(SUITE.read_text())
    result = pytester.runpytest("-p", "no:cacheprovider", "-q", *options)
    result.assert_outcomes(passed=result.parseoutcomes()["passed"])


def test_a_handle_there_has_every_name_of_its_own() -> None:
    names = {name for name in vars(ProjectHandle) if not name.startswith("_")}
    inherited = {"client", "async_client", "environment", "respond"}  # these need the others only
    assert names - vars(RemoteProject).keys() == inherited


RunThere = Callable[..., pytest.RunResult]


@pytest.fixture
def run_there(run_tests: RunTests, place: tuple[str, tuple[str, ...]]) -> RunThere:
    """Runs a test file with the emulator at that place."""
    place_ini, options = place

    def run(source: str, *args: str, ini: str = "") -> pytest.RunResult:
        return run_tests(source, "test_inner.py", *args, *options, ini=f"{place_ini}\n{ini}")

    return run


@pytest.mark.usefixtures("clients_are_left_open")
def test_of_three_tests_over_a_cached_client_the_one_whose_responder_raises_fails(run_there: RunThere) -> None:
    result = run_there(
        """
        import functools, openai

        @functools.cache
        def client():
            return openai.OpenAI()

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
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(['>*raise LookupError("no such city")', "FAILED test_inner.py::test_it?2? - Look*"])
    assert "code_server.py" not in result.stdout.str()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_reply_that_the_run_does_not_allow_is_told_at_the_line_that_yields_it(run_there: RunThere, kind: str) -> None:
    result = run_there(
        f"""
        from assistants_emulator import FunctionCall

        def test_it(assistants_emulator, openai_client):
            @assistants_emulator.respond
            {kind} answer(turn):
                yield "Hi."
                yield FunctionCall("get_weather")
            ask(openai_client)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">*yield FunctionCall(*", "E*ScriptError: the responder calls 'get_weather'*"])
    result.stdout.no_fnmatch_line("*assistants_emulator/*.py:*")


@pytest.mark.parametrize(("outcome", "count"), [("fail", "failed"), ("skip", "skipped"), ("xfail", "xfailed")])
def test_outcomes_in_a_responder_are_those_of_its_test(run_there: RunThere, outcome: str, count: str) -> None:
    result = run_there(
        f"""
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond(lambda turn: pytest.{outcome}("for a reason"))
            ask(openai_client)
        """
    )
    result.assert_outcomes(**{count: 1})


def test_what_ends_a_process_does_not_end_the_session(run_there: RunThere) -> None:
    result = run_there(
        """
        @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
        @pytest.mark.parametrize("is_async", [True, False])
        def test_it(assistants_emulator, openai_client, error, is_async):
            async def leave_later(turn):
                raise error("gone")

            def leave(turn):
                raise error("gone")

            assistants_emulator.respond(leave_later if is_async else leave)
            ask(openai_client)

        def test_next(assistants_emulator, openai_client):
            assert ask(openai_client).status == "completed"
        """
    )
    result.assert_outcomes(failed=4, passed=1)


def test_unmatched_runs_and_unused_rules_fail(run_there: RunThere) -> None:
    result = run_there(
        """
        def test_unmatched(assistants_emulator, openai_client):
            assistants_emulator.respond(lambda: "a", when="weather")
            ask(openai_client)

        def test_unused(assistants_emulator):
            assistants_emulator.respond(lambda: "a", times=2)
        """
    )
    result.assert_outcomes(failed=1, passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "- respond(<lambda>): any run (used 0 of 2 times)",
            "No rule matches this run: last user message 'Hello', *",
            "- respond(<lambda>): message matches 'weather'; but message is 'Hello'",
            "  POST /v1/threads 200",
            "  user: Hello",
            "  run failed: No rule matches this run: *",
        ]
    )


def test_ids_of_an_earlier_test_are_told_with_its_name(run_there: RunThere) -> None:
    result = run_there(
        """
        ids = []

        def test_first(openai_client):
            ids.append(openai_client.beta.assistants.create(model="gpt-4o").id)

        def test_second(openai_client):
            openai_client.beta.assistants.retrieve(ids[0])

        def test_third(openai_client):
            with pytest.raises(Exception):
                openai_client.beta.assistants.retrieve(ids[0])
        """
    )
    result.assert_outcomes(failed=1, passed=2)
    line = "asst_* was made in test_inner.py::test_first, a test that has ended: each test has objects of its own."
    result.stdout.fnmatch_lines([line, f"test_inner.py::test_third: {line}"])


@pytest.mark.usefixtures("clients_are_left_open")
def test_clients_made_on_import_belong_to_the_running_test(run_there: RunThere) -> None:
    result = run_there(
        """
        import openai

        client = openai.OpenAI(max_retries=0)

        def test_requested(assistants_emulator):
            assistants_emulator.respond(lambda turn: "Hi")
            ask(client)
            assert len(assistants_emulator.requests) == 4

        def test_not_requested():
            assert not client.beta.assistants.list().data

        def test_not_requested_and_unmatched():
            ask(client, "weather")

        try:
            client.beta.assistants.list()
        except openai.BadRequestError as error:
            assert "No test is running" in str(error)
        """,
        ini="assistants_environment = session\nassistants_script = rules.yaml",
    )
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["calls that came while no test was running were refused: GET /v1/assistants"])


@pytest.fixture(autouse=True)
def rules(pytester: pytest.Pytester) -> None:
    (pytester.path / "rules.yaml").write_text("version: 1\nreplies: [{when: {message: Hello}, do: [{text: Hi}]}]\n")


def test_separate_keys_have_projects_that_begin_as_the_test_does(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import openai

        @pytest.mark.assistants(keys="separate", state={"assistants": [{"id": "asst_x", "model": "gpt-4o"}]})
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.project("sk-tenant").respond(lambda turn: "for the tenant")
            with openai.OpenAI(api_key="sk-tenant") as tenant:
                run = ask(tenant)
                assert [each.id for each in tenant.beta.assistants.list()] == [run.assistant_id, "asst_x"]
                assert "for the tenant" in assistants_emulator.project("sk-tenant").transcript(run.thread_id)
            assert [each.id for each in openai_client.beta.assistants.list()] == ["asst_x"]
        """,
        ini=COMMAND,
    )
    result.assert_outcomes(passed=1)


def test_sleeps_move_the_clock(run_there: RunThere) -> None:
    result = run_there(
        """
        import time
        from assistants_emulator import Wait

        @pytest.mark.assistants(clock=1000)
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond(lambda turn: "Hi")
            time.sleep(3600)
            assert assistants_emulator.clock.now() == 4600
            assert ask(openai_client).status == "completed"
        """,
        ini="assistants_virtual_sleep = true",
    )
    result.assert_outcomes(passed=1)


def test_open_runs_and_adopted_objects_are_told(run_there: RunThere) -> None:
    result = run_there(
        """
        from assistants_emulator import FunctionCall

        @pytest.mark.assistants(strict_tools=False)
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond(lambda turn: FunctionCall("get_weather"))
            openai_client.beta.assistants.retrieve("asst_unknown")
            ask(openai_client)
        """,
        "--assistants-adopt-ids",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*assistant asst_unknown did not exist, *", "*run_* waits for the output of get_weather, and the test ended *"]
    )


def test_traces_and_links_of_failing_tests(run_there: RunThere, pytester: pytest.Pytester) -> None:
    result = run_there(
        """
        def test_it(assistants_emulator, openai_client):
            assistants_emulator.respond(lambda turn: "Hi", when=lambda turn: True)
            ask(openai_client)
            assert False
        """,
        "--assistants-inspect",
        "--assistants-trace=traces",
    )
    result.stdout.fnmatch_lines(["inspector: http://127.0.0.1:*/_emulator/projects/*", "trace: *"])
    (trace,) = (pytester.path / "traces").iterdir()
    assert "respond(&lt;lambda&gt;): &lt;lambda&gt;(turn) is true; it answered" in trace.read_text()


def test_cassettes_are_replayed_or_refused_in_one_sentence(run_there: RunThere) -> None:
    source = """
        @pytest.mark.assistants(cassette="none.json")
        def test_it(assistants_emulator): pass
    """
    run_there(source).stdout.fnmatch_lines(["there is no cassette *none.json; --assistants-record=once records it"])


def test_a_recording_can_be_the_script(run_there: RunThere, pytester: pytest.Pytester) -> None:
    (pytester.path / "weather.json").write_bytes(RECORDING.read_bytes())
    result = run_there(
        """
        @pytest.mark.assistants(cassette="weather.json", replay="semantic", strict_tools=False)
        def test_it(assistants_emulator, openai_client):
            assert ask(openai_client, "The weather in Oslo?").status in ("completed", "requires_action")
        """
    )
    result.assert_outcomes(passed=1)


# The command


def test_a_command_that_cannot_be_run_is_an_error(run_tests: RunTests) -> None:
    result = run_tests("def test_it(assistants_emulator): pass", ini="assistants_emulator_command = no-such-program")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["assistants_emulator_command: no-such-program cannot be run: No such file *"])


def test_a_command_that_prints_no_address_is_an_error_with_its_output(run_tests: RunTests) -> None:
    ini = f"assistants_emulator_command = {sys.executable} -c 'print(\"no emulator here\")'"
    result = run_tests("def test_it(assistants_emulator): pass", ini=ini)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["assistants_emulator_command: `* serve --port 0 *` ended with status 0 before *:", "no emulator here"]
    )


def test_a_command_that_does_not_work_is_run_once(run_tests: RunTests, pytester: pytest.Pytester) -> None:
    code = "open('runs.txt', 'a').write('x')"
    source = "@pytest.mark.parametrize('n', range(3))\ndef test_it(assistants_emulator, n): pass"
    result = run_tests(source, ini=f'assistants_emulator_command = {sys.executable} -c "{code}"')
    result.assert_outcomes(errors=3)
    assert (pytester.path / "runs.txt").read_text() == "x"


def test_an_emulator_that_is_gone_fails_the_tests_after_it(run_tests: RunTests) -> None:
    result = run_tests(
        """
        def test_it(assistants_emulator, request):
            from pytest_assistants_emulator.session import session_of
            session_of(request.config).process().stop()

        def test_next(): pass
        """,
        ini=f"{COMMAND}\nassistants_environment = session",
    )
    assert result.parseoutcomes()["errors"] >= 1
    result.stdout.fnmatch_lines(["E*EmulatorError: no emulator answers at http://127.0.0.1:*"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(EmulatorError, match=r"printed no address within 0\.1 s; its output:\nnothing"):
        EmulatorProcess(f"{sys.executable} -c 'import sys; sys.stdin.read()'", 0.1)


@pytest.mark.filterwarnings("ignore:A plugin raised an exception during an old-style hookwrapper")  # pytest 7.0's own
def test_a_command_of_another_version_is_refused_before_tests_are_collected(
    run_tests: RunTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_assistants_emulator.control.VERSION", "0.0.9")
    result = run_tests("def test_it(): pass", ini=f"{COMMAND}\nassistants_environment = session")
    result.stderr.fnmatch_lines([f"ERROR: assistants_emulator_command: *has the version {VERSION}, *0.0.9: *"])


def test_the_emulator_ends_with_its_parent() -> None:
    arguments = [sys.executable, "-m", "assistants_emulator", "serve", "--port", "0", "--until-stdin-ends"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith("assistants-emulator ")
        process.stdin.close()
        assert process.wait(30) == 0


def test_the_emulator_ends_when_pytest_is_killed(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{COMMAND}\n")
    (tmp_path / "test_it.py").write_text(KILLED)
    result = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], cwd=tmp_path, check=False)
    assert result.returncode == -signal.SIGKILL
    port = int((tmp_path / "port.txt").read_text())
    deadline = time.monotonic() + 60
    while is_listening(port) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    assert not is_listening(port)


KILLED = """
import os, signal
from pathlib import Path
from urllib.parse import urlsplit

def test_it(assistants_emulator):
    Path("port.txt").write_text(str(urlsplit(assistants_emulator.base_url).port))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
def test_each_worker_has_an_emulator_of_its_own(run_tests: RunTests) -> None:
    pytest.importorskip("xdist")
    result = run_tests(
        """
        @pytest.mark.parametrize("number", range(4))
        def test_it(assistants_emulator, openai_client, number):
            assistants_emulator.respond(lambda turn: str(number))
            assert ask(openai_client).status == "completed"
        """,
        "test_inner.py",
        *("-n", "2"),
        ini=COMMAND,
    )
    result.assert_outcomes(passed=4)
