"""The verdicts of a sweep, the first that fits: hung, other, told, crashed, stuck, swallowed, same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from plugin_helpers import RunTests

from pytest_assistants_emulator import probe

Judge = Callable[..., dict[str, str]]
EXPIRED = "POST /threads/*/runs 1: expired"


@pytest.fixture
def judge(run_tests: RunTests, pytester: pytest.Pytester) -> Judge:
    """The verdicts by variant on an application, whose function `ask(client)` a test calls; with keys of `sweep=`."""

    def run(application: str, keys: str, test: str = "desk.ask()") -> dict[str, str]:
        pytester.makepyfile(desk=f"import openai, time, threading\n{dedent(application)}")
        result = run_tests(
            f"""
            import asyncio
            import desk

            @pytest.mark.assistants(sweep={{{keys}}})
            def test_it(assistants_emulator):
                {test}
            """,
            "test_inner.py",
            "--assistants-sweep-report=sweep.json",
        )
        assert result.parseoutcomes()["passed"] == 1
        (swept,) = json.loads(Path("sweep.json").read_text())["tests"]
        return {cell["variant"]: cell["verdict"] for cell in swept["variants"]}

    return run


BEGIN = """
def begin():
    client = openai.OpenAI(max_retries=0)
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hi"}])
    return client, client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
"""
POLL = """
def ask():
    client, run = begin()
    while run.status != "completed":
        {wait}
        run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
"""


@pytest.mark.parametrize("wait", ["pass", "time.sleep(1)", "time.sleep(3600)"])
def test_a_poll_loop_that_never_ends_is_hung(judge: Judge, wait: str) -> None:
    verdicts = judge(BEGIN + POLL.format(wait=wait), "'effects': ['expired', '429']")
    assert verdicts[EXPIRED] == "hung"
    assert verdicts["POST /threads/*/runs 1: 429"] == "told"


def test_a_loop_that_sleeps_and_makes_no_calls_is_hung(judge: Judge) -> None:
    application = """
    def ask():
        client, run = begin()
        run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        while run.status != "completed":
            time.sleep(60)
    """
    assert judge(BEGIN + dedent(application), "'effects': ['expired']") == {EXPIRED: "hung"}


@pytest.mark.parametrize("handler", ["except Exception", "except BaseException", "except"])
def test_a_loop_that_catches_everything_is_hung(judge: Judge, handler: str) -> None:
    application = f"""
    def ask():
        client, run = begin()
        while run.status != "completed":
            try:
                run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
            {handler}:
                continue
    """
    assert judge(BEGIN + dedent(application), "'effects': ['expired']") == {EXPIRED: "hung"}


def test_a_loop_on_an_event_loop_is_hung(judge: Judge) -> None:
    application = """
    import asyncio

    async def ask():
        async with openai.AsyncOpenAI() as client:
            assistant = await client.beta.assistants.create(model="gpt-4o", instructions="Be brief.")
            run = await client.beta.threads.create_and_run(assistant_id=assistant.id)
            while run.status != "completed":
                await asyncio.sleep(1)
                run = await client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    """
    verdicts = judge(application, "'effects': ['expired', 'time-out']", "asyncio.run(desk.ask())")
    assert verdicts["POST /threads/runs 1: expired"] == "hung"
    assert verdicts["POST /threads/runs 1: time-out"] == "told"


def test_a_loop_in_a_thread_of_a_pool_is_hung_and_its_sleeps_are_virtual(judge: Judge) -> None:
    application = """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1)

    def answer():
        client, run = begin()
        while run.status != "completed":
            time.sleep(30)
            run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)

    def ask():
        pool.submit(answer).result()
    """
    assert judge(BEGIN + dedent(application), "'effects': ['expired']") == {EXPIRED: "hung"}


@pytest.mark.parametrize("by_signal", [True, False])
def test_an_application_that_waits_for_ever_is_hung(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, by_signal: bool
) -> None:
    monkeypatch.setattr(probe, "REAL_SECONDS", (0.5, 0.5))
    if not by_signal:
        monkeypatch.setattr(probe, "_alarm_is_free", lambda: False)
    application = f"""
    def ask():
        client, run = begin()
        run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        while run.status != "completed":
            {"threading.Event().wait()" if by_signal else "pass"}
    """
    assert judge(BEGIN + dedent(application), "'effects': ['expired']") == {EXPIRED: "hung"}


def test_a_bound_is_what_the_mark_says(judge: Judge) -> None:
    application = """
    def ask():
        client, run = begin()
        for _ in range(20):
            run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
            if run.status == "completed":
                return
    """
    assert judge(BEGIN + dedent(application), "'effects': ['expired']") == {EXPIRED: "same"}
    assert judge(BEGIN + dedent(application), "'effects': ['expired'], 'bounds': {'polls': 9}") == {EXPIRED: "hung"}


RAISE = """
class DeskError(Exception):
    pass

def ask():
    client, run = begin()
    run = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    if run.status != "completed":
        {statement}
    return run.status
