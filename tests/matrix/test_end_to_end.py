"""A program of each generation of the SDK, from `openai` 1.6.1 (v1) to the newest; nox runs it with each of them.

Tests of features that an SDK does not have are skipped; nothing else depends on the version.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import openai
import pytest

from assistants_emulator import CodeInterpreter, Emulator, FileSearch, FunctionCall, Text

VERSION = tuple(int(part) for part in openai.__version__.split(".")[:2])
V1 = VERSION < (1, 21)
of_v1 = pytest.mark.skipif(not V1, reason="this SDK speaks v2")
of_v2 = pytest.mark.skipif(V1, reason="this SDK speaks v1")
streaming = pytest.mark.skipif(VERSION < (1, 16), reason="runs had no streams yet")
polling = pytest.mark.skipif(VERSION < (1, 16), reason="runs had no poll helpers yet")
checking = pytest.mark.skipif(VERSION < (1, 59), reason="its types are those of an older schema")
uploading = pytest.mark.skipif(VERSION < (1, 40), reason="there were no uploads yet")

CAKE = b"Cake is the favourite food of Filip. "
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def _weather(assistants_emulator: Any) -> None:
    @assistants_emulator.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (output,) = yield FunctionCall("get_weather", {"city": turn.match["city"]}, id="call_1")
        yield Text(f"{turn.match['city']}: {output}", chunks=[turn.match["city"], ": ", output])


@pytest.fixture
def project(assistants_emulator: Any) -> Any:
    return assistants_emulator


@pytest.fixture
def client(openai_client: Any) -> Any:
    return openai_client


@pytest.fixture
def assistant(client: Any) -> Any:
    tools: Any = [WEATHER, {"type": "code_interpreter"}]
    return client.beta.assistants.create(model="gpt-4o", name="Tutor", instructions="Help.", tools=tools)


def asked(client: Any, text: str) -> Any:
    """A thread with this user message."""
    thread = client.beta.threads.create()
    client.beta.threads.messages.create(thread.id, role="user", content=text)
    return thread


def said(client: Any, thread: Any) -> list[str]:
    """The thread's texts, newest first."""
    return [message.content[0].text.value for message in client.beta.threads.messages.list(thread.id)]


def stores(client: Any) -> Any:
    """Vector stores left `beta` in 1.66."""
    return client.vector_stores if hasattr(client, "vector_stores") else client.beta.vector_stores


def file(client: Any, name: str = "notes.txt") -> Any:
    return client.files.create(file=(name, CAKE), purpose="assistants")


# Objects


def test_assistants(client: Any, assistant: Any) -> None:
    assistants = client.beta.assistants
    assert assistants.retrieve(assistant.id) == assistant
    assert [one.id for one in assistants.list()] == [assistant.id]
    assert assistants.update(assistant.id, name="Other", metadata={"a": "b"}).name == "Other"
    assert assistants.delete(assistant.id).deleted
    with pytest.raises(openai.NotFoundError, match="No assistant found with id"):
        assistants.retrieve(assistant.id)


def test_threads(client: Any) -> None:
    threads = client.beta.threads
    thread = threads.create(messages=[{"role": "user", "content": "Hi"}], metadata={"a": "b"})
    assert threads.retrieve(thread.id).metadata == {"a": "b"}
    assert threads.update(thread.id, metadata={"c": "d"}).metadata == {"a": "b", "c": "d"}
    assert threads.delete(thread.id).deleted


def test_messages(client: Any) -> None:
    messages = client.beta.threads.messages
    thread = asked(client, "Hello")
    (message,) = messages.list(thread.id)
    assert messages.retrieve(message.id, thread_id=thread.id) == message
    assert (message.role, message.content[0].text.value, message.content[0].text.annotations) == ("user", "Hello", [])
    assert messages.update(message.id, thread_id=thread.id, metadata={"a": "b"}).metadata == {"a": "b"}
    if hasattr(messages, "delete"):
        assert messages.delete(message.id, thread_id=thread.id).deleted


def test_pages_are_walked_to_their_end(client: Any) -> None:
    thread = client.beta.threads.create()
    for number in range(24):
        client.beta.threads.messages.create(thread.id, role="user", content=f"{number}")
    listed = client.beta.threads.messages.list(thread.id, order="asc", limit=5)
    assert [message.content[0].text.value for message in listed] == [f"{number}" for number in range(24)]


