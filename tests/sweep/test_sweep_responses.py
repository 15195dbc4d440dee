"""Variants of responses, and the whole list of a session's variants."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import ProjectHandle
from assistants_emulator.responders.replies import Chunk
from assistants_emulator.sweep import Variant

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"type": "function", "name": name, "parameters": CITY, "strict": False} for name in ("weather", "time")]
OF_A_CALL = ["429 once", "429", "500 once", "500", "connection closed", "time-out", "malformed JSON"]
ENDS = ["failed: server_error", "failed: rate_limit_exceeded"]
ENDS_OF_A_RUN = [*ENDS, "expired", "cancelled"]
OF_A_TEXT = [
    "incomplete: max_completion_tokens",
    "incomplete: content_filter",
    "empty answer",
    "refusal",
    "twice as many messages",
]
ACTIONS = ["arguments not JSON", "unknown function", "missing argument", "another call", "same call twice"]


def respond(asking, **options: Any) -> Any:
    options = {"input": "Weather in Oslo?", **options}
    return asking.client.responses.create(model="gpt-4o", tools=TOOLS, **options)


def effects(project: ProjectHandle, route: str, number: int = 1) -> list[str]:
    return [each.effect for each in project.variants() if (each.route, each.number) == (route, number)]


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_a_response_fails(project: ProjectHandle, asking, code: str) -> None:
    asking.vary(f"POST /responses 1: failed: {code}")
    response = respond(asking)
    assert (response.status, response.error.code, response.output) == ("failed", code, [])
    assert project.variant_met


def test_a_response_is_incomplete_in_half_of_its_text(project: ProjectHandle, asking) -> None:
    project.respond("It is sunny.")
    asking.vary("POST /responses 1: incomplete: max_completion_tokens")
    response = respond(asking)
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert response.output_text == "It is "


def test_an_empty_response_has_no_output(asking) -> None:
    asking.vary("POST /responses 1: empty answer")
    response = respond(asking)
    assert (response.status, response.output) == ("completed", [])


def test_a_response_is_a_refusal(asking) -> None:
    asking.vary("POST /responses 1: refusal")
    assert respond(asking).output[0].content[0].type == "refusal"


def test_a_response_has_each_message_twice(project: ProjectHandle, asking) -> None:
    project.respond([Chunk("It is "), Chunk("sunny.")])
    asking.vary("POST /responses 1: twice as many messages")
    assert [item.content[0].text for item in respond(asking).output] == ["It is sunny."] * 2


@pytest.mark.parametrize(
    ("effect", "calls"),
    [
        ("arguments not JSON", [("weather", '{"city":"Oslo"')]),
        ("unknown function", [("no_such_function", '{"city":"Oslo"}')]),
        ("missing argument", [("weather", "{}")]),
        ("another call", [("weather", '{"city":"Oslo"}'), ("time", '{"city":""}')]),
        ("same call twice", [("weather", '{"city":"Oslo"}')] * 2),
    ],
)
def test_a_response_calls_otherwise_and_goes_on(asking, effect: str, calls: list[tuple[str, str]]) -> None:
    asking.calls_a_function()
    asking.vary(f"POST /responses 1: {effect}")
    first = respond(asking)
    assert [(item.name, item.arguments) for item in first.output] == calls
    outputs = [{"type": "function_call_output", "call_id": item.call_id, "output": "sunny"} for item in first.output]
    assert respond(asking, input=outputs, previous_response_id=first.id).output_text == "It is sunny."


def test_a_streamed_response_fails_in_the_stream(asking) -> None:
    asking.vary("POST /responses 1: failed: server_error")
    assert [event.type for event in respond(asking, stream=True)][-1] == "response.failed"


def test_a_streamed_response_is_cut(project: ProjectHandle, asking) -> None:
    asking.vary("POST /responses 1: cut after 2")
    events = []
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        events.extend(respond(asking, stream=True))
    assert project.variant_met


def test_a_response_has_the_effects_that_exist_there(project: ProjectHandle, asking) -> None:
    respond(asking)
    expected = [*OF_A_CALL, *ENDS, *OF_A_TEXT]
    assert Counter(effects(project, "POST /responses")) == Counter(expected)


def test_a_response_in_the_background_can_be_cancelled(project: ProjectHandle, asking) -> None:
    respond(asking, background=True)
    assert "cancelled" in effects(project, "POST /responses")


def test_the_variants_of_a_session_are_those_of_its_calls(project: ProjectHandle, asking) -> None:
    asking.calls_a_function()
    asking.submit(asking.ask())
    routes = dict.fromkeys(each.route for each in project.variants())
    assert {route: Counter(effects(project, route)) for route in routes} == {
        "POST /assistants": Counter(OF_A_CALL),
        "POST /threads": Counter(OF_A_CALL),
        "POST /threads/*/runs": Counter([*OF_A_CALL, *ENDS_OF_A_RUN, *ACTIONS]),
        "GET /threads/*/runs/*": Counter(OF_A_CALL),
        "POST /threads/*/runs/*/submit_tool_outputs": Counter([*OF_A_CALL, *ENDS_OF_A_RUN, *OF_A_TEXT]),
    }


def test_the_same_session_has_the_same_variants(project: ProjectHandle, asking) -> None:
    def variants() -> list[Variant]:
        project.reset()
        asking.calls_a_function()
        asking.submit(asking.ask())
        list(asking.stream())
        return project.variants()

    first = variants()
    assert variants() == first
    assert first[0] == Variant("POST /assistants", 1, "429 once")


def test_variants_outlive_the_thread_that_they_are_about(project: ProjectHandle, asking) -> None:
    asking.beta.threads.delete(asking.ask().thread_id)
    assert "refusal" in effects(project, "POST /threads/*/runs")


def test_every_variant_of_a_session_is_met(project: ProjectHandle, asking) -> None:
    def session() -> None:
        asking.calls_a_function()
        run = asking.ask()
        asking.submit(run)
        asking.beta.threads.messages.list(run.thread_id)

    session()
    missed = []
    for variant in project.variants():
        if variant.effect == "connection closed":
            continue  # its retries take real time
        project.reset()
        project.vary(variant)
        with suppress(openai.OpenAIError, ValueError, AttributeError):
            session()
        missed += [] if project.variant_met else [variant.name]
    assert missed == []


def test_each_response_of_a_turn_has_the_effects_of_what_it_sets_off(project: ProjectHandle, asking) -> None:
    asking.calls_a_function()
    first = respond(asking)
    outputs = [{"type": "function_call_output", "call_id": first.output[0].call_id, "output": "sunny"}]
    respond(asking, input=outputs, previous_response_id=first.id)
    assert Counter(effects(project, "POST /responses", 1)) == Counter([*OF_A_CALL, *ENDS, *ACTIONS])
    assert Counter(effects(project, "POST /responses", 2)) == Counter([*OF_A_CALL, *ENDS, *OF_A_TEXT])


@pytest.mark.parametrize("name", ["cut after 2", "connection closed", "expired", "time-out"])
def test_a_client_in_process_sees_the_same(asking_in_process, name: str) -> None:
    asking_in_process.vary(f"POST /threads/*/runs 1: {name}")
    with suppress(openai.APIError, httpx2.TransportError):
        list(asking_in_process.stream())
    assert asking_in_process.project.variant_met
