"""The async client is made outside of any event loop and leaves nothing open on the one that the test runs."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import openai
import pytest
import uvloop
from plugin_helpers import RunTests


async def ask(client: openai.AsyncOpenAI) -> str:
    assistant = await client.beta.assistants.create(model="gpt-4o")
    run = await client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
    )
    return run.status


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_any_loop_may_run_it_even_several_times(
    async_openai_client: openai.AsyncOpenAI, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    for _ in range(2):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            assert runner.run(ask(async_openai_client)) == "completed"
    gc.collect()


def test_nothing_is_left_open_when_its_loop_is_gone(run_tests: RunTests) -> None:
    result = run_tests(
        """
        import asyncio, gc

        async def stream(client):
            assistant = await client.beta.assistants.create(model="gpt-4o")
            thread = {"messages": [{"role": "user", "content": "Hello"}]}
            async with client.beta.threads.create_and_run_stream(assistant_id=assistant.id, thread=thread) as events:
                return [event.event async for event in events]

        def test_it(async_openai_client):
            assert asyncio.run(stream(async_openai_client))[-1] == "thread.run.completed"

        def test_afterwards():
            gc.collect()
        """,
        *("-W", "error"),
        ini="assistants_silence_deprecations = true",
    )
    result.assert_outcomes(passed=2)


def test_it_may_be_closed_by_the_test(async_openai_client: openai.AsyncOpenAI) -> None:
    async def use() -> None:
        async with async_openai_client as client:
            await ask(client)

    asyncio.run(use())
