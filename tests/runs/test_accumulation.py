"""Deltas that the SDK accumulates are exactly what GET then returns."""

import asyncio

import openai
import pytest

from assistants_emulator import (
    CodeInterpreter,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    ProjectHandle,
    Refusal,
    Text,
)
from assistants_emulator.responders import Chunk

KINDS = {
    "text": [Text("It is 18 degrees, isn't it? Ümläut ☀ and\n\nlines.")],
    "chunks": [Text("one two three", chunks=["one ", "two ", "three"])],
    "text as it is made": [Chunk("It is 18 "), Chunk(""), Chunk("degrees ☀")],
    "text as it is made, cut": [Chunk("It is 18 "), Incomplete("max_completion_tokens")],
    "empty text": [Text("")],
    "refusal": [Refusal("I can't help with that.")],
    "image": [Image(file_id="file-abc123")],
    "code interpreter": [CodeInterpreter("x = 1\nprint(x)", logs="1\n"), Text("one")],
    "file search": [FileSearch(results=[]), Text("nothing found")],
    "function": [FunctionCall("one", {"n": [1, 2]})],
    "parallel functions": [[FunctionCall("one", {}), FunctionCall("two", {"city": "Ås"})]],
    "several steps": [Text("first"), CodeInterpreter("1"), Text("second"), Text("third")],
    "incomplete": [Text("cut"), Incomplete("max_completion_tokens")],
    "failed": [Text("before"), Fail("rate_limit_exceeded", "Too fast.")],
}


class Recorder(openai.AssistantEventHandler):
    """Handler that keeps the SDK's accumulated objects and the names of its callbacks."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []
        self.messages: dict[str, object] = {}
        self.steps: dict[str, object] = {}

    def on_text_created(self, text: object) -> None:
        self.called.append("text created")

    def on_text_delta(self, delta: object, snapshot: object) -> None:
        self.called.append("text delta")

    def on_text_done(self, text: object) -> None:
        self.called.append("text done")

    def on_tool_call_created(self, tool_call: object) -> None:
        self.called.append("tool call created")

    def on_tool_call_delta(self, delta: object, snapshot: object) -> None:
        self.called.append("tool call delta")

    def on_tool_call_done(self, tool_call: object) -> None:
        self.called.append("tool call done")

    def on_image_file_done(self, image_file: object) -> None:
        self.called.append("image file done")

    def on_message_delta(self, delta: object, snapshot: openai.types.beta.threads.Message) -> None:
        self.messages[snapshot.id] = [part.model_dump() for part in snapshot.content]

    def on_run_step_delta(self, delta: object, snapshot: openai.types.beta.threads.runs.RunStep) -> None:
        self.steps[snapshot.id] = snapshot.step_details.model_dump()

    def on_end(self) -> None:
        self.called.append("end")


def clean(value: object) -> object:
    """Without the deltas' own `index`, and without what the SDK's types add as None."""
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items() if item is not None and key != "index"}
    return [clean(item) for item in value] if isinstance(value, list) else value


def streamed(project: ProjectHandle, asking, kind: str) -> Recorder:
    project.respond(KINDS[kind])
    recorder = Recorder()
    with asking.beta.threads.runs.stream(
        thread_id=asking.thread_id, assistant_id=asking.assistant_id, event_handler=recorder
    ) as stream:
        stream.until_done()
    return recorder


@pytest.mark.parametrize("kind", KINDS)
def test_the_deltas_of_messages_add_up_to_the_stored_message(project: ProjectHandle, asking, kind: str) -> None:
    told = streamed(project, asking, kind).messages
    stored = {message.id: [part.model_dump() for part in message.content] for message in asking.messages()[1:]}
    assert clean(told) == clean({id: content for id, content in stored.items() if id in told})
    assert set(stored) - set(told) == set() or kind == "empty text"


@pytest.mark.parametrize("kind", ["code interpreter", "function", "parallel functions", "several steps"])
def test_the_deltas_of_steps_add_up_to_the_stored_step(project: ProjectHandle, asking, kind: str) -> None:
    told = streamed(project, asking, kind).steps
    run_id = asking.beta.threads.runs.list(asking.thread_id).data[0].id
    stored = {step.id: step.step_details.model_dump() for step in asking.steps(run_id) if step.type == "tool_calls"}
    assert clean(told) == clean(stored)


def test_a_handler_sees_every_callback_of_a_text(project: ProjectHandle, asking) -> None:
    called = streamed(project, asking, "chunks").called
    assert called == ["text created", "text delta", "text delta", "text delta", "text done", "end"]


def test_a_handler_sees_every_callback_of_a_tool_call(project: ProjectHandle, asking) -> None:
    called = streamed(project, asking, "code interpreter").called
    assert called[0] == "tool call created"
    assert list(dict.fromkeys(called))[:3] == ["tool call created", "tool call delta", "tool call done"]


def test_a_handler_sees_an_image(project: ProjectHandle, asking) -> None:
    assert streamed(project, asking, "image").called == ["image file done", "end"]


def test_an_async_handler_sees_the_same_text(project: ProjectHandle, asking) -> None:
    project.respond("Hello there.")

    async def listen() -> str:
        async with (
            project.async_client() as client,
            client.beta.threads.runs.stream(thread_id=asking.thread_id, assistant_id=asking.assistant_id) as stream,
        ):
            return "".join([piece async for piece in stream.text_deltas])

    assert asyncio.run(listen()) == "Hello there."
