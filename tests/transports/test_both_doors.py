"""Results are the same over the socket and in process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest

from assistants_emulator import Emulator, FunctionCall, Pause, ProjectHandle, Text
from assistants_emulator.errors import EmulatorError


def begin(client: Any, thread_id: str, assistant_id: str, **options: Any) -> Any:
    return client.beta.threads.runs.create(thread_id=thread_id, assistant_id=assistant_id, **options)


def poll(client: Any, thread_id: str, assistant_id: str) -> Any:
    return client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant_id)


def eventually(is_so: Callable[[], bool]) -> bool:
    for _ in range(200):
        if is_so():
            return True
        time.sleep(0.01)
    return False


def test_a_run_is_answered(client: openai.OpenAI, thread_id: str, assistant_id: str) -> None:
    run = poll(client, thread_id, assistant_id)
    said = [message.content[0].text.value for message in client.beta.threads.messages.list(thread_id)]
    assert (run.status, said) == ("completed", ["Echo: Hello", "Hello"])


def test_a_function_is_called(project: ProjectHandle, client: openai.OpenAI, thread_id: str, assistant_id: str) -> None:
    @project.respond
    def weather(turn: Any) -> Any:
        (output,) = yield FunctionCall("get_weather", {"city": "Oslo"})
        yield Text(output)

    run = poll(client, thread_id, assistant_id)
    call = run.required_action.submit_tool_outputs.tool_calls[0]
    outputs = [{"tool_call_id": call.id, "output": "Rain."}]
    client.beta.threads.runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread_id, tool_outputs=outputs)
    assert client.beta.threads.messages.list(thread_id).data[0].content[0].text.value == "Rain."


def test_errors_are_the_apis(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="No thread found with id 'thread_nope'") as raised:
        client.beta.threads.retrieve("thread_nope")
    assert raised.value.request_id
    assert raised.value.response.headers["content-type"] == "application/json"


def test_a_page_follows_another(client: openai.OpenAI, thread_id: str) -> None:
    for number in range(5):
        client.beta.threads.messages.create(thread_id, role="user", content=str(number))
    messages = client.beta.threads.messages.list(thread_id, limit=2, order="asc")
    assert [message.content[0].text.value for message in messages] == ["Hello", *"01234"]


def test_a_file_goes_up_and_comes_down(client: openai.OpenAI) -> None:
    content = bytes(range(256)) * 40_000  # more than the transport buffers
    file = client.files.create(file=("data.bin", content), purpose="vision")
    assert client.files.content(file.id).content == content


def test_a_header_may_say_anything(project: ProjectHandle, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Unknown beta requested: 'nope'"):
        client.beta.threads.create(extra_headers={"OpenAI-Beta": "nope=v2"})
    assert [(call.method, call.path, call.status) for call in project.requests] == [("POST", "/v1/threads", 400)]


# Streams


def test_a_stream_has_every_event(client: openai.OpenAI, thread_id: str, assistant_id: str) -> None:
    names = [event.event for event in begin(client, thread_id, assistant_id, stream=True)]
    assert (names[0], names[-1]) == ("thread.run.created", "thread.run.completed")
    assert "thread.message.delta" in names


def test_a_streams_events_arrive_while_it_is_open(
    project: ProjectHandle, client: openai.OpenAI, thread_id: str, assistant_id: str
) -> None:
    project.respond([Text("One."), Pause(), Text("Two.")])
    events = iter(begin(client, thread_id, assistant_id, stream=True))
    run_id = next(event.data.run_id for event in events if event.event == "thread.message.completed")
    assert eventually(lambda: _resumed(project, run_id))
    assert [event.event for event in events][-1] == "thread.run.completed"


def _resumed(project: ProjectHandle, run_id: str) -> bool:
    try:
        project.resume(run_id)
    except EmulatorError:
        return False
    return True


def test_a_stream_that_is_closed_early_is_noticed(
    emulator: Emulator, project: ProjectHandle, client: openai.OpenAI, thread_id: str, assistant_id: str
) -> None:
    project.respond([Text("One."), Pause(), Text("Two.")])
    with begin(client, thread_id, assistant_id, stream=True) as stream:
        next(iter(stream))
    opened = emulator.open_project(project.name).open_streams
    assert eventually(lambda: not opened)


def test_more_events_than_may_wait(
    project: ProjectHandle, client: openai.OpenAI, thread_id: str, assistant_id: str
) -> None:
    project.respond(Text("x" * 1000, chunks=["x"] * 1000))
    stream = begin(client, thread_id, assistant_id, stream=True)
    assert sum(event.event == "thread.message.delta" for event in stream) == 1000


def test_several_threads_share_a_client(client: openai.OpenAI, assistant_id: str) -> None:
    done = []

    def work() -> None:
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
        done.append(poll(client, thread.id, assistant_id).status)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == ["completed"] * 8


def test_a_responder_may_call_the_api(
    project: ProjectHandle, client: openai.OpenAI, thread_id: str, assistant_id: str
) -> None:
    @project.respond
    def count(turn: Any) -> str:
        return str(len(turn.client().beta.threads.messages.list(thread_id).data))

    poll(client, thread_id, assistant_id)
    assert client.beta.threads.messages.list(thread_id).data[0].content[0].text.value == "1"


# Async


def test_the_async_client(project: ProjectHandle, thread_id: str, assistant_id: str) -> None:
    async def use() -> tuple[str, list[str]]:
        async with project.async_client() as client:
            run = await client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant_id)
            stream = await begin(client, thread_id, assistant_id, stream=True)
            return run.status, [event.event async for event in stream]

    status, names = asyncio.run(use())
    assert (status, names[-1]) == ("completed", "thread.run.completed")


def test_concurrent_async_calls(project: ProjectHandle) -> None:
    async def use() -> set[str]:
        async with project.async_client() as client:
            return {thread.id for thread in await asyncio.gather(*(client.beta.threads.create() for _ in range(20)))}

    assert len(asyncio.run(use())) == 20


def test_an_async_upload(project: ProjectHandle) -> None:
    async def use() -> bytes:
        async with project.async_client() as client:
            file = await client.files.create(file=("a.txt", b"text" * 100_000), purpose="vision")
            return (await client.files.content(file.id)).content

    assert asyncio.run(use()) == b"text" * 100_000


def test_an_async_stream_that_is_closed_early_is_noticed(
    emulator: Emulator, project: ProjectHandle, thread_id: str, assistant_id: str
) -> None:
    project.respond([Text("One."), Pause(), Text("Two.")])

    async def use() -> None:
        client = project.async_client()
        async with client, await begin(client, thread_id, assistant_id, stream=True) as stream:
            await anext(aiter(stream))

    asyncio.run(use())
    opened = emulator.open_project(project.name).open_streams
    assert eventually(lambda: not opened)


def test_a_cancelled_async_call_leaves(project: ProjectHandle) -> None:
    project.faults.add("POST /threads", delay=5, times=1)

    async def use() -> None:
        async with project.async_client() as client:
            async with asyncio.timeout(0.1):
                await client.beta.threads.create()

    with pytest.raises(TimeoutError):
        asyncio.run(use())


# Errors


def test_a_dropped_connection(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.faults.add("POST /threads", drop_after=0, times=1)
    with pytest.raises(openai.APIConnectionError):
        client.beta.threads.create()
    assert project.requests[-1].status == 0


def test_a_dropped_connection_is_retried(project: ProjectHandle) -> None:
    project.faults.add("POST /threads", drop_after=0, times=1)
    assert project.client(max_retries=1).beta.threads.create().id


def test_a_stream_that_breaks_off(
    project: ProjectHandle, client: openai.OpenAI, thread_id: str, assistant_id: str
) -> None:
    project.faults.add("POST /threads/*/runs", drop_after=4, times=1)
    seen: list[str] = []
    with pytest.raises(Exception, match=r"peer closed|Connection error|reset|incomplete"):
        seen.extend(event.event for event in begin(client, thread_id, assistant_id, stream=True))
    assert client.beta.threads.runs.list(thread_id).data[0].status == "completed"


def test_an_answer_that_does_not_come_in_time(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.faults.add("POST /threads", delay=5, times=2)
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.1).beta.threads.create()

    async def use() -> None:
        async with project.async_client(max_retries=0, timeout=0.1) as client:
            await client.beta.threads.create()

    with pytest.raises(openai.APITimeoutError):
        asyncio.run(use())


def test_an_emulator_that_was_stopped(emulator: Emulator) -> None:
    with Emulator(transport=emulator.config.transport) as other:
        client = other.client(max_retries=0)
        client.beta.threads.create()
    with pytest.raises(openai.APIConnectionError):
        client.beta.threads.create()
