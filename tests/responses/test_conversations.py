"""Conversations and their items, through the SDK."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from tests.responses.conftest import WEATHER, Ask, outputs

from assistants_emulator import FunctionCall, Pause, ProjectHandle, Text

USER: Any = {"type": "message", "role": "user", "content": "Hi"}


def texts(client: openai.OpenAI, conversation_id: str) -> list[str]:
    items: Any = client.conversations.items.list(conversation_id, order="asc")
    return [item.content[0].text for item in items if item.type == "message"]


def test_a_conversation_is_created_read_updated_and_deleted(client: openai.OpenAI) -> None:
    made = client.conversations.create(metadata={"a": "b"})
    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert client.conversations.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not found."):
        client.conversations.retrieve(made.id)


def test_items_are_added_listed_and_deleted(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[USER])
    added: Any = client.conversations.items.create(made.id, items=[{**USER, "content": "Again"}])
    assert texts(client, made.id) == ["Hi", "Again"]
    item_id = added.data[0].id
    assert client.conversations.items.retrieve(item_id, conversation_id=made.id).id == item_id
    assert client.conversations.items.delete(item_id, conversation_id=made.id).id == made.id
    with pytest.raises(openai.NotFoundError, match=f"Item with id '{item_id}' not found in conversation."):
        client.conversations.items.retrieve(item_id, conversation_id=made.id)


def test_a_conversation_takes_twenty_items_at_once(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Expected an array with maximum length 20"):
        client.conversations.create(items=[USER] * 21)


def test_the_newest_items_come_first_and_pages_go_on(client: openai.OpenAI) -> None:
    made = client.conversations.create(items=[{**USER, "content": str(number)} for number in range(5)])
    page: Any = client.conversations.items.list(made.id, limit=2)
    assert [item.content[0].text for item in page.data] == ["4", "3"]
    assert [item.content[0].text for item in page] == ["4", "3", "2", "1", "0"]


def test_a_response_adds_its_input_and_output(ask: Ask, client: openai.OpenAI) -> None:
    conversation = client.conversations.create(items=[{**USER, "role": "developer", "content": "Be brief."}])
    first = ask("One", conversation=conversation.id)
    ask("Two", conversation={"id": conversation.id})
    assert texts(client, conversation.id) == ["Be brief.", "One", "Echo: One", "Two", "Echo: Two"]
    assert first.conversation.id == conversation.id


def test_functions_in_a_conversation_go_on_where_the_responder_stood(
    ask: Ask, client: openai.OpenAI, project: ProjectHandle
) -> None:
    @project.respond
    def weather(turn: Any) -> Any:
        oslo, rome = yield [FunctionCall("get_weather", {"city": city}) for city in ("Oslo", "Rome")]
        yield f"{oslo}, {rome}, {len(turn.messages)}"

    conversation = client.conversations.create().id
    first = ask("weather?", conversation=conversation, tools=[WEATHER])
    second = ask(outputs(first, "sun", "rain"), conversation=conversation, tools=[WEATHER])
    assert second.output_text == "sun, rain, 1"


def test_an_unanswered_call_blocks_the_conversation_until_its_item_is_deleted(
    ask: Ask, client: openai.OpenAI, project: ProjectHandle
) -> None:
    project.respond(FunctionCall("get_weather", {"city": "Oslo"}), when="weather")
    project.respond("Hello")
    conversation = client.conversations.create().id
    (call,) = ask("weather?", conversation=conversation, tools=[WEATHER]).output
    with pytest.raises(openai.BadRequestError, match=f"No tool output found for function call {call.call_id}."):
        ask("Never mind", conversation=conversation)
    client.conversations.items.delete(call.id, conversation_id=conversation)
    assert ask("Never mind", conversation=conversation).output_text == "Hello"


def test_a_conversation_is_locked_while_a_response_is_under_way(
    ask: Ask, client: openai.OpenAI, project: ProjectHandle
) -> None:
    project.respond([Pause(), Text("Hello")])
    conversation = client.conversations.create().id
    ask("Hi", conversation=conversation, background=True)
    with pytest.raises(openai.BadRequestError, match="Another process is currently operating") as caught:
        ask("Hi", conversation=conversation)
    assert (caught.value.param, caught.value.code) == ("conversation", "conversation_locked")


def test_an_item_that_is_there_is_a_duplicate(ask: Ask, client: openai.OpenAI) -> None:
    conversation = client.conversations.create().id
    (message,) = ask("Hi", conversation=conversation).output
    sent: Any = [message.model_dump(exclude_none=True), USER]
    with pytest.raises(openai.BadRequestError, match=f"Duplicate item found with id {message.id}."):
        ask(sent, conversation=conversation)


def test_items_of_a_deleted_conversation_stay_with_their_response(ask: Ask, client: openai.OpenAI) -> None:
    conversation = client.conversations.create().id
    response = ask("Hi", conversation=conversation)
    client.conversations.delete(conversation)
    assert client.responses.retrieve(response.id).output_text == "Echo: Hi"
