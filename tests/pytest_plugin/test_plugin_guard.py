"""Looking up the hosted API's address while the emulator is in use. No test here reaches a network."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest
import uvloop
from plugin_helpers import RunTests

from assistants_emulator import ProjectHandle, guard

ESCAPED = "A client escaped the assistants emulator: *.py:* (in *) asked for {}. Point it at the emulator:*"


def test_a_client_that_is_not_pointed_at_the_emulator_fails_the_test(run_tests: RunTests) -> None:
    result = run_tests("""
        import openai

        def test_it(assistants_emulator):
            client = openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0)
            with client, pytest.raises(openai.APIConnectionError):
                ask(client)
    """)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([ESCAPED.format("api.openai.com")])


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_an_async_client_is_reported_by_its_own_line_too(run_tests: RunTests, library: str) -> None:
    result = run_tests(f"""
        import asyncio, {library}, openai

        async def call():
            url = "https://mine.openai.azure.com/openai/v1"
            async with openai.AsyncOpenAI(base_url=url, max_retries=0) as client:
                await client.beta.threads.create()

        def test_it(assistants_emulator):
            with asyncio.Runner(loop_factory={library}.new_event_loop) as runner:
                runner.run(call())
    """)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- assistants emulator -*", ESCAPED.format("mine.openai.azure.com")])


def test_the_ini_option_turns_it_off(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import socket
        real = socket.getaddrinfo

        def test_it(assistants_emulator):
            assert socket.getaddrinfo is real
        """,
        ini="assistants_guard = false",
    )
    result.assert_outcomes(passed=1)


def test_it_is_gone_after_the_test(run_tests: RunTests) -> None:
    before = socket.getaddrinfo, asyncio.base_events.BaseEventLoop.getaddrinfo, uvloop.Loop.getaddrinfo
    run_tests("def test_it(assistants_emulator): pass").assert_outcomes(passed=1)
    assert before == (*(socket.getaddrinfo, asyncio.base_events.BaseEventLoop.getaddrinfo, uvloop.Loop.getaddrinfo),)


@pytest.mark.parametrize(
    "host",
    [
        "api.openai.com",
        "API.OpenAI.com.",
        b"api.openai.com",
        "eu.openai.azure.com",
        "eu.cognitiveservices.azure.com",
        "eu.services.ai.azure.com",
    ],
)
def test_names_of_the_hosted_api_are_refused_from_any_thread(monkeypatch: pytest.MonkeyPatch, host: object) -> None:
    escapes: list[str] = []
    guard.install(monkeypatch, escapes)
    raised: list[BaseException] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, 443)  # type: ignore[arg-type]
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=look_up)
    thread.start()
    thread.join()
    assert isinstance(raised[0], socket.gaierror)
    assert escapes == [raised[0].args[1]]
    assert "test_plugin_guard.py" in escapes[0]


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_loops_refuse_the_names_whoever_connects(
    monkeypatch: pytest.MonkeyPatch, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    escapes: list[str] = []
    guard.install(monkeypatch, escapes)

    async def connect() -> None:
        with pytest.raises(guard.EscapedError):
            await asyncio.open_connection("api.openai.com", 443)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(connect())
    assert "(in connect) asked for api.openai.com" in escapes[0]


@pytest.mark.parametrize("host", ["localhost", None, "127.0.0.1"])
def test_other_names_are_looked_up(assistants_emulator: ProjectHandle, host: str | None) -> None:
    assert socket.getaddrinfo(host, 80)
    assert asyncio.run(_on_the_loop(host))


async def _on_the_loop(host: str | None) -> list[object]:
    return list(await asyncio.get_running_loop().getaddrinfo(host, 80))