def test_a_mistake_is_the_sdks_error(client: Any) -> None:
    with pytest.raises(openai.BadRequestError, match=r"Invalid type for 'metadata\.a'") as caught:
        client.beta.threads.create(metadata={"a": []})
    assert caught.value.param == "metadata.a"


def test_models(client: Any) -> None:
    assert "gpt-4o" in [model.id for model in client.models.list()]


def test_files(client: Any) -> None:
    made = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch" if VERSION > (1, 30) else "fine-tune")
    assert client.files.retrieve(made.id) == made
    assert [one.id for one in client.files.list(purpose=made.purpose)] == [made.id]
    assert client.files.content(made.id).read() == b"{}\n"
    assert client.files.delete(made.id).deleted


# Runs


def test_a_run_echoes(client: Any, assistant: Any) -> None:
    thread = asked(client, "Hello")
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "queued"
    run = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert (run.status, run.model, run.instructions) == ("completed", "gpt-4o", "Help.")
    assert [one.id for one in client.beta.threads.runs.list(thread.id)] == [run.id]
    assert said(client, thread) == ["Echo: Hello", "Hello"]


@pytest.mark.usefixtures("_weather")
def test_a_run_calls_a_function(client: Any, assistant: Any) -> None:
    runs, thread = client.beta.threads.runs, asked(client, "The weather in Oslo?")
    run = runs.create(thread_id=thread.id, assistant_id=assistant.id)
    run = runs.retrieve(run.id, thread_id=thread.id)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    assert (run.status, call.function.name, call.function.arguments) == (
        "requires_action",
        "get_weather",
        '{"city":"Oslo"}',
    )
    outputs: Any = [{"tool_call_id": call.id, "output": "18 C"}]
    runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs)
    assert runs.retrieve(run.id, thread_id=thread.id).status == "completed"
    assert said(client, thread)[0] == "Oslo: 18 C"
    calls, message = runs.steps.list(run.id, thread_id=thread.id, order="asc")
    assert calls.step_details.tool_calls[0].function.output == "18 C"
    assert runs.steps.retrieve(message.id, run_id=run.id, thread_id=thread.id) == message


@pytest.mark.usefixtures("_weather")
def test_a_run_is_cancelled(client: Any, assistant: Any) -> None:
    runs, thread = client.beta.threads.runs, asked(client, "The weather in Oslo?")
    run = runs.create(thread_id=thread.id, assistant_id=assistant.id)
    assert runs.cancel(run.id, thread_id=thread.id).status == "cancelling"
    assert runs.retrieve(run.id, thread_id=thread.id).status == "cancelled"


def test_code_is_shown(project: Any, client: Any, assistant: Any) -> None:
    project.respond([CodeInterpreter("1 + 1", logs="2"), "It is 2."])
    run = client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "1 + 1?"}]}
    )
    code, _ = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
    (call,) = code.step_details.tool_calls
    assert (call.code_interpreter.input, call.code_interpreter.outputs[0].logs) == ("1 + 1", "2")


@pytest.mark.usefixtures("_weather")
@polling
def test_the_poll_helpers_wait_for_the_run(client: Any, assistant: Any) -> None:
    runs, thread = client.beta.threads.runs, asked(client, "The weather in Oslo?")
    run = runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    outputs: Any = [{"tool_call_id": "call_1", "output": "18 C"}]
    run = runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread.id, tool_outputs=outputs)
    assert (run.status, said(client, thread)[0]) == ("completed", "Oslo: 18 C")


@streaming
def test_a_stream_of_events(client: Any, assistant: Any) -> None:
    thread = asked(client, "Hello")
    stream = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True)
    events = list(stream)
    assert [events[0].event, events[-1].event] == ["thread.run.created", "thread.run.completed"]
    told = [event.data.delta.content[0].text.value for event in events if event.event == "thread.message.delta"]
    assert "".join(told) == "Echo: Hello"


