"""Many streams at once, large ones, and clients that disconnect."""

import asyncio

import httpx2
import openai
import pytest

from assistants_emulator import FunctionCall, Pause, ProjectHandle, Text


@pytest.mark.slow
def test_two_hundred_streams_at_once_finish_in_order(project: ProjectHandle, asking) -> None:
    project.respond(lambda turn: f"You said {turn.last_message.text}.")

    async def one(client: openai.AsyncOpenAI, number: int) -> tuple[str, list[str]]:
        thread = {"messages": [{"role": "user", "content": str(number)}]}
        stream = await client.beta.threads.create_and_run(assistant_id=asking.assistant_id, thread=thread, stream=True)
        events = [event async for event in stream]
        said = "".join(event.data.delta.content[0].text.value for event in events if "message.delta" in event.event)
        return said, [event.event for event in events if "delta" not in event.event]

    async def all_of_them() -> list[tuple[str, list[str]]]:
        limits = httpx2.Limits(max_connections=200)
        http_client = httpx2.AsyncClient(limits=limits, timeout=60, verify=False)
        async with project.async_client(http_client=http_client) as client:
            return list(await asyncio.gather(*(one(client, number) for number in range(200))))

    ended = asyncio.run(all_of_them())
    assert [said for said, _ in ended] == [f"You said {number}." for number in range(200)]
    assert {tuple(names) for _, names in ended} == {tuple(ended[0][1])}
    assert ended[0][1][-1] == "thread.run.completed"


def test_a_megabyte_of_text_arrives_whole(project: ProjectHandle, asking) -> None:
    text = "words and numbers 12345, " * 40_000
    project.respond(text)
    deltas = [event.data.delta.content[0].text.value for event in asking.events() if "message.delta" in event.event]
    assert "".join(deltas) == text


def test_a_client_that_goes_away_does_not_stop_the_run(project: ProjectHandle, asking) -> None:
    project.respond([Text("before"), Pause(), Text("after")])
    with asking.create(stream=True) as stream:
        run_id = next(event.data.id for event in stream)
    project.resume(run_id)
    assert asking.retrieve(run_id).status == "completed"
    assert [message.content[0].text.value for message in asking.messages()[1:]] == ["before", "after"]


def test_a_stream_that_ended_in_requires_action_leaves_the_thread_free_for_its_outputs(
    project: ProjectHandle, asking
) -> None:
    def answer():
        (output,) = yield FunctionCall("ask", {})
        yield Text(output)

    project.respond(answer)
    stream = asking.create(stream=True)
    for event in stream:
        if event.event == "thread.run.requires_action":
            (call,) = asking.retrieve(event.data.id).required_action.submit_tool_outputs.tool_calls
            continued = asking.beta.threads.runs.submit_tool_outputs(
                run_id=event.data.id,
                thread_id=asking.thread_id,
                tool_outputs=[{"tool_call_id": call.id, "output": "answered"}],
                stream=True,
            )
            names = [event.event for event in continued]
    assert names[:3] == ["thread.run.step.completed", "thread.run.queued", "thread.run.in_progress"]
    assert names[-1] == "thread.run.completed"


def test_a_thread_that_is_deleted_ends_its_streams(project: ProjectHandle, asking) -> None:
    project.respond([Pause()])
    with asking.create(stream=True) as stream:
        next(iter(stream))
        asking.beta.threads.delete(asking.thread_id)
        assert [event.event for event in stream][-1] == "thread.run.in_progress"
