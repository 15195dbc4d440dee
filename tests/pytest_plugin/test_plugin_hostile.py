"""Responders that do their worst in one session: each concerns its own test, and the session ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from plugin_helpers import RunTests

PATIENCE = 120  # seconds for a session that would otherwise not end at all

HOSTILE = """
    import asyncio, os, signal, sys, threading, time
    import pytest
    from assistants_emulator import CodeInterpreter, FunctionCall, Text
    from assistants_emulator.errors import StoreError

    class Mute(Exception):
        def __str__(self):
            raise SystemExit("no text")
        __repr__ = __str__

    class Evil(str):
        def __len__(self):
            sys.exit(1)
        encode = __iter__ = __len__

    class Odd:
        def __getattr__(self, name):
            raise KeyboardInterrupt

    ERRORS = [
        SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, StopIteration, StopAsyncIteration,
        lambda: BaseExceptionGroup("group", [SystemExit(1), KeyboardInterrupt()]), Mute, lambda: ValueError("\\ud800"),
        MemoryError, RecursionError, lambda: StoreError("no"), lambda: pytest.exit.Exception("exit"), TimeoutError,
    ]

    def raises(error):
        def responder():
            raise error()
        return responder

    def raises_between(error):
        def responder():
            yield "Hi"
            raise error()
        return responder

    def raises_async(error):
        async def responder():
            await asyncio.sleep(0)
            raise error()
        return responder

    def value(value):
        return lambda: value

    BEGUN = threading.Semaphore(0)

    def sleeps():
        BEGUN.release()
        time.sleep(600)

    def loops():
        BEGUN.release()
        while True: pass

    async def sleeps_async():
        BEGUN.release()
        time.sleep(600)

    async def waits_async():
        BEGUN.release()
        await asyncio.sleep(3600)

    async def ignores_cancel():
        BEGUN.release()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass

    async def stops_loop():
        asyncio.get_running_loop().stop()
        return "Hi"

    async def exits_in_callback():
        asyncio.get_running_loop().call_soon(sys.exit)
        await asyncio.sleep(0)
        return "Hi"

    async def exits_in_task():
        asyncio.get_running_loop().create_task(raises_async(SystemExit)())
        await asyncio.sleep(0.01)
        return "Hi"

    def never_closes():
        while True:
            try:
                yield FunctionCall("f")
            except GeneratorExit:
                pass

    def closes_badly():
        try:
            yield FunctionCall("f")
        finally:
            sys.exit(1)

    def recurses():
        return recurses()

    ENDLESS = [sleeps, sleeps_async, waits_async, ignores_cancel, loops]  # the last slows down all that comes later
    OTHERS = [
        stops_loop, exits_in_callback, exits_in_task, never_closes, closes_badly, recurses,
        value(Evil("x")), value(Odd()), value(None), value([]), value(object()), value("\\ud800"),
        value(Text("\\udfff")), value(FunctionCall("\\ud800")),
    ]
    RESPONDERS = [
        *(raises(error) for error in ERRORS), *(raises_between(error) for error in ERRORS[:8]),
        *(raises_async(error) for error in ERRORS[:8]), *OTHERS, *ENDLESS,
    ]

    @pytest.mark.parametrize("number", range(len(RESPONDERS)))
    def test_concerned(assistants_emulator, openai_client, number):
        assistants_emulator.respond(RESPONDERS[number], live=RESPONDERS[number] in ENDLESS)
        if RESPONDERS[number] in ENDLESS:
            assistant = openai_client.beta.assistants.create(model="gpt-4o")
            thread = {"messages": [{"role": "user", "content": "Hello"}]}
            run = openai_client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)
            assert BEGUN.acquire(timeout=60)
            openai_client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
        else:
            assert ask(openai_client).status in ("completed", "failed", "requires_action")

    @pytest.mark.parametrize("number", range(len(RESPONDERS)))
    def test_not_concerned(assistants_emulator, openai_client, number):
        @assistants_emulator.respond()
        async def responder():
            return "Hi"
        assistants_emulator.respond(lambda: "Ho", times=1, when=lambda turn: True)
        assert [ask(openai_client).status, ask(openai_client).status] == ["completed", "completed"]

    def pytest_collection_modifyitems(items):
        items.sort(key=lambda item: item.callspec.params["number"])
"""


@pytest.mark.parametrize("transport", ["socket", pytest.param("inprocess", marks=pytest.mark.slow)])
def test_every_other_test_passes_and_the_session_ends(pytester: pytest.Pytester, transport: str) -> None:
    source = dedent(HOSTILE)
    source, _, hook = source.rpartition("def pytest_collection_modifyitems")
    pytester.makeconftest(f"def pytest_collection_modifyitems{hook}")
    pytester.makeini(f"[pytest]\nassistants_transport = {transport}\n")
    helpers = Path(__file__).with_name("plugin_helpers.py").read_text()
    (pytester.path / "test_hostile.py").write_text(f"{helpers}\n{source}")
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "test_hostile.py"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=pytester.path)
    innocent = [line for line in ran.stdout.splitlines() if "test_not_concerned" in line and "::" in line]
    assert len(innocent) >= 40, ran.stdout
    assert {line.split()[0] for line in innocent} == {"PASSED"}
    assert ran.returncode == 1
    assert "left behind, still at work: respond(sleeps), in run_" in ran.stdout


def outcome_of(run_tests: RunTests, statement: str, body: str = "") -> pytest.RunResult:
    return run_tests(f"""
        def test_it(assistants_emulator, openai_client):
            @assistants_emulator.respond()
            def responder():
                {statement}
            run = ask(openai_client)
            {body}

        def test_next(assistants_emulator, openai_client):
            assert ask(openai_client).status == "completed"
    """)


def test_fail_in_a_responder_fails_its_test(run_tests: RunTests) -> None:
    result = outcome_of(run_tests, "pytest.fail('not that city')")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["E*Failed: not that city"])


def test_skip_in_a_responder_skips_its_test(run_tests: RunTests) -> None:
    outcome_of(run_tests, "pytest.skip('no network')").assert_outcomes(skipped=1, passed=1)


def test_skip_in_a_responder_skips_a_test_that_fails_for_it(run_tests: RunTests) -> None:
    result = outcome_of(run_tests, "pytest.skip('no network')", "assert run.status == 'completed'")
    result.assert_outcomes(skipped=1, passed=1)


def test_xfail_in_a_responder_is_that_of_its_test(run_tests: RunTests) -> None:
    outcome_of(run_tests, "pytest.xfail('known')").assert_outcomes(xfailed=1, passed=1)


def test_a_failing_raises_in_a_responder_fails_its_test(run_tests: RunTests) -> None:
    result = outcome_of(run_tests, "with pytest.raises(ValueError): pass")
    result.assert_outcomes(failed=1, passed=1)


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "raise KeyboardInterrupt('3')", "pytest.exit('3')"])
def test_what_would_end_the_session_is_an_error_of_its_test(run_tests: RunTests, statement: str) -> None:
    result = outcome_of(run_tests, statement)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*a responder raised *: 3"])