"""


@pytest.mark.parametrize(
    ("statement", "keys", "verdict"),
    [
        ("raise DeskError()", "", "crashed"),
        ("raise DeskError()", "'allowed': desk.DeskError", "told"),
        ("raise DeskError()", "'allowed': (OSError, desk.DeskError)", "told"),
        ("{}['answer']", "", "crashed"),
        ("assert False", "", "crashed"),
        ("raise SystemExit(1)", "", "crashed"),
        ("raise ExceptionGroup('two', [DeskError(), KeyError()])", "'allowed': desk.DeskError", "crashed"),
        ("raise ExceptionGroup('one', [DeskError()])", "'allowed': desk.DeskError", "told"),
        ("raise openai.OpenAIError('no')", "", "told"),
        ("client.beta.threads.retrieve('')", "", "crashed"),
        ("client.beta.threads.retrieve('thread_x')", "", "told"),
        ("return 'sorry'", "", "other"),
    ],
)
def test_an_exception_is_told_where_it_is_the_sdks_or_allowed(
    judge: Judge, statement: str, keys: str, verdict: str
) -> None:
    application = BEGIN + RAISE.format(statement=statement)
    verdicts = judge(application, f"'effects': ['expired'], {keys}", "assert desk.ask() == 'completed'")
    assert verdicts == {EXPIRED: verdict}


def test_broken_json_that_the_sdk_does_not_catch_is_told(judge: Judge) -> None:
    verdicts = judge(BEGIN + "def ask(): begin()", "'effects': ['malformed JSON']")
    assert set(verdicts.values()) == {"told"}


def test_an_exception_in_the_test_itself_is_another_answer(judge: Judge) -> None:
    application = BEGIN + RAISE.format(statement="return None")
    assert judge(application, "'effects': ['expired']", "desk.ask().upper()") == {EXPIRED: "other"}


def test_a_test_that_skips_itself_has_another_answer(judge: Judge) -> None:
    application = BEGIN + RAISE.format(statement="return None")
    test = "desk.ask() or pytest.skip('no answer')"
    assert judge(application, "'effects': ['expired']", test) == {EXPIRED: "other"}


STUCK = """
TOOL = {"type": "function", "function": {"name": "look_up"}}

def ask():
    client = openai.OpenAI(max_retries=0)
    assistant = client.beta.assistants.create(model="gpt-4o", instructions="Look it up.", tools=[TOOL])
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id)
    for call in run.required_action.submit_tool_outputs.tool_calls:
        if call.function.name == "look_up":
            outputs = [{"tool_call_id": call.id, "output": "1"}]
            client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
"""


def test_an_application_that_leaves_a_run_active_is_stuck(judge: Judge) -> None:
    test = """
                from assistants_emulator import FunctionCall
                assistants_emulator.respond([FunctionCall("look_up"), "It is 1."])
                desk.ask()"""
    verdicts = judge(STUCK, "'effects': ['unknown function']", test)
    assert verdicts == {"POST /threads/runs 1: unknown function": "stuck"}


SWALLOW = """
def ask(lines=None):
    client = openai.OpenAI(max_retries=0)
    try:
        client.beta.threads.create()
    except openai.OpenAIError:
        return "sorry" if lines is None else None
    return "made" if lines is None else None
"""


def test_a_refused_write_that_changes_nothing_is_swallowed(judge: Judge) -> None:
    verdicts = judge(SWALLOW, "'effects': ['429', '429 once', 'connection closed']", "desk.ask([])")
    assert verdicts == {
        "POST /threads 1: 429 once": "same",
        "POST /threads 1: 429": "swallowed",
        "POST /threads 1: connection closed": "swallowed",
    }


def test_a_test_that_accepts_another_answer_tells_it_by_its_variables(judge: Judge) -> None:
    test = """
                answer = desk.ask()
                assert answer in ('made', 'sorry')"""
    assert judge(SWALLOW, "'effects': ['429']", test) == {"POST /threads 1: 429": "same"}


def test_a_refused_read_is_not_swallowed(judge: Judge) -> None:
    application = """
    def ask():
        client = openai.OpenAI(max_retries=0)
        try:
            client.models.list()
        except openai.OpenAIError:
            pass
    """
    assert judge(application, "'effects': ['429']") == {"GET /models 1: 429": "same"}


def test_a_strict_sweep_fails_for_another_answer(run_tests: RunTests) -> None:
    result = run_tests(
        """
        @pytest.mark.assistants(sweep={"effects": ["expired"], "strict": True})
        def test_it(openai_client):
            assert ask(openai_client).status == "completed"
        """
    )
    result.assert_outcomes(passed=1, failed=1)


def test_a_variant_that_is_known_to_fail_is_an_expected_failure(judge: Judge, run_tests: RunTests) -> None:
    keys = "'effects': ['expired', 'cancelled'], 'xfail': {'* 1: expired': 'issue 7', '* 9: expired': 'issue 8'}"
    verdicts = judge(BEGIN + POLL.format(wait="pass"), keys)
    assert verdicts == {EXPIRED: "xfail", "POST /threads/*/runs 1: cancelled": "hung"}


def test_a_pattern_of_xfail_that_no_variant_needs_is_told(run_tests: RunTests) -> None:
    result = run_tests(
        """
        @pytest.mark.assistants(sweep={"effects": ["expired"], "xfail": {"* 1: expired": "issue 7"}})
        def test_it(openai_client):
            assert ask(openai_client).status == "completed"
        """
    )
    result.stdout.fnmatch_lines(["*test_it: xfail names '[*] 1: expired', and no such variant fails"])


def test_what_goes_wrong_in_responders_of_a_variant_does_not_fail_it(judge: Judge) -> None:
    test = """
                @assistants_emulator.respond(times=1)
                def answer(turn):
                    outputs = yield "Hi."
                desk.ask()"""
    application = BEGIN + RAISE.format(statement="pass")
    assert judge(application, "'effects': ['expired', '429 once']", test)[EXPIRED] == "same"