@pytest.mark.usefixtures("_weather")
@streaming
def test_a_handler_submits_outputs_while_its_stream_is_open(client: Any, assistant: Any) -> None:
    """As the guide has it: the second stream is opened from inside the first one's handler."""
    told: list[str] = []
    runs, thread = client.beta.threads.runs, asked(client, "The weather in Oslo?")

    class Answering(openai.AssistantEventHandler):
        def on_text_delta(self, delta: Any, snapshot: Any) -> None:
            told.append(delta.value)

        def on_event(self, event: Any) -> None:
            if event.event == "thread.run.requires_action":
                outputs: Any = [{"tool_call_id": "call_1", "output": "18 C"}]
                with runs.submit_tool_outputs_stream(
                    run_id=event.data.id, thread_id=thread.id, tool_outputs=outputs, event_handler=Answering()
                ) as stream:
                    stream.until_done()

    open_stream = getattr(runs, "stream", None) or runs.create_and_stream
    with open_stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=Answering()) as stream:
        stream.until_done()
    assert told == ["Oslo", ": ", "18 C"]
    assert said(client, thread)[0] == "Oslo: 18 C"


# Clients


def test_the_async_client(project: Any, async_openai_client: Any) -> None:
    async def walk() -> str:
        threads = async_openai_client.beta.threads
        assistant = await async_openai_client.beta.assistants.create(model="gpt-4o")
        thread = await threads.create(messages=[{"role": "user", "content": "Hello"}])
        run = await threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        await threads.runs.retrieve(run.id, thread_id=thread.id)
        newest = await threads.messages.list(thread.id, limit=1)
        return newest.data[0].content[0].text.value

    assert asyncio.run(walk()) == "Echo: Hello"


def test_a_client_made_by_the_program_itself(project: Any) -> None:
    with openai.OpenAI() as client:
        assert client.beta.threads.create().id.startswith("thread_")


def test_an_emulator_without_pytest() -> None:
    with Emulator() as emulator, emulator.client() as client:
        assert client.beta.threads.create().id.startswith("thread_")


@checking
def test_a_client_that_checks_every_answer() -> None:
    with Emulator(fidelity="spec") as emulator, emulator.client(_strict_response_validation=True) as client:
        assistant = client.beta.assistants.create(model="gpt-4o")
        thread = asked(client, "Hello")
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert list(client.beta.threads.runs.steps.list(run.id, thread_id=thread.id))
        assert list(client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True))
        store = stores(client).create(file_ids=[file(client).id])
        assert list(stores(client).files.list(store.id))


# Files and searches


@of_v2
def test_vector_stores(client: Any) -> None:
    store = stores(client).create(name="Notes")
    kept = stores(client).files.create_and_poll(vector_store_id=store.id, file_id=file(client).id)
    batch = stores(client).file_batches.create_and_poll(vector_store_id=store.id, file_ids=[file(client, "b.md").id])
    assert (kept.status, batch.status, batch.file_counts.completed) == ("completed", "completed", 1)
    assert len(list(stores(client).files.list(store.id))) == 2
    assert stores(client).update(store.id, name="Other").file_counts.total == 2
    assert stores(client).files.delete(kept.id, vector_store_id=store.id).deleted
    assert stores(client).delete(store.id).deleted


@of_v2
def test_a_file_is_searched_and_cited(project: Any, client: Any) -> None:
    made = file(client)
    project.respond([FileSearch(), Text("Cake.", citations=[{"file": "notes.txt", "quote": "the favourite food"}])])
    store = stores(client).create(file_ids=[made.id])
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = asked(client, "What is the favourite food of Filip?")
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    search, _ = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
    assert search.step_details.tool_calls[0].type == "file_search"
    (message, _) = client.beta.threads.messages.list(thread.id)
    (citation,) = message.content[0].text.annotations
    assert citation.file_citation.file_id == made.id


@of_v2
def test_a_message_with_an_attachment(client: Any) -> None:
    thread, made = client.beta.threads.create(), file(client)
    attached: Any = [{"file_id": made.id, "tools": [{"type": "code_interpreter"}]}]
    message = client.beta.threads.messages.create(thread.id, role="user", content="See", attachments=attached)
    assert [attachment.file_id for attachment in message.attachments] == [made.id]


@uploading
def test_uploads(client: Any) -> None:
    upload = client.uploads.create(filename="a.jsonl", purpose="batch", bytes=6, mime_type="text/plain")
    parts = [client.uploads.parts.create(upload.id, data=data).id for data in (b"two", b"one")]
    completed = client.uploads.complete(upload.id, part_ids=parts[::-1])
    assert client.files.content(completed.file.id).read() == b"onetwo"


# v1


