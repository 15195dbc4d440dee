"""Responders of a project: text, replies, lists, functions, generators, and the choice of a rule for a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator import FunctionCall, ProjectHandle, Refusal, Text, Usage
from assistants_emulator.errors import ScriptError
from assistants_emulator.responders.sources import CallOutputs

MATH_TUTOR = Path(__file__).parents[2] / "fixtures" / "scripts" / "math_tutor.yaml"


@pytest.fixture
def answer(ask: Any, texts: Any) -> Any:
    """`answer(text)`: the messages of the run that answers the text."""

    def answer(text: str = "Hello", **options: Any) -> list[str]:
        run = ask(text, **options)
        said: list[str] = texts(run.thread_id)
        return said[len(said) - said[::-1].index(text) :]

    return answer


def test_without_any_rule_the_echo_answers(answer: Any) -> None:
    assert answer("Hello") == ["Echo: Hello"]


def test_a_text_is_answered_to_every_run(project: ProjectHandle, answer: Any) -> None:
    project.respond("It is sunny.")
    assert [answer("One"), answer("Two")] == [["It is sunny."]] * 2


def test_a_list_is_what_one_run_does_in_order(project: ProjectHandle, answer: Any) -> None:
    project.respond(["One", Text("Two")])
    assert answer() == ["One", "Two"]


def test_a_function_of_the_turn_answers(project: ProjectHandle, answer: Any) -> None:
    project.respond(lambda turn: f"You said {turn.last_message}.")
    assert answer("Hello") == ["You said Hello."]


def test_a_function_that_takes_nothing_answers(project: ProjectHandle, answer: Any) -> None:
    project.respond(lambda: ["One", "Two"])
    assert answer() == ["One", "Two"]


def test_a_generator_says_one_thing_after_another(project: ProjectHandle, answer: Any) -> None:
    @project.respond
    def counting(turn: Any) -> Any:
        for number in range(3):
            yield str(number)

    assert answer() == ["0", "1", "2"]


def test_an_async_function_answers(project: ProjectHandle, answer: Any) -> None:
    @project.respond
    async def kind(turn: Any) -> str:
        await asyncio.sleep(0)
        return "Kindly."

    assert answer() == ["Kindly."]


def test_an_async_generator_is_sent_its_outputs(project: ProjectHandle, client: Any, ask: Any, settled: Any) -> None:
    @project.respond
    async def asking(turn: Any) -> AsyncIterator[Any]:
        (output,) = yield FunctionCall("f", id="call_1")  # type: ignore[misc]
        yield f"Got {output}."

    run = settled(ask())
    outputs: Any = [{"tool_call_id": "call_1", "output": "42"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=outputs)
    assert project.transcript(run.thread_id).endswith("assistant: Got 42.\nrun completed\n")


def test_a_refusal_is_a_message_of_its_own_kind(project: ProjectHandle, client: Any, ask: Any) -> None:
    project.respond(Refusal("No."))
    run = ask()
    (newest, _) = client.beta.threads.messages.list(run.thread_id)
    assert [part.to_dict() for part in newest.content] == [{"type": "refusal", "refusal": "No."}]


def test_usage_replaces_the_estimate_of_the_step_before(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond([Text("Hi"), Usage(100, 7)])
    usage = settled(ask()).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (100, 7, 107)


def test_the_first_rule_that_matches_answers(project: ProjectHandle, answer: Any) -> None:
    project.respond("weather", when="weather")
    project.respond("everything else")
    assert answer("the weather in Oslo") == ["weather"]
    assert answer("the time") == ["everything else"]


def test_a_pattern_is_searched_for_anywhere(project: ProjectHandle, answer: Any) -> None:
    project.respond("Hi Jane", when="I am Jane")
    assert answer("USER: I am Jane.") == ["Hi Jane"]


@pytest.mark.parametrize(
    "when",
    [
        {"assistant": "Tutor"},
        {"model": "gpt-4.1"},
        {"instructions": "polite"},
        {"metadata": {"user": "jane"}},
        lambda turn: turn.run.model == "gpt-4.1",
    ],
    ids=["assistant", "model", "instructions", "metadata", "function"],
)
def test_a_condition_looks_at_the_run(project: ProjectHandle, answer: Any, when: Any) -> None:
    project.respond("matched", when=when)
    project.respond("not matched")
    options = {"model": "gpt-4.1", "instructions": "Be polite.", "metadata": {"user": "jane", "x": "y"}}
    assert answer(**options) == ["matched"]


def test_a_rule_is_used_up_after_its_times(project: ProjectHandle, answer: Any) -> None:
    project.respond("first", times=1)
    project.respond("second", times=1)
    project.respond("ever after")
    assert [answer("a"), answer("b"), answer("c")] == [["first"], ["second"], ["ever after"]]


def test_the_newest_fallback_is_tried_last_wherever_it_was_registered(project: ProjectHandle, answer: Any) -> None:
    (lambda: project.respond("old"))()  # as a fixture does
    project.respond("new")
    project.respond("rule", when="a")
    assert [answer("a"), answer("b")] == [["rule"], ["new"]]


def test_a_second_fallback_from_the_same_function_is_an_error(project: ProjectHandle) -> None:
    project.respond("first")
    with pytest.raises(ScriptError, match=r"there is one already: respond\(str\), which would never"):
        project.respond("second")


def test_a_fallback_that_has_answered_may_be_replaced(project: ProjectHandle, answer: Any) -> None:
    for text in ("first", "second"):
        project.respond(text)
        assert answer("a") == [text]


@pytest.mark.parametrize("text", ["f'{out}'", "str(out)", "out if out == 'sunny' else 'no'", "out[0]", "'%s' % out"])
def test_the_outputs_of_a_single_call_read_as_its_output(project: ProjectHandle, text: str) -> None:
    namespace: dict[str, Any] = {"out": CallOutputs(["sunny"])}
    assert str(eval(text, namespace)) == "sunny"
    assert namespace["out"] == ["sunny"]


def test_the_outputs_of_several_calls_are_a_list() -> None:
    outputs = CallOutputs(["1", "2"])
    assert (str(outputs), len(outputs), outputs == ["1", "2"], outputs != "1") == ("['1', '2']", 2, True, True)


def test_a_run_that_no_rule_matches_fails_and_says_why(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond("x", when="weather", times=1)
    project.respond("x", when={"model": "gpt-5"})
    error = settled(ask("the time")).last_error
    assert error.code == "server_error"
    assert error.message == (
        "No rule matches this run: last user message 'the time', assistant 'Tutor', model 'gpt-4o'. "
        "The rules, in the order they were tried:\n"
        "- respond(str): message matches 'weather'; but message is 'the time'\n"
        "- respond(str): model is 'gpt-5'; but model is 'gpt-4o'"
    )


def test_an_exception_in_a_responder_fails_the_run(project: ProjectHandle, ask: Any, settled: Any) -> None:
    @project.respond
    def broken(turn: Any) -> str:
        return turn.messages[5]

    run = settled(ask())
    message = "The responder raised IndexError: list index out of range"
    assert (run.status, run.last_error.to_dict()) == ("failed", {"code": "server_error", "message": message})


def test_an_exception_after_a_message_keeps_the_message(project: ProjectHandle, ask: Any, settled: Any) -> None:
    @project.respond
    def broken(turn: Any) -> Any:
        yield "So far so good."
        raise LookupError("lost")

    run = settled(ask())
    assert project.transcript(run.thread_id) == (
        "user: Hello\nassistant: So far so good.\nrun failed: The responder raised LookupError: lost\n"
    )


def test_a_responder_that_says_no_reply_fails_the_run(project: ProjectHandle, ask: Any, settled: Any) -> None:
    project.respond(lambda turn: 42)
    run = settled(ask())
    assert run.status == "failed"
    assert "cannot say 42 (int)" in run.last_error.message


def test_a_responder_may_call_the_emulator_about_its_own_thread(project: ProjectHandle, answer: Any) -> None:
    @project.respond
    def looking(turn: Any) -> str:
        with turn.client() as client:
            run = client.beta.threads.runs.retrieve(turn.run.id, thread_id=turn.thread.id)
            return f"I am {run.status}."

    assert answer() == ["I am in_progress."]


def test_a_responder_may_run_another_assistant(project: ProjectHandle, answer: Any) -> None:
    @project.respond(when="ask")
    def asking(turn: Any) -> str:
        with turn.client() as client:
            thread: Any = {"messages": [{"role": "user", "content": "the other"}]}
            run = client.beta.threads.create_and_run_poll(assistant_id=turn.assistant.id, thread=thread)
            return str(client.beta.threads.messages.list(run.thread_id).data[0].content[0].text.value)

    project.respond("I am the other.")
    assert answer("ask") == ["I am the other."]


def test_the_turn_shows_what_the_run_was_asked(project: ProjectHandle, answer: Any) -> None:
    @project.respond
    def telling(turn: Any) -> str:
        return f"{turn.assistant.name}, {turn.instructions}, {[str(message) for message in turn.messages]}"

    assert answer("Hello", instructions="Be polite.") == ["Tutor, Be polite., ['Hello']"]


def test_a_script_answers(project: ProjectHandle, answer: Any) -> None:
    project.load_script(
        {"version": 1, "replies": [{"when": {"message": r"(?P<n>\d+)"}, "do": [{"text": "It is {n}."}]}]}
    )
    assert answer("number 7") == ["It is 7."]


def test_rules_in_python_come_before_the_scripts(project: ProjectHandle, answer: Any) -> None:
    project.load_script(MATH_TUTOR)
    project.respond("Python", when="3x")
    assert answer("`3x + 11 = 14`") == ["Python"]


def test_reset_forgets_the_rules(project: ProjectHandle, client: Any) -> None:
    project.respond("rule")
    project.reset()
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread: Any = {"messages": [{"role": "user", "content": "Hi"}]}
    run = client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)
    assert project.transcript(run.thread_id) == "user: Hi\nassistant: Echo: Hi\nrun completed\n"
