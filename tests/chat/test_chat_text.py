"""Texts of a live model: streamed as they arrive, and the requests that a run sends to the model."""

from __future__ import annotations

import base64
import threading

import openai
import pytest
from chat_stub import HOLD, USAGE, Chat, Stub, delta, text

from assistants_emulator import Emulator, ProjectHandle
from assistants_emulator.responders.chat.model import ChatModel


def test_a_run_is_answered_by_the_model(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("It ", "is ", "sunny."))
    chat = Chat(client)
    run = chat.poll()
    assert (run.status, chat.said()) == ("completed", ["It is sunny."])
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (11, 7)


def test_tokens_reach_a_stream_as_they_come(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append([delta(content="It "), delta(content="is"), HOLD, *text(" sunny.")])
    told: list[str] = []
    for event in Chat(client).create(stream=True):
        if event.event == "thread.message.delta":
            told.append(event.data.delta.content[0].text.value)
            if len(told) == 2:
                model.release.set()  # the model goes on only now
    assert told == ["It ", "is", " sunny."]


def test_a_stream_ends_with_the_same_message_as_get(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("It ", "is ", "sunny."))
    chat = Chat(client)
    with chat.runs.stream(thread_id=chat.thread_id, assistant_id=chat.assistant_id) as stream:
        snapshots = stream.get_final_messages()
    assert [one.content[0].text.value for one in snapshots] == chat.said() == ["It is sunny."]


def test_an_empty_answer_is_an_empty_message(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text())
    chat = Chat(client)
    assert chat.poll().status == "completed"
    assert chat.said() == [""]


def test_the_model_reads_the_instructions_and_the_thread(model: Stub, client: openai.OpenAI) -> None:
    model.answers += [text("One."), text("Two.")]
    chat = Chat(client, "First?", instructions="Be brief.")
    chat.poll(additional_instructions="In English.")
    client.beta.threads.messages.create(chat.thread_id, role="user", content="Second?")
    chat.poll()
    assert model.asked[0]["messages"][0] == {"role": "system", "content": "Be brief.\nIn English."}
    assert model.asked[1] == {
        "model": "small",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 1.0,
        "top_p": 1.0,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "One."},
            {"role": "user", "content": "Second?"},
        ],
    }


def test_the_runs_truncation_holds(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("Yes."))
    chat = Chat(client, "First?")
    client.beta.threads.messages.create(chat.thread_id, role="user", content="Second?")
    chat.poll(truncation_strategy={"type": "last_messages", "last_messages": 1})
    assert model.asked[0]["messages"] == [{"role": "user", "content": "Second?"}]


def test_options_are_passed_on(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("{}"))
    chat = Chat(client)
    chat.poll(temperature=0.2, top_p=0.5, response_format={"type": "json_object"}, max_completion_tokens=300)
    asked = model.asked[0]
    assert (asked["temperature"], asked["top_p"], asked["max_tokens"]) == (0.2, 0.5, 300)
    assert asked["response_format"] == {"type": "json_object"}


def test_images_are_shown_to_the_model(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("A cat."))
    file = client.files.create(file=("cat.png", b"png"), purpose="vision")
    chat = Chat(client)
    content = [{"type": "text", "text": "Look:"}, {"type": "image_file", "image_file": {"file_id": file.id}}]
    client.beta.threads.messages.create(chat.thread_id, role="user", content=content)
    chat.poll()
    url = f"data:image/png;base64,{base64.b64encode(b'png').decode()}"
    assert model.asked[0]["messages"][-1]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": url}},
    ]


@pytest.mark.parametrize(
    ("finish_reason", "reason"), [("length", "max_completion_tokens"), ("content_filter", "content_filter")]
)
def test_a_text_that_is_cut_short_is_incomplete(
    model: Stub, client: openai.OpenAI, finish_reason: str, reason: str
) -> None:
    model.answers.append(text("It is", finish_reason=finish_reason))
    chat = Chat(client)
    run = chat.poll()
    assert (run.status, run.incomplete_details.reason) == ("incomplete", reason)
    assert chat.said() == ["It is"]
    assert run.usage.completion_tokens == USAGE["completion_tokens"]


def test_a_model_that_tells_no_usage_gets_an_estimate(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append(text("It is sunny.", usage=None))
    assert Chat(client).poll().usage.completion_tokens == 3


def test_requests_do_not_wait_for_the_model(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append([delta(content="It "), HOLD, *text("is.")])
    chat = Chat(client)
    run = chat.create()
    assert chat.runs.retrieve(run.id, thread_id=chat.thread_id).status == "in_progress"
    with pytest.raises(openai.BadRequestError, match="while a run"):
        client.beta.threads.messages.create(chat.thread_id, role="user", content="More")
    model.release.set()
    assert chat.wait(run).status == "completed"


def test_cancel_in_mid_stream_keeps_the_text_and_disconnects_from_the_model(model: Stub, client: openai.OpenAI) -> None:
    model.answers.append([delta(content="It "), delta(content="is"), HOLD])
    chat = Chat(client)
    names: list[str] = []
    run_id = ""
    for event in chat.create(stream=True):
        names.append(event.event)
        run_id = event.data.id if event.event == "thread.run.created" else run_id
        if names[-1] == "thread.message.delta" and names.count(names[-1]) == 2:
            chat.runs.cancel(run_id, thread_id=chat.thread_id)
    assert names[-4:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]
    assert chat.said() == ["It is"]
    assert model.left.wait(10)


def test_a_stop_in_mid_stream_leaves_the_model(model: Stub, capfd: pytest.CaptureFixture[str]) -> None:
    model.answers.append([delta(content="It "), HOLD])
    with Emulator(responder=ChatModel(model.base_url, "small")) as emulator:
        chat = Chat(emulator.client())
        run = chat.create()
        while not chat.steps(run):
            pass
    assert model.left.wait(10)
    assert capfd.readouterr().err == ""


def test_many_runs_at_once_need_no_thread_each(model: Stub, client: openai.OpenAI, project: ProjectHandle) -> None:
    model.answers += [[delta(content="It "), HOLD, *text("is.")] for _ in range(8)]
    chats = [Chat(client) for _ in range(8)]
    before = threading.active_count()
    runs = [chat.create() for chat in chats]
    assert threading.active_count() - before <= 8 + 2
    model.release.set()
    assert {chat.wait(run).status for chat, run in zip(chats, runs, strict=True)} == {"completed"}


def test_a_key_goes_along_where_one_is_given(model: Stub, project: ProjectHandle, client: openai.OpenAI) -> None:
    model.answers += [text("One."), text("Two.")]
    Chat(client).poll()
    project.respond(ChatModel(model.base_url, "small", "secret"), live=True)
    Chat(client).poll()
    assert [headers.get("authorization") for headers in model.headers] == [None, "Bearer secret"]
