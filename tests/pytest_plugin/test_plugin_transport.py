"""The transport of the fixtures' clients: the marker, and the ini option for tests without one."""

from __future__ import annotations

import asyncio
import os

import openai
import pytest
from plugin_helpers import RunTests, ask

from assistants_emulator import ProjectHandle

NAMES = """
    def name(client): return type(client._client._transport).__name__
    def test_one(openai_client): print("one", name(openai_client))
    @pytest.mark.assistants(transport="{marked}")
    def test_two(openai_client): print("two", name(openai_client))
"""


@pytest.mark.assistants(transport="inprocess")
def test_the_marker_chooses(openai_client: openai.OpenAI, async_openai_client: openai.AsyncOpenAI) -> None:
    assert type(openai_client._client._transport).__name__ == "InProcessTransport"
    assert type(async_openai_client._client._transport).__name__ == "AsyncInProcessTransport"
    assert ask(openai_client).status == "completed"
    assert asyncio.run(_made(async_openai_client)).startswith("thread_")


async def _made(client: openai.AsyncOpenAI) -> str:
    return (await client.beta.threads.create()).id


@pytest.mark.assistants(transport="inprocess")
def test_code_that_makes_its_own_client_has_the_socket(
    assistants_emulator: ProjectHandle, openai_client: openai.OpenAI
) -> None:
    thread_id = openai_client.beta.threads.create().id
    assert os.environ["OPENAI_BASE_URL"] == assistants_emulator.base_url
    assert openai.OpenAI().beta.threads.retrieve(thread_id).id == thread_id


@pytest.mark.parametrize(
    ("ini", "marked", "one", "two"),
    [
        ("", "inprocess", "HTTPTransport", "InProcessTransport"),
        ("assistants_transport = inprocess", "socket", "InProcessTransport", "HTTPTransport"),
    ],
)
def test_the_ini_file_is_for_tests_that_say_nothing(
    run_tests: RunTests, ini: str, marked: str, one: str, two: str
) -> None:
    result = run_tests(NAMES.format(marked=marked), "-s", ini=ini)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"*one {one}*", f"*two {two}*"])


def test_an_unknown_transport_is_an_error(run_tests: RunTests) -> None:
    result = run_tests("def test_it(openai_client): pass", ini="assistants_transport = pigeon")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*assistants_transport is 'socket' or 'inprocess', not 'pigeon'"])
