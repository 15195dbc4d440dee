"""Forms in which a recording shows a run, and the script that each becomes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from convert_helpers import (
    call,
    converted,
    does,
    message_object,
    messages_listed,
    run_object,
    run_polled,
    run_started,
    step_object,
    steps_listed,
    tool_step,
)

from assistants_emulator.convert.run_actions import NOT_RECORDED
from assistants_emulator.convert.script import pattern_of
from assistants_emulator.responders.scripts.load import load_script

WEATHER = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
ASKED = {"id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'}
WAITING = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [WEATHER]}}


def code_call(input: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    made = {"input": input, "outputs": list(outputs)}
    return {"id": "call_2", "type": "code_interpreter", "code_interpreter": made}


def created_message(message_id: str, **fields: Any) -> dict[str, Any]:
    details = {"type": "message_creation", "message_creation": {"message_id": message_id}}
    return step_object(details, **fields)


def delta(*parts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    told = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": list(parts)}}
    return "thread.message.delta", told


def piece(text: str) -> tuple[str, dict[str, Any]]:
    return delta({"index": 0, "type": "text", "text": {"value": text}})


def test_messages_alone_will_do() -> None:
    assert does(*run_started(), run_polled(), messages_listed(message_object("Hi."))) == [{"text": "Hi."}]


def test_a_rule_is_for_the_message_that_the_run_answered() -> None:
    made = converted(*run_started("What is 3*x?"), messages_listed(message_object("Hi.")))
    assert made.script["replies"][0]["when"] == {"message": r"^What is 3\*x\?\Z"}
    assert made.script["replies"][0]["times"] == 1


def test_calls_of_a_run_that_waited_come_before_its_later_text() -> None:
    waited = run_polled(status="requires_action", required_action=WAITING)
    exchanges = [*run_started(), waited, run_polled(), messages_listed(message_object("Sun.", created_at=105))]
    assert does(*exchanges) == [{"function_call": ASKED}, {"text": "Sun."}]


def test_a_message_of_the_same_second_comes_after_the_calls_it_answers() -> None:
    waited = run_polled(status="requires_action", required_action=WAITING)
    for at in (0.9, 7.0):
        waited.at = at
        exchanges = [*run_started(), waited, run_polled(), messages_listed(message_object("Sun.", created_at=100))]
        assert does(*exchanges) == [{"function_call": ASKED}, {"text": "Sun."}]


def test_text_before_the_calls_stays_before_them() -> None:
    waited = run_polled(status="requires_action", required_action=WAITING)
    waited.at = 5.0
    said = messages_listed(message_object("Sun.", id="msg_2", created_at=109), message_object("Hm.", created_at=102))
    assert [list(action) for action in does(*run_started(), waited, run_polled(), said)] == [
        ["text"],
        ["function_call"],
        ["text"],
    ]


def test_calls_that_steps_repeat_appear_once() -> None:
    waited = run_polled(status="requires_action", required_action=WAITING)
    assert does(*run_started(), waited, steps_listed(tool_step(WEATHER))) == [{"function_call": ASKED}]


def test_steps_come_in_the_order_in_which_they_were_made() -> None:
    steps = [created_message("msg_1", id="step_2"), tool_step(WEATHER, id="step_1")]  # a list's newest is first
    exchanges = [*run_started(), steps_listed(*steps), messages_listed(message_object("Sun."))]
    assert does(*exchanges) == [{"function_call": ASKED}, {"text": "Sun."}]


def test_code_keeps_its_input_and_what_it_printed() -> None:
    step = tool_step(code_call("print(1)", {"type": "logs", "logs": "1\n"}, {"type": "logs", "logs": "2\n"}))
    done = {"code_interpreter": {"input": "print(1)", "logs": "1\n2\n"}}
    assert does(*run_started(), run_polled(), steps_listed(step)) == [done]


def test_an_old_retrieval_becomes_a_search() -> None:
    step = tool_step({"id": "call_3", "type": "retrieval", "retrieval": {}})
    assert does(*run_started(), run_polled(), steps_listed(step)) == [{"file_search": {}}]


def test_usage_of_steps_follows_each() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    steps = steps_listed(created_message("msg_1", usage=usage))
    told = {"usage": {"prompt_tokens": 5, "completion_tokens": 2}}
    assert does(*run_started(), steps, messages_listed(message_object("Hi."))) == [{"text": "Hi."}, told]


def test_usage_of_the_run_alone_is_put_on_its_last_step() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    listed = messages_listed(message_object("Two", id="msg_2"), message_object("One"))
    actions = does(*run_started(), run_polled(usage=usage), listed)
    assert [action["usage"]["prompt_tokens"] for action in actions[1::2]] == [0, 5]


def test_a_broken_stream_gives_the_text_that_arrived() -> None:
    stream = [
        ("thread.run.created", run_object("queued")),
        ("thread.message.created", message_object([])),
        piece("Half a "),
        piece("sen"),
    ]
    posted = run_started()[0]
    broken = call("POST", "/threads/thread_1/runs", {"assistant_id": "asst_1", "stream": True}, stream)
    made = converted(posted, broken)
    assert made.script["replies"][0]["do"] == [{"text": {"value": "Half a sen", "chunks": ["Half a ", "sen"]}}]
    assert made.warnings == ["run_1: the recording ends before the run does"]


def test_a_function_call_is_put_together_from_its_pieces() -> None:
    def told(**function: str) -> tuple[str, dict[str, Any]]:
        named = {"id": "call_1"} if "name" in function else {}
        calls = [{"index": 0, "type": "function", **named, "function": function}]
        details = {"step_details": {"type": "tool_calls", "tool_calls": calls}}
        return "thread.run.step.delta", {"id": "step_1", "object": "thread.run.step.delta", "delta": details}

    stream = [
        ("thread.run.created", run_object("queued")),
        ("thread.run.step.created", tool_step()),
        told(name="weather", arguments=""),
        told(arguments='{"city":'),
        told(arguments='"Oslo"}'),
    ]
    posted = run_started()[0]
    assert does(posted, call("POST", "/threads/thread_1/runs", {}, stream)) == [{"function_call": ASKED}]


def test_a_thread_and_run_in_one_is_for_the_message_that_came_with_it() -> None:
    sent = {"assistant_id": "asst_1", "thread": {"messages": [{"role": "user", "content": "Hello"}]}}
    made = converted(call("POST", "/threads/runs", sent, run_object()), messages_listed(message_object("Hi.")))
    assert made.script["replies"][0]["when"] == {"message": r"^Hello\Z"}


def test_an_additional_message_is_the_last_one() -> None:
    sent = {"assistant_id": "asst_1", "additional_messages": [{"role": "user", "content": "And now?"}]}
    made = converted(run_started()[0], call("POST", "/threads/thread_1/runs", sent, run_object()))
    assert made.script["replies"][0]["when"] == {"message": r"^And now\?\Z"}


def test_a_message_that_only_a_list_shows_is_found() -> None:
    question = message_object("Hello", id="msg_0", role="user", run_id=None, created_at=90)
    later = message_object("Later", id="msg_9", role="user", run_id=None, created_at=900)
    listed = messages_listed(later, message_object("Hi."), question)
    made = converted(call("POST", "/threads/thread_1/runs", {}, run_object()), listed)
    assert made.script["replies"][0]["when"] == {"message": r"^Hello\Z"}


def test_a_run_whose_message_is_unknown_takes_any_run_and_stands_last() -> None:
    unknown = call("POST", "/threads/thread_9/runs", {}, run_object(id="run_9", thread_id="thread_9"))
    made = converted(unknown, *run_started(), messages_listed(message_object("Hi.")))
    assert made.runs == ["run_1", "run_9"]
    assert "when" not in made.script["replies"][1]
    assert "run_9: the user's message is not recorded, so its rule takes any run" in made.warnings


def test_a_run_without_recorded_content_says_so_in_its_text() -> None:
    made = converted(*run_started(), run_polled())
    assert made.script["replies"][0]["do"] == [{"text": NOT_RECORDED}]
    assert made.warnings == ["run_1: its reply is not recorded"]


def test_a_run_that_must_answer_in_json_does_so_even_then() -> None:
    assert does(*run_started(), run_polled(response_format={"type": "json_object"})) == [{"text": "{}"}]


def test_a_run_that_was_only_listed_makes_no_rule() -> None:
    assert converted(call("GET", "/threads/thread_1/runs", None, run_object())).runs == []


def test_a_run_that_others_found_busy_stays_in_progress() -> None:
    error = {"error": {"message": "Thread thread_1 already has an active run run_1.", "type": "invalid_request_error"}}
    busy = call("POST", "/threads/thread_1/runs", {}, error, status=400)
    assert does(*run_started(), busy) == [{"pause": True}]


def test_a_run_that_expired_waiting_for_outputs_waits_again() -> None:
    waited = run_polled(status="requires_action", required_action=WAITING)
    assert does(*run_started(), waited, run_polled(status="expired")) == [{"function_call": ASKED}]


def test_a_run_that_expired_by_itself_expires() -> None:
    assert does(*run_started(), run_polled(status="expired")) == [{"expire": True}]


def test_an_error_of_another_kind_becomes_a_server_error() -> None:
    error = {"code": "invalid_image", "message": "No such image."}
    made = converted(*run_started(), run_polled(status="failed", last_error=error))
    assert made.script["replies"][0]["do"] == [{"fail": {"code": "server_error", "message": "No such image."}}]
    assert made.warnings == ["run_1: its error 'invalid_image' becomes server_error"]


def test_a_message_that_was_cut_short_is_cut_short_again() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    stream = [
        ("thread.run.created", run_object("queued")),
        ("thread.run.step.created", created_message("msg_1")),
        ("thread.message.incomplete", message_object("So f", status="incomplete")),
        ("thread.run.step.completed", created_message("msg_1", usage=usage)),
        ("thread.run.incomplete", run_object("incomplete", incomplete_details={"reason": "max_completion_tokens"})),
    ]
    posted = run_started()[0]
    actions = does(posted, call("POST", "/threads/thread_1/runs", {}, stream))
    assert actions == [{"text": "So f"}, {"incomplete": "max_completion_tokens"}]


def test_citations_of_files_that_were_not_uploaded_stay_text() -> None:
    note = {"type": "file_citation", "text": "【4:0†a】", "start_index": 4, "file_citation": {"file_id": "file-1"}}
    text = {"type": "text", "text": {"value": "Cake【4:0†a】", "annotations": [note]}}
    made = converted(*run_started(), messages_listed(message_object([text])))
    assert made.script["replies"][0]["do"] == [{"text": "Cake【4:0†a】"}]
    assert "citations name files that the recording did not upload" in " ".join(made.warnings)


def test_an_image_that_was_not_downloaded_is_a_blank_one() -> None:
    parts = [
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
        {"type": "text", "text": {"value": "There.", "annotations": []}},
    ]
    made = converted(*run_started(), run_polled(), messages_listed(message_object(parts)))
    code, text = made.script["replies"][0]["do"]
    assert code["code_interpreter"]["images"][0]["filename"] == "file-1.png"
    assert text == {"text": "There."}
    assert made.warnings == ["run_1: file-1 was not downloaded; an empty file-1.png stands for it"]


@pytest.mark.parametrize("message", ["", "Hi", "a.b*c(d)[e]{f}|g^h$i\\j?", "two\nlines\n", "ünï 🙂 - #", "x" * 5000])
def test_a_pattern_matches_its_message_and_no_longer_one(message: str) -> None:
    pattern = re.compile(pattern_of(message))
    assert pattern.search(message)
    assert not pattern.search(f"{message}\n")
    assert not pattern.search(f"x {message}" if message else "x")


def test_every_script_is_one_that_can_be_loaded() -> None:
    made = converted(*run_started(), steps_listed(tool_step(WEATHER)), messages_listed(message_object("Hi.")))
    assert len(load_script(made.script).rules) == 1


def test_values_of_unknown_shape_are_skipped() -> None:
    parts = [None, {"type": "text"}, {"type": "text", "text": {"value": "Hi.", "annotations": None}}, {"type": ["a"]}]
    steps = steps_listed(tool_step({"type": "function"}, {"type": "code_interpreter", "code_interpreter": 7}, usage=[]))
    assert does(*run_started(), run_polled(usage=3), steps, messages_listed(message_object(parts))) == [{"text": "Hi."}]
