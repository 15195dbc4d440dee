"""Creating, reading, cancelling and deleting responses, through the SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import openai
import pytest
from tests.responses.conftest import MODEL, WEATHER, Ask, outputs

from assistants_emulator import FunctionCall, Incomplete, Pause, ProjectHandle, Refusal, Text, Usage, Wait
from assistants_emulator.errors import ScriptError


def test_a_response_answers_its_input(ask: Ask) -> None:
    response = ask("Hi")
    assert (response.status, response.output_text) == ("completed", "Echo: Hi")
    assert (response.object, response.previous_response_id, response.store) == ("response", None, True)


def test_a_retrieved_response_is_the_one_that_was_created(ask: Ask, client: openai.OpenAI) -> None:
    response = ask("Hi", metadata={"a": "b"}, instructions="Be brief.", temperature=0.5)
    assert client.responses.retrieve(response.id).model_dump() == response.model_dump()


def test_a_rule_sees_the_request(ask: Ask, project: ProjectHandle) -> None:
    @project.respond(when={"message": "^Hi$", "instructions": "brief", "model": MODEL, "metadata": {"a": "b"}})
    def answer(turn: Any) -> str:
        return f"{turn.api} {turn.request['metadata']} {turn.last_message.text} {turn.instructions}"

    response = ask("Hi", metadata={"a": "b"}, instructions="Be brief.")
    assert response.output_text == "responses {'a': 'b'} Hi Be brief."


def test_a_turn_of_a_response_has_an_empty_assistant_and_thread(ask: Ask, project: ProjectHandle) -> None:
    project.respond("For Tutor.", when=lambda turn: turn.assistant.name == "Tutor")
    project.respond(lambda turn: f"{turn.assistant.id} {turn.thread.metadata}")
    assert ask("Hi").output_text == "None {}"


def test_a_rule_for_an_assistant_says_that_a_response_has_none(ask: Ask, project: ProjectHandle) -> None:
    project.respond("Hello", when={"assistant": "Tutor"})
    error = ask("Hi").error
    assert "a response has no assistant: use model, instructions or metadata" in error.message


def test_a_function_call_ends_the_response_and_its_output_goes_on(ask: Ask, project: ProjectHandle) -> None:
    @project.respond(when=r"weather in (?P<city>\w+)")
    def weather(turn: Any) -> Any:
        (found,) = yield FunctionCall("get_weather", {"city": turn.match["city"]})
        yield f"It is {found}."

    first = ask("weather in Oslo", tools=[WEATHER])
    assert (first.status, first.output[0].arguments) == ("completed", '{"city":"Oslo"}')
    second = ask(outputs(first, "sunny"), previous_response_id=first.id, tools=[WEATHER])
    assert second.output_text == "It is sunny."


def test_a_chain_shows_its_whole_context_newest_first(ask: Ask, client: openai.OpenAI) -> None:
    second = ask("Two", previous_response_id=ask("One").id)
    texts = [item.content[0].text for item in client.responses.input_items.list(second.id)]
    assert texts == ["Two", "Echo: One", "One"]
    assert second.output_text == "Echo: Two"


def test_instructions_are_not_carried_over(ask: Ask, project: ProjectHandle) -> None:
    project.respond(lambda turn: str(turn.instructions))
    first = ask("One", instructions="Be brief.")
    assert ask("Two", previous_response_id=first.id).output_text == "None"


def test_a_refusal_is_a_part_of_the_message(ask: Ask, project: ProjectHandle) -> None:
    project.respond(Refusal("No."))
    assert ask("Hi").output[0].content[0].refusal == "No."


def test_stated_usage_is_the_responses_usage(ask: Ask, project: ProjectHandle) -> None:
    project.respond([Text("Hello"), Usage(7, 3)])
    usage = ask("Hi").usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (7, 3, 10)


def test_a_text_over_its_budget_is_cut(ask: Ask, project: ProjectHandle) -> None:
    project.respond("word " * 100)
    response = ask("Hi", max_output_tokens=16)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert response.output[0].status == "incomplete"


def test_an_incomplete_run_is_an_incomplete_response(ask: Ask, project: ProjectHandle) -> None:
    project.respond([Text("So far"), Incomplete("content_filter")])
    response = ask("Hi")
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "content_filter")


def test_what_has_no_equivalent_fails_and_says_so(ask: Ask, project: ProjectHandle) -> None:
    project.respond(Incomplete("max_prompt_tokens"))
    response = ask("Hi")
    assert response.status == "failed"
    assert response.error.message.startswith("The Responses API has no equivalent of Incomplete('max_prompt_tokens')")


def test_a_response_without_store_is_not_found(ask: Ask, client: openai.OpenAI) -> None:
    response = ask("Hi", store=False)
    with pytest.raises(openai.NotFoundError, match=f"Response with id '{response.id}' not found."):
        client.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError, match="Previous response with id"):
        ask("Hi", previous_response_id=response.id)


def test_a_deleted_response_is_gone(ask: Ask, client: openai.OpenAI) -> None:
    response = ask("Hi")
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_background_response_is_polled(ask: Ask, client: openai.OpenAI) -> None:
    response = ask("Hi", background=True)
    assert (response.status, response.output, response.usage) == ("queued", [], None)
    assert client.responses.retrieve(response.id).output_text == "Echo: Hi"


def test_a_paused_background_response_can_be_cancelled(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([Pause(), Text("Never")])
    response = ask("Hi", background=True)
    assert client.responses.retrieve(response.id).status == "in_progress"
    assert client.responses.cancel(response.id).status == "cancelled"
    assert client.responses.cancel(response.id).status == "cancelled"


def test_only_what_is_in_the_background_can_be_cancelled(ask: Ask, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(ask("Hi").id)


def test_a_paused_response_goes_on_when_it_is_resumed(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([Pause(), Text("Hello")])
    response = ask("Hi", background=True)
    client.responses.retrieve(response.id)
    project.resume(response.id)
    assert client.responses.retrieve(response.id).output_text == "Hello"


def test_a_pause_fails_a_response_that_is_answered_whole(ask: Ask, project: ProjectHandle) -> None:
    project.respond([Pause(), Text("Never")])
    response = ask("Hi")
    assert (response.status, response.output) == ("failed", [])
    assert "create it with background=True or stream=True" in response.error.message
    assert [type(failure.error) for failure in project.failures] == [ScriptError]


def test_a_paused_stream_goes_on_when_it_is_resumed(ask: Ask, project: ProjectHandle) -> None:
    project.respond([Text("One."), Pause(), Text("Two.")])
    texts = []
    for event in ask("Hi", stream=True):
        if event.type == "response.output_text.done":
            texts.append(event.text)
        if event.type == "response.output_item.done" and len(texts) == 1:
            project.resume(next(iter(project.transcripts())))
    assert texts == ["One.", "Two."]


def test_a_wait_passes_by_the_clock(ask: Ask, client: openai.OpenAI, project: ProjectHandle) -> None:
    project.respond([Wait(60), Text("Hello")])
    response = ask("Hi", background=True)
    assert client.responses.retrieve(response.id).status == "in_progress"
    project.clock.advance(60)
    assert client.responses.retrieve(response.id).output_text == "Hello"


def test_json_is_parsed_into_the_model_that_was_asked_for(client: openai.OpenAI, project: ProjectHandle) -> None:
    from pydantic import BaseModel

    class City(BaseModel):
        name: str

    project.respond('{"name": "Oslo"}')
    parsed = client.responses.parse(model=MODEL, input="Hi", text_format=City)
    assert parsed.output_parsed == City(name="Oslo")


def test_json_may_end_in_its_middle(project: ProjectHandle, client: openai.OpenAI) -> None:
    project.respond(Text('{"ci', then=Incomplete("max_completion_tokens")))
    response = client.responses.create(model=MODEL, input="Hi", text={"format": {"type": "json_object"}})
    assert (response.status, response.output_text) == ("incomplete", '{"ci')


def test_a_function_without_strict_comes_back_strict(ask: Ask) -> None:
    (tool,) = ask("Hi", tools=[WEATHER]).tools
    assert tool.strict
    assert tool.parameters["required"] == ["city"]
    assert tool.parameters["additionalProperties"] is False


def test_input_tokens_are_counted(client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model=MODEL, input="Hello there")
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 7)


def test_json_is_ascii_and_indented_by_two(project: ProjectHandle) -> None:
    project.respond("Ærlig 😀")
    headers = {"Authorization": f"Bearer {project.api_key}"}
    with httpx2.Client(base_url=project.base_url, headers=headers) as http:
        answer = http.post("/responses", json={"model": MODEL, "input": "Hi"})
    assert b'\n  "object": "response",\n' in answer.content
    assert b"\\u00c6rlig \\ud83d\\ude00" in answer.content
    assert "x-ratelimit-remaining-requests" in answer.headers


def test_azures_address_answers_too(project: ProjectHandle) -> None:
    url = project.base_url.removesuffix("/v1") + "/openai/v1/responses?api-version=preview"
    answer = httpx2.post(url, json={"model": MODEL, "input": "Hi"}, headers={"api-key": project.api_key})
    assert answer.json()["output"][0]["content"][0]["text"] == "Echo: Hi"


def test_the_async_client_is_answered(project: ProjectHandle) -> None:
    async def ask() -> str:
        async with project.async_client() as client:
            return (await client.responses.create(model=MODEL, input="Hi")).output_text

    assert asyncio.run(ask()) == "Echo: Hi"
