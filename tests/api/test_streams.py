"""A run's events: their order, what each shows, and that a stream and a retrieve agree.

See docs/reference/behaviour.md#streaming.
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest

from assistants_emulator import CodeInterpreter, Expire, Fail, FunctionCall, Incomplete, ProjectHandle, Refusal, Text
from assistants_emulator.web.responses import frame

Events = list[tuple[str, Any]]

BEGIN = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
STEP = ["thread.run.step.created", "thread.run.step.in_progress"]
MESSAGE = ["thread.message.created", "thread.message.in_progress", "thread.message.delta"]
MESSAGE_END = ["thread.message.completed", "thread.run.step.completed"]
NO_FILES = {"code_interpreter": {"file_ids": []}}


def events_of(answer: httpx2.Response) -> Events:
    """Names and data of an event stream; successive deltas of one name appear once."""
    assert answer.text.endswith("event: done\ndata: [DONE]\n\n")
    events: Events = []
    for block in answer.text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        text = data.removeprefix("data: ")
        events.append((name.removeprefix("event: "), text if text == "[DONE]" else json.loads(text)))
    return events


def order(events: Events) -> list[str]:
    """The names; successive deltas count as one."""
    names = [name for name, _ in events]
    return [name for name, before in zip(names, ["", *names], strict=False) if name != before or "delta" not in name]


def deltas(events: Events, name: str = "thread.message.delta") -> list[Any]:
    return [data["delta"] for event, data in events if event == name]


@pytest.fixture
def stream(wire: httpx2.Client, assistant: Any, thread: Any) -> Any:
    """The events of a run in a thread in which the user said Hello."""

    def stream(**options: Any) -> Events:
        wire.post(f"/threads/{thread.id}/messages", json={"role": "user", "content": "Hello"})
        body = {"assistant_id": assistant.id, "stream": True, **options}
        return events_of(wire.post(f"/threads/{thread.id}/runs", json=body))

    return stream


@pytest.fixture
def resume(wire: httpx2.Client) -> Any:
    """The events of a run from the submission of its outputs."""

    def resume(run: Any, **outputs: str) -> Events:
        sent = [{"tool_call_id": id, "output": output} for id, output in outputs.items()]
        path = f"/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
        return events_of(wire.post(path, json={"tool_outputs": sent, "stream": True}))

    return resume


def test_order_of_a_text(stream: Any) -> None:
    assert order(stream()) == [*BEGIN, *STEP, *MESSAGE, *MESSAGE_END, "thread.run.completed", "done"]


def test_order_of_a_new_thread(wire: httpx2.Client, assistant: Any) -> None:
    thread = {"messages": [{"role": "user", "content": "Hi"}]}
    body = {"assistant_id": assistant.id, "thread": thread, "stream": True}
    events = events_of(wire.post("/threads/runs", json=body))
    assert order(events)[:4] == ["thread.created", *BEGIN]
    assert events[0][1]["tool_resources"] == NO_FILES


def test_order_of_a_code_interpreter_call(project: ProjectHandle, stream: Any) -> None:
    project.respond([CodeInterpreter("1 + 1", logs="2"), Text("2")])
    code = [*STEP, "thread.run.step.delta", "thread.run.step.completed"]
    text = [*STEP, *MESSAGE, *MESSAGE_END]
    assert order(stream()) == [*BEGIN, *code, *text, "thread.run.completed", "done"]


def test_order_of_a_function_call_and_its_resumption(project: ProjectHandle, stream: Any, resume: Any) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    first = stream()
    assert order(first) == [*BEGIN, *STEP, "thread.run.step.delta", "thread.run.requires_action", "done"]
    resumed = ["thread.run.step.completed", "thread.run.queued", "thread.run.in_progress"]
    text = [*STEP, *MESSAGE, *MESSAGE_END]
    assert order(resume(first[-2][1], call_1="42")) == [*resumed, *text, "thread.run.completed", "done"]


ENDS = {
    "failed": (Fail(), ["thread.run.failed"]),
    "expired": (Expire(), ["thread.run.expired"]),
    "incomplete": (Incomplete(), ["thread.run.incomplete"]),
}


@pytest.mark.parametrize(("reply", "last"), ENDS.values(), ids=ENDS)
def test_a_run_that_says_nothing_ends_at_once(
    project: ProjectHandle, stream: Any, reply: object, last: list[str]
) -> None:
    project.respond(reply)
    assert order(stream()) == [*BEGIN, *last, "done"]


def test_a_message_cut_short_is_incomplete(project: ProjectHandle, stream: Any) -> None:
    project.respond([Text("Half a"), Incomplete()])
    cut = ["thread.message.incomplete", "thread.run.step.completed", "thread.run.incomplete"]
    events = stream()
    assert order(events) == [*BEGIN, *STEP, *MESSAGE, *cut, "done"]
    (message,) = [data for name, data in events if name == "thread.message.incomplete"]
    assert message["incomplete_details"] == {"reason": "max_tokens"}


def test_created_and_queued_show_the_same_run(stream: Any) -> None:
    events = stream()
    assert events[0][1] == events[1][1]
    assert events[0][1]["tool_resources"] == NO_FILES


def test_step_created_and_in_progress_show_the_same_step(stream: Any) -> None:
    events = dict(stream())
    assert events["thread.run.step.created"] == events["thread.run.step.in_progress"]


def test_message_created_is_empty_and_has_the_streams_own_keys(stream: Any) -> None:
    events = dict(stream())
    message = events["thread.message.created"]
    assert message == events["thread.message.in_progress"]
    assert list(message.items()) == [
        ("id", message["id"]),
        ("object", "thread.message"),
        ("created_at", message["created_at"]),
        ("assistant_id", message["assistant_id"]),
        ("thread_id", message["thread_id"]),
        ("run_id", message["run_id"]),
        ("status", "in_progress"),
        ("incomplete_details", None),
        ("incomplete_at", None),
        ("completed_at", None),
        ("role", "assistant"),
        ("content", []),
        ("attachments", []),
        ("metadata", {}),
    ]


def test_only_the_first_text_delta_has_annotations(project: ProjectHandle, stream: Any) -> None:
    project.respond(Text("Since it's", chunks=["Since", " it's"]))
    assert deltas(stream()) == [
        {"content": [{"index": 0, "type": "text", "text": {"value": "Since", "annotations": []}}]},
        {"content": [{"index": 0, "type": "text", "text": {"value": " it's"}}]},
    ]


def test_a_message_delta_is_wrapped_in_id_and_object(stream: Any) -> None:
    events = stream()
    delta = next(data for name, data in events if name == "thread.message.delta")
    assert list(delta) == ["id", "object", "delta"]
    assert (delta["id"], delta["object"]) == (dict(events)["thread.message.created"]["id"], "thread.message.delta")


def test_deltas_join_to_the_message(project: ProjectHandle, stream: Any) -> None:
    text = "One, two: `3x + 11 = 14`\n\n☃ done.  "
    project.respond(text)
    joined = "".join(delta["content"][0]["text"]["value"] for delta in deltas(stream()))
    assert joined == text


def test_a_refusal_has_refusal_deltas(project: ProjectHandle, stream: Any) -> None:
    project.respond(Refusal("No"))
    assert deltas(stream()) == [{"content": [{"index": 0, "type": "refusal", "refusal": "No"}]}]


def calls(events: Events) -> list[Any]:
    """The tool calls of the step deltas, one each."""
    found = deltas(events, "thread.run.step.delta")
    assert {tuple(delta["step_details"]) for delta in found} == {("type", "tool_calls")}
    return [call for delta in found for call in delta["step_details"]["tool_calls"]]


def test_deltas_of_a_function_call(project: ProjectHandle, stream: Any) -> None:
    project.respond(FunctionCall("f", {}, id="call_1"))
    function = {"name": "f", "arguments": "", "output": None}
    assert calls(stream()) == [
        {"index": 0, "id": "call_1", "type": "function", "function": function},
        {"index": 0, "type": "function", "function": {"arguments": "{}"}},
    ]


def test_parallel_calls_have_an_index_each(project: ProjectHandle, stream: Any) -> None:
    project.respond([[FunctionCall("f", id="call_a"), FunctionCall("g", id="call_b")]])
    told = [(call["index"], call["id"]) for call in calls(stream()) if "id" in call]
    assert told == [(0, "call_a"), (1, "call_b")]


def test_a_code_interpreter_call_is_told_as_input_first_and_then_outputs(project: ProjectHandle, stream: Any) -> None:
    project.respond(CodeInterpreter("import", logs="ok"))
    first, *others = calls(stream())
    assert first == {
        "index": 0,
        "id": first["id"],
        "type": "code_interpreter",
        "code_interpreter": {"input": "", "outputs": []},
    }
    logs = [{"index": 0, "type": "logs", "logs": "ok"}]
    assert others == [
        {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": "import"}},
        {"index": 0, "type": "code_interpreter", "code_interpreter": {"outputs": logs}},
    ]


def test_usage_is_shown_only_at_the_end(stream: Any) -> None:
    used = {name for name, data in stream() if isinstance(data, dict) and data.get("usage")}
    assert used == {"thread.run.step.completed", "thread.run.completed"}


def test_the_last_run_event_is_what_a_retrieve_shows(wire: httpx2.Client, stream: Any) -> None:
    run = stream()[-2][1]
    assert {**run, "tool_resources": {}} == wire.get(f"/threads/{run['thread_id']}/runs/{run['id']}").json()


def test_a_run_without_a_stream_has_the_same_end(
    project: ProjectHandle, client: openai.OpenAI, stream: Any, ask: Any, settled: Any
) -> None:
    project.respond([CodeInterpreter("1", logs="1"), Text("One.")])
    streamed = stream()[-2][1]
    client.beta.threads.messages.list(streamed["thread_id"])
    plain = settled(ask("Hello")).to_dict()
    differing = {key for key in plain if plain[key] != streamed[key]}
    assert differing == {"id", "tool_resources", "usage"}


def test_the_function_step_is_completed_when_it_is_resumed(project: ProjectHandle, stream: Any, resume: Any) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    name, step = resume(stream()[-2][1], call_1="42")[0]
    (call,) = step["step_details"]["tool_calls"]
    assert (name, step["status"], call["function"]["output"]) == ("thread.run.step.completed", "completed", "42")


def test_the_accept_header_does_not_matter(wire: httpx2.Client, assistant: Any) -> None:
    body = {"assistant_id": assistant.id, "stream": True}
    answer = wire.post("/threads/runs", json=body, headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_pre_stream_failures_are_plain_json(wire: httpx2.Client) -> None:
    answer = wire.post("/threads/runs", json={"assistant_id": "asst_x", "stream": True})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


def test_the_sdk_puts_a_stream_together(client: openai.OpenAI, assistant: Any, thread: Any) -> None:
    client.beta.threads.messages.create(thread.id, role="user", content="Hello")
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        (message,) = stream.get_final_messages()
    assert message.content[0].text.value == "Echo: Hello"


def test_outputs_may_be_submitted_while_the_first_stream_is_open(
    project: ProjectHandle, client: openai.OpenAI, assistant: Any, thread: Any
) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    outputs: Any = [{"tool_call_id": "call_1", "output": "42"}]
    runs = client.beta.threads.runs
    with runs.stream(thread_id=thread.id, assistant_id=assistant.id) as first:
        run = next(event.data for event in first if event.event == "thread.run.requires_action")
        with runs.submit_tool_outputs_stream(run_id=run.id, thread_id=thread.id, tool_outputs=outputs) as second:
            second.until_done()
    assert project.transcript(thread.id) == "function f({}) -> 42\nassistant: done\nrun completed\n"


def test_a_cancelled_run_ends_its_stream(
    project: ProjectHandle, client: openai.OpenAI, assistant: Any, thread: Any
) -> None:
    @project.respond
    def cancelled(turn: Any) -> Any:
        yield "So far."
        with turn.client() as inner:
            inner.beta.threads.runs.cancel(turn.run.id, thread_id=turn.thread.id)
        yield "Never said."

    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        names = [event.event for event in stream]
    cut = ["thread.run.cancelling", "thread.message.incomplete", "thread.run.step.cancelled", "thread.run.cancelled"]
    assert names[-4:] == cut


def test_leaving_a_stream_does_not_cancel_the_run(
    project: ProjectHandle, client: openai.OpenAI, assistant: Any, thread: Any
) -> None:
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        next(iter(stream))
    assert project.transcript(thread.id) == "assistant: Echo: (no message)\nrun completed\n"


def test_an_exception_in_the_middle_of_a_stream_is_logged_and_kept_for_the_test(
    project: ProjectHandle,
    client: openai.OpenAI,
    assistant: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("assistants_emulator.web.streams.frame", broken_frame)
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        list(client.beta.threads.create_and_run(assistant_id=assistant.id, stream=True))
    failure = project.failures.pop()
    assert (failure.run_id[:4], str(failure.error)) == ("run_", "no frame for thread.run.in_progress")
    assert "POST /v1/threads/runs: its events could not be sent" in caplog.text


def broken_frame(name: str, data: Any) -> bytes:
    """As `frame`, until the run is in progress."""
    if name == "thread.run.in_progress":
        raise LookupError(f"no frame for {name}")
    return frame(name, data)