@of_v1
def test_v1_the_tutorial_as_its_readers_typed_it(project: Any, client: Any) -> None:
    project.respond("Filip likes cake.")
    uploaded = client.files.create(file=("knowledge.txt", CAKE), purpose="assistants")
    assistant = client.beta.assistants.create(
        instructions="You are a customer support chatbot. Use your knowledge base.",
        model="gpt-4-1106-preview",
        tools=[{"type": "retrieval"}],
        file_ids=[uploaded.id],
    )
    thread = client.beta.threads.create()
    message = client.beta.threads.messages.create(
        thread_id=thread.id, role="user", content="What does Filip like?", file_ids=[uploaded.id]
    )
    assert [one.id for one in client.beta.threads.messages.files.list(message.id, thread_id=thread.id)] == [uploaded.id]
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    while run.status in ("queued", "in_progress"):
        run = client.beta.threads.runs.retrieve(thread_id=thread.id, run_id=run.id)
    assert (run.status, run.file_ids) == ("completed", [uploaded.id])
    messages = client.beta.threads.messages.list(thread_id=thread.id)
    assert messages.data[0].content[0].text.value == "Filip likes cake."


@of_v1
def test_v1_assistants_have_files(client: Any) -> None:
    assistants, made = client.beta.assistants, file(client)
    assistant = assistants.create(model="gpt-4-turbo", tools=[{"type": "retrieval"}], file_ids=[made.id])
    assert (assistant.file_ids, assistant.tools[0].type) == ([made.id], "retrieval")
    assert [one.id for one in assistants.files.list(assistant.id)] == [made.id]
    other = assistants.files.create(assistant.id, file_id=file(client, "b.txt").id)
    assert (other.object, other.assistant_id) == ("assistant.file", assistant.id)
    assert assistants.files.retrieve(other.id, assistant_id=assistant.id) == other
    assert assistants.files.delete(other.id, assistant_id=assistant.id).deleted
    assert assistants.retrieve(assistant.id).file_ids == [made.id]


@of_v1
def test_v1_messages_have_files(client: Any) -> None:
    messages, made, thread = client.beta.threads.messages, file(client), client.beta.threads.create()
    message = messages.create(thread.id, role="user", content="See", file_ids=[made.id])
    assert message.file_ids == [made.id]
    (listed,) = messages.files.list(message.id, thread_id=thread.id)
    assert (listed.id, listed.object, listed.message_id) == (made.id, "thread.message.file", message.id)
    assert messages.files.retrieve(made.id, thread_id=thread.id, message_id=message.id) == listed


@of_v1
def test_v1_answers_have_no_keys_of_v2(client: Any, assistant: Any) -> None:
    """A program of that time reads `file_ids` off every object."""
    thread = asked(client, "Hello")
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    message = next(iter(client.beta.threads.messages.list(thread.id)))
    run = client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    for shown in (assistant, message, run):
        assert shown.file_ids == []
        assert not {"tool_resources", "attachments", "parallel_tool_calls"} & set(shown.model_extra)
    assert not {"tool_resources"} & set(client.beta.threads.retrieve(thread.id).model_extra)


@of_v1
def test_v1_a_search_is_a_retrieval(project: Any, client: Any) -> None:
    """A script says `file_search`, and a program of that time finds `retrieval`."""
    made = file(client)
    project.respond([FileSearch("cake"), "Cake."])
    assistant = client.beta.assistants.create(model="gpt-4-turbo", tools=[{"type": "retrieval"}], file_ids=[made.id])
    thread = asked(client, "What is it?")
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    search, _ = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
    assert search.step_details.tool_calls[0].type == "retrieval"


@of_v1
@streaming
def test_v1_streams_show_v1(client: Any, assistant: Any) -> None:
    thread = asked(client, "Hello")
    stream = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, stream=True)
    shown = [event.data for event in stream if event.data.object in ("thread.run", "thread.message")]
    assert {tuple(one.file_ids) for one in shown} == {()}


def test_the_marks_of_this_file_hold(client: Any) -> None:
    """The conditions that skip tests name the versions that lack the feature."""
    runs = client.beta.threads.runs
    assert ("stream" in inspect.signature(runs.create).parameters) == (VERSION >= (1, 16))
    assert hasattr(runs, "create_and_poll") == (VERSION >= (1, 16))
    assert hasattr(client, "uploads") == (VERSION >= (1, 40))
    assert hasattr(client.beta.assistants, "files") == V1
