"""Transcripts: a thread as text, for comparisons."""

from __future__ import annotations

from typing import Any

import pytest

from assistants_emulator import CodeInterpreter, Fail, FunctionCall, Incomplete, Pause, ProjectHandle, Refusal, Text
from assistants_emulator.errors import EmulatorError


def test_an_empty_thread_has_an_empty_transcript(project: ProjectHandle, thread: Any) -> None:
    assert project.transcript(thread.id) == ""


def test_messages_calls_and_runs_are_in_order(project: ProjectHandle, ask: Any) -> None:
    project.respond([Text("Let me see."), CodeInterpreter("1 + 1", logs="2"), Text("It is 2.")])
    run = ask("1 + 1?")
    assert project.transcript(run.thread_id) == (
        "user: 1 + 1?\nassistant: Let me see.\ncode_interpreter: 1 + 1 -> 2\nassistant: It is 2.\nrun completed\n"
    )


def test_line_breaks_are_indented(project: ProjectHandle, ask: Any) -> None:
    project.respond([CodeInterpreter("x = 1\nx"), Text("One\nTwo")])
    run = ask("a\nb")
    assert project.transcript(run.thread_id) == (
        "user: a\n    b\ncode_interpreter: x = 1\n    x\nassistant: One\n    Two\nrun completed\n"
    )


def test_a_waiting_function_call_has_no_output(project: ProjectHandle, ask: Any) -> None:
    project.respond(FunctionCall("f", {"a": 1}))
    run = ask()
    assert project.transcript(run.thread_id) == 'user: Hello\nfunction f({"a":1})\nrun requires_action\n'


def test_a_submitted_output_is_shown(project: ProjectHandle, client: Any, ask: Any, settled: Any) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    run = settled(ask())
    outputs: Any = [{"tool_call_id": "call_1", "output": "42"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
    assert project.transcript(run.thread_id) == "user: Hello\nfunction f({}) -> 42\nassistant: done\nrun completed\n"


def test_the_error_of_a_failed_run_is_shown(project: ProjectHandle, ask: Any) -> None:
    project.respond(Fail("rate_limit_exceeded", "Slow down."))
    assert project.transcript(ask().thread_id) == "user: Hello\nrun failed: Slow down.\n"


def test_a_message_cut_short_is_marked(project: ProjectHandle, ask: Any) -> None:
    project.respond([Text("Half a"), Incomplete()])
    assert project.transcript(ask().thread_id) == (
        "user: Hello\nassistant (incomplete): Half a\nrun incomplete: max_completion_tokens\n"
    )


def test_a_refusal_is_marked(project: ProjectHandle, ask: Any) -> None:
    project.respond(Refusal("No."))
    assert project.transcript(ask().thread_id) == "user: Hello\nassistant: [refusal] No.\nrun completed\n"


def test_each_run_is_shown_where_it_ended(project: ProjectHandle, ask: Any) -> None:
    ask("One")
    run = ask("Two")
    assert project.transcript(run.thread_id) == (
        "user: One\nassistant: Echo: One\nrun completed\nuser: Two\nassistant: Echo: Two\nrun completed\n"
    )


def test_an_active_run_is_shown_too(project: ProjectHandle, ask: Any) -> None:
    project.respond(Pause())
    assert project.transcript(ask().thread_id) == "user: Hello\nrun in_progress\n"


def test_a_transcript_of_a_thread_that_does_not_exist_is_an_error(project: ProjectHandle) -> None:
    with pytest.raises(EmulatorError, match=r"there is no thread, conversation or response 'thread_x' in project '.*'"):
        project.transcript("thread_x")
