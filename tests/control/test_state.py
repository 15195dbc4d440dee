"""State files: all objects of a project as one JSON value."""

import httpx2
import pytest

from assistants_emulator import CodeInterpreter, Emulator, FunctionCall, Text
from assistants_emulator.errors import EmulatorError


def fill(emulator: Emulator) -> tuple[str, str]:
    """A project with something in every table that runs fill; the thread and its last run."""
    emulator.respond([Text("First."), CodeInterpreter("1 + 1", logs="2"), Text("Second.")], times=1)
    emulator.respond([FunctionCall("ask", {"n": 1}), Text("Third.")])
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o", name="Kept", metadata={"a": "b"})
    thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    run = beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    return thread.id, run.id


def test_the_state_that_get_returns_can_be_put_unchanged(emulator: Emulator, control: httpx2.Client) -> None:
    fill(emulator)
    before = control.get("state").json()
    assert control.put("state", json=before).json() == before


def test_another_project_holds_the_same_after_a_put(emulator: Emulator, control: httpx2.Client) -> None:
    thread_id, _ = fill(emulator)
    other = emulator.project("other")
    other.load_state(control.get("state").json())
    assert other.transcript(thread_id) == emulator.transcript(thread_id)


def test_a_run_that_requires_action_goes_on_after_a_put(emulator: Emulator, control: httpx2.Client) -> None:
    thread_id, run_id = fill(emulator)
    control.put("state", json=control.get("state").json())
    threads = emulator.client().beta.threads
    (call,) = threads.runs.retrieve(run_id=run_id, thread_id=thread_id).required_action.submit_tool_outputs.tool_calls
    outputs = [{"tool_call_id": call.id, "output": "x"}]
    run = threads.runs.submit_tool_outputs_and_poll(run_id=run_id, thread_id=thread_id, tool_outputs=outputs)
    assert run.status == "completed"
    assert threads.messages.list(thread_id).data[0].content[0].text.value == "Third."


def test_missing_keys_are_filled_in(emulator: Emulator) -> None:
    emulator.load_state({"threads": [{"id": "my-thread"}], "messages": [{"id": "m1", "thread_id": "my-thread"}]})
    message = emulator.client().beta.threads.messages.retrieve("m1", thread_id="my-thread")
    assert (message.role, message.content, message.metadata) == ("user", [], {})


def test_a_plain_string_is_a_messages_text(emulator: Emulator) -> None:
    message = {"id": "m1", "thread_id": "t1", "content": "Plain"}
    emulator.load_state({"threads": [{"id": "t1"}], "messages": [message]})
    assert emulator.transcript("t1") == "user: Plain\n"


def test_an_in_progress_run_that_came_so_waits_until_it_is_resumed(emulator: Emulator) -> None:
    state = {
        "assistants": [{"id": "a1", "model": "gpt-4o"}],
        "threads": [{"id": "t1"}],
        "messages": [{"id": "m1", "thread_id": "t1", "content": "Hi"}],
        "runs": [{"id": "r1", "thread_id": "t1", "assistant_id": "a1", "status": "in_progress"}],
    }
    emulator.load_state(state)
    runs = emulator.client().beta.threads.runs
    assert runs.retrieve(run_id="r1", thread_id="t1").status == "in_progress"
    emulator.resume("r1")
    assert runs.retrieve(run_id="r1", thread_id="t1").status == "completed"


def test_new_ids_skip_those_that_came(emulator: Emulator) -> None:
    with Emulator(clock="manual") as twin:
        taken = twin.client().beta.threads.create().id
    emulator.load_state({"threads": [{"id": taken}]})
    assert emulator.client().beta.threads.create().id != taken


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"thread": []}, "state: unknown table 'thread'; did you mean 'threads'?"),
        ({"threads": {}}, "state: threads must be an array of objects"),
        ({"threads": [{"id": 7}]}, "state: threads[0] must be an object with an id"),
        (
            {"threads": [{"id": "t", "metdata": {}}]},
            "state: threads[0]: unknown key 'metdata'; did you mean 'metadata'?",
        ),
        ({"threads": [{"id": "t", "metadata": 1}]}, "state: threads[0].metadata must be an object, not 1"),
        (
            {"steps": [{"id": "s", "run_id": "r", "step_details": {"tool_calls": [{}]}}]},
            "state: steps[0].step_details.tool_calls[0].id is missing",
        ),
        (
            {"messages": [{"id": "m", "thread_id": "t", "content": 7}]},
            "state: messages[0].content must be an array or a string, not 7",
        ),
        (
            {"messages": [{"id": "m", "thread_id": "t", "content": [{"type": "audio"}]}]},
            "state: messages[0].content[0].type must be one of text, image_file, image_url, refusal, not 'audio'",
        ),
        (
            {"messages": [{"id": "m", "thread_id": "t", "content": [{"type": "text", "text": {"value": 7}}]}]},
            "state: messages[0].content[0].text.value must be a string, not 7",
        ),
        (
            {"runs": [{"id": "r", "thread_id": "t", "usage": []}]},
            "state: runs[0].usage must be an object or null, not []",
        ),
        (
            {"assistants": [{"id": "a", "tools": [7]}]},
            "state: assistants[0].tools[0] must be an object, not 7",
        ),
        (
            {"assistants": [{"id": "a", "tool_resources": {"file_search": []}}]},
            "state: assistants[0].tool_resources.file_search must be an object, not []",
        ),
        (
            {"threads": [{"id": "t", "tool_resources": {"code_interpreter": {"file_ids": "file-1"}}}]},
            "state: threads[0].tool_resources.code_interpreter.file_ids must be an array, not 'file-1'",
        ),
        (
            {"files": [{"id": "f", "bytes": True}]},
            "state: files[0].bytes must be an integer, not True",
        ),
        ({"messages": [{"id": "m"}]}, "state: messages[0]: thread_id is missing"),
        (
            {"messages": [{"id": "m", "thread_id": "t"}]},
            "state: messages[0].thread_id: there is no 't' in threads",
        ),
    ],
)
def test_unknown_keys_are_refused_by_name(emulator: Emulator, state: dict[str, object], told: str) -> None:
    with pytest.raises(EmulatorError) as raised:
        emulator.load_state(state)
    assert str(raised.value).startswith(told)


def test_a_refused_state_changes_nothing(emulator: Emulator) -> None:
    thread_id, _ = fill(emulator)
    before = emulator.transcript(thread_id)
    with pytest.raises(EmulatorError):
        emulator.load_state({"threads": [{"id": "t", "bogus": 1}]})
    assert emulator.transcript(thread_id) == before


def test_a_question_that_came_so_is_the_one_that_is_answered(emulator: Emulator) -> None:
    state = {
        "assistants": [{"id": "a1", "model": "gpt-4o"}],
        "threads": [{"id": "t1"}],
        "messages": [{"id": "m1", "thread_id": "t1", "content": "Well?"}],
    }
    emulator.load_state(state)
    emulator.client().beta.threads.runs.create_and_poll(thread_id="t1", assistant_id="a1")
    assert emulator.transcript("t1") == "user: Well?\nassistant: Echo: Well?\nrun completed\n"
