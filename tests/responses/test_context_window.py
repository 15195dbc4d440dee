"""The context window of a model: an input over it is refused, or begins later with `truncation: auto`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import Emulator

WINDOW = 100
TOO_LONG = "Your input exceeds the context window of this model. Please adjust your input and try again."
LONG = "word " * 60  # 75 tokens, and 4 of the message


@pytest.fixture
def small() -> Iterator[Emulator]:
    with Emulator(context_window=WINDOW) as emulator:
        yield emulator


@pytest.fixture
def responses(small: Emulator) -> Any:
    return small.client(max_retries=0).responses


def heard(turn: Any) -> str:
    """The first word of each message that the turn shows, and its length."""
    return " ".join(f"{len(message['content'][0]['text'])}" for message in turn.messages)


def test_an_input_over_the_context_window_is_refused(responses: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        responses.create(model="gpt-4o", input=LONG * 2)
    assert refused.value.body == {
        "message": TOO_LONG,
        "type": "invalid_request_error",
        "param": "input",
        "code": "context_length_exceeded",
    }


def test_a_response_in_the_background_over_it_is_refused_too(responses: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="exceeds the context window"):
        responses.create(model="gpt-4o", input=LONG * 2, background=True)


def test_a_stream_over_it_fails_by_an_error_event(small: Emulator) -> None:
    body = {"model": "gpt-4o", "input": LONG * 2, "stream": True}
    text = httpx2.post(f"{small.base_url}/responses", json=body, headers={"Authorization": "Bearer k"}).text
    events = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    names = ["response.created", "response.in_progress", "error", "response.failed"]
    assert [event["type"] for event in events] == names
    error = {"type": "invalid_request_error", "code": "context_length_exceeded", "message": TOO_LONG, "param": "input"}
    assert events[2] == {"type": "error", "error": error, "sequence_number": 2}


def test_the_whole_chain_counts(responses: Any) -> None:
    first = responses.create(model="gpt-4o", input=LONG)
    with pytest.raises(openai.BadRequestError, match="exceeds the context window"):
        responses.create(model="gpt-4o", input="And?", previous_response_id=first.id)


def test_a_conversation_counts_with_the_items_that_were_added(small: Emulator, responses: Any) -> None:
    conversations = small.client().conversations
    conversation = conversations.create()
    item = conversations.items.create(conversation.id, items=[{"role": "user", "content": LONG}]).data[0]
    with pytest.raises(openai.BadRequestError, match="exceeds the context window"):
        responses.create(model="gpt-4o", input=LONG, conversation=conversation.id)
    conversations.items.delete(item.id, conversation_id=conversation.id)
    assert responses.create(model="gpt-4o", input=LONG, conversation=conversation.id).status == "completed"


def test_truncation_drops_items_from_the_beginning(small: Emulator, responses: Any) -> None:
    small.respond(heard)
    messages: list[Any] = [
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And now?" + LONG},
    ]
    response = responses.create(model="gpt-4o", input=messages, truncation="auto")
    assert response.output_text == "4 308"
    assert response.usage.input_tokens == WINDOW


def test_truncation_drops_nothing_that_fits(small: Emulator, responses: Any) -> None:
    small.respond(heard)
    first = responses.create(model="gpt-4o", input="Hello", truncation="auto")
    second = responses.create(model="gpt-4o", input="Hi", previous_response_id=first.id, truncation="auto")
    assert second.output_text == "5 1 2"


def test_a_message_over_the_context_window_is_refused_under_truncation_too(responses: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="exceeds the context window"):
        responses.create(model="gpt-4o", input=LONG * 2, truncation="auto")


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("gpt-4-0613", 8_192), ("gpt-4-turbo-2024-04-09", 128_000), ("ft:gpt-3.5-turbo:me::1", 16_385)],
)
def test_without_a_setting_the_model_has_its_own(client: openai.OpenAI, model: str, tokens: int) -> None:
    fitting = "four" * (tokens - 4)
    assert client.responses.create(model=model, input=fitting).usage.input_tokens == tokens  # type: ignore[union-attr]
    with pytest.raises(openai.BadRequestError, match="exceeds the context window"):
        client.responses.create(model=model, input=fitting + "more")


def test_a_model_of_no_known_name_has_no_context_window(client: openai.OpenAI) -> None:
    assert client.responses.create(model="gpt-neo", input="four" * 1_100_000).status == "completed"


def test_a_run_drops_the_middle_of_its_thread(small: Emulator) -> None:
    small.respond(lambda turn: " ".join(str(len(each["content"][0]["text"]["value"])) for each in turn.messages))
    threads = small.client().beta.threads
    assistant = small.client().beta.assistants.create(model="gpt-4o")
    thread = threads.create(messages=[{"role": "user", "content": text} for text in ("Hello", LONG, LONG, "Bye")])
    run = threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert threads.messages.list(thread.id).data[0].content[0].text.value == "5 300 3"  # type: ignore[union-attr]
    assert run.usage is not None
    assert run.usage.prompt_tokens == WINDOW
