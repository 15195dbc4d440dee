"""Variants of runs: each as a client that polls or streams sees it."""

from __future__ import annotations

import pytest

from assistants_emulator import ProjectHandle
from assistants_emulator.responders.replies import Chunk

RUN, SUBMIT = "POST /threads/*/runs 1", "POST /threads/*/runs/*/submit_tool_outputs 1"
ENDS = {
    "failed: server_error": ("failed", "server_error"),
    "failed: rate_limit_exceeded": ("failed", "rate_limit_exceeded"),
    "expired": ("expired", None),
    "cancelled": ("cancelled", None),
}


@pytest.mark.parametrize("effect", ENDS)
def test_a_run_ends_in_place_of_its_first_reply(project: ProjectHandle, asking, effect: str) -> None:
    asking.vary(f"{RUN}: {effect}")
    run = asking.ask()
    assert (run.status, run.last_error and run.last_error.code) == ENDS[effect]
    assert asking.contents(run) == []
    assert project.variant_met


@pytest.mark.parametrize("effect", ENDS)
def test_a_stream_shows_the_end_of_its_run(asking, effect: str) -> None:
    asking.vary(f"{RUN}: {effect}")
    names = [event.event for event in asking.stream()]
    assert names[-1] == f"thread.run.{ENDS[effect][0]}"
    assert "thread.message.created" not in names


@pytest.mark.parametrize("effect", ENDS)
def test_a_run_ends_after_its_outputs(asking, effect: str) -> None:
    asking.calls_a_function()
    asking.vary(f"{SUBMIT}: {effect}")
    run = asking.submit(asking.ask())
    assert (run.status, asking.contents(run)) == (ENDS[effect][0], [])


@pytest.mark.parametrize("reason", ["max_completion_tokens", "content_filter"])
def test_a_run_ends_incomplete_in_half_of_its_text(project: ProjectHandle, asking, reason: str) -> None:
    project.respond("It is sunny.")
    asking.vary(f"{RUN}: incomplete: {reason}")
    run = asking.ask()
    assert (run.status, run.incomplete_details.reason) == ("incomplete", reason)
    assert asking.texts(run) == ["It is "]


def test_a_text_that_comes_in_chunks_ends_after_the_first(project: ProjectHandle, asking) -> None:
    project.respond([Chunk("It is "), Chunk("sunny"), Chunk(".")])
    asking.vary(f"{RUN}: incomplete: content_filter")
    run = asking.ask()
    assert (run.status, asking.texts(run)) == ("incomplete", ["It is "])


def test_an_empty_answer_is_a_message_without_content(project: ProjectHandle, asking) -> None:
    asking.vary(f"{RUN}: empty answer")
    run = asking.ask()
    assert (run.status, asking.contents(run)) == ("completed", [[]])
    assert project.variant_met


def test_a_stream_of_an_empty_answer_has_no_delta(asking) -> None:
    asking.vary(f"{RUN}: empty answer")
    names = [event.event for event in asking.stream()]
    assert "thread.message.completed" in names
    assert "thread.message.delta" not in names


@pytest.mark.parametrize("replies", ["It is sunny.", [Chunk("It is "), Chunk("sunny.")]])
def test_a_refusal_takes_the_place_of_the_text(project: ProjectHandle, asking, replies: object) -> None:
    project.respond(replies)
    asking.vary(f"{RUN}: refusal")
    ((part,),) = asking.contents(asking.ask())
    assert part == {"type": "refusal", "refusal": "I'm sorry, but I can't assist with that request."}


@pytest.mark.parametrize("replies", ["It is sunny.", [Chunk("It is "), Chunk("sunny.")]])
def test_each_message_is_written_twice(project: ProjectHandle, asking, replies: object) -> None:
    project.respond(replies)
    asking.vary(f"{RUN}: twice as many messages")
    assert asking.texts(asking.ask()) == ["It is sunny.", "It is sunny."]


@pytest.mark.parametrize(
    ("effect", "functions"),
    [
        ("arguments not JSON", [("weather", '{"city":"Oslo"')]),
        ("unknown function", [("no_such_function", '{"city":"Oslo"}')]),
        ("missing argument", [("weather", "{}")]),
        ("another call", [("weather", '{"city":"Oslo"}'), ("time", '{"city":""}')]),
        ("same call twice", [("weather", '{"city":"Oslo"}')] * 2),
    ],
)
def test_a_run_requires_another_action(
    project: ProjectHandle, asking, effect: str, functions: list[tuple[str, str]]
) -> None:
    asking.calls_a_function()
    asking.vary(f"{RUN}: {effect}")
    run = asking.ask()
    assert asking.functions(run) == functions
    assert len({call.id for call in asking.calls(run)}) == len(functions)
    assert asking.texts(asking.submit(run)) == ["It is sunny."]
    assert project.variant_met


def test_a_variant_passes_where_tools_are_checked(emulator_with_checks, asking_with_checks) -> None:
    asking_with_checks.calls_a_function()
    asking_with_checks.vary(f"{RUN}: unknown function")
    assert asking_with_checks.ask().status == "requires_action"
    assert emulator_with_checks.failures == []


def test_a_run_of_a_new_thread_has_the_same_variants(project: ProjectHandle, asking) -> None:
    asking.vary("POST /threads/runs 1: expired")
    assistant = asking.beta.assistants.create(model="gpt-4o")
    messages = [{"role": "user", "content": "Hello"}]
    run = asking.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread={"messages": messages})
    assert run.status == "expired"


def test_the_run_after_the_varied_one_is_as_ever(project: ProjectHandle, asking) -> None:
    asking.vary(f"{RUN}: expired")
    assert [asking.ask().status, asking.ask().status] == ["expired", "completed"]


def test_a_reset_forgets_the_variant(project: ProjectHandle, asking) -> None:
    asking.vary(f"{RUN}: expired")
    project.reset()
    assert asking.ask().status == "completed"
    assert not project.variant_met
