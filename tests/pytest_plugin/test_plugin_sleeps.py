"""`assistants_virtual_sleep`, and the remark on real sleeps without it. No test here waits for long."""

from __future__ import annotations

import time

import pytest
from plugin_helpers import RunTests

VIRTUAL = "assistants_virtual_sleep = true"


@pytest.mark.parametrize("how", ["time.sleep", "sleep"])
def test_a_sleep_moves_the_clock_wherever_the_function_was_imported(run_tests: RunTests, how: str) -> None:
    result = run_tests(
        f"""
        import time
        from time import sleep

        def test_it(assistants_emulator):
            before, started = assistants_emulator.clock.now(), time.monotonic()
            {how}(300)
            assert assistants_emulator.clock.now() == before + 300
            assert time.monotonic() - started < 60
        """,
        ini=VIRTUAL,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("how", ["asyncio.sleep", "sleep", "anyio.sleep"])
def test_a_sleep_of_the_tests_loop_moves_the_clock_and_lets_other_tasks_run(run_tests: RunTests, how: str) -> None:
    result = run_tests(
        f"""
        import asyncio
        from asyncio import sleep

        import anyio

        def test_it(assistants_emulator):
            before = assistants_emulator.clock.now()
            order = []

            async def other():
                order.append("other")

            async def main():
                task = asyncio.create_task(other())
                await {how}(300)
                order.append("slept")
                await task

            asyncio.run(main())
            assert order == ["other", "slept"]
            assert assistants_emulator.clock.now() == before + 300
        """,
        ini=VIRTUAL,
    )
    result.assert_outcomes(passed=1)


def test_the_back_off_of_the_sdk_is_virtual_too(run_tests: RunTests) -> None:
    result = run_tests(
        """
        def test_it(assistants_emulator):
            assistants_emulator.faults.add("POST /threads", drop_after=0, times=5)
            before = assistants_emulator.clock.now()
            with assistants_emulator.client(max_retries=5) as client:
                client.beta.threads.create()
            assert assistants_emulator.clock.now() > before
        """,
        ini=VIRTUAL,
    )
    result.assert_outcomes(passed=1)


def test_other_threads_and_sleeps_of_no_time_are_real(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import threading, time

        def test_it(assistants_emulator):
            before = assistants_emulator.clock.now()
            time.sleep(0)
            thread = threading.Thread(target=time.sleep, args=(0.01,))
            thread.start()
            thread.join()
            assert assistants_emulator.clock.now() == before
            with pytest.raises(ValueError):
                time.sleep(-1)
        """,
        ini=VIRTUAL,
    )
    result.assert_outcomes(passed=1)


def test_a_test_that_does_not_use_the_emulator_sleeps_for_real(run_tests: RunTests) -> None:
    real = time.sleep
    result = run_tests(
        """
        import time

        def test_one(assistants_emulator):
            time.sleep(100)

        def test_two():
            started = time.monotonic()
            time.sleep(0.01)
            assert time.monotonic() - started >= 0.01
        """,
        ini=VIRTUAL,
    )
    result.assert_outcomes(passed=2)
    assert time.sleep is real


def test_real_sleeps_between_looks_at_a_run_are_told_once(run_tests: RunTests) -> None:
    source = """
        from assistants_emulator.project import request_log

        @pytest.mark.parametrize("again", [1, 2])
        def test_it(assistants_emulator, openai_client, again, monkeypatch):
            monkeypatch.setattr(request_log, "SHORTEST_SLEEP", 0.0)
            ask(openai_client)
    """
    result = run_tests(source)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["2 tests slept 0.* s between looks at a run; with `assistants_virtual_sleep = true`*"])
