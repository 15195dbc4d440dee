"""A session with an emulator, recorded, converted to a script, and repeated by a different client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from convert_helpers import CassetteWriter, ask, replayed, said, taped

from assistants_emulator import (
    CodeInterpreter,
    Emulator,
    Fail,
    FileSearch,
    FunctionCall,
    Image,
    Incomplete,
    Pause,
    ProjectHandle,
    Refusal,
    Text,
    Usage,
)
from assistants_emulator.convert.conversion import Conversion
from assistants_emulator.responders.scripts.load import load_script

PNG = b"\x89PNG\r\n\x1a\n not much of a picture"


@pytest.fixture
def project() -> Any:
    with Emulator(clock="manual", strict_tools=False) as emulator:
        yield emulator


def script_from(tape: CassetteWriter, folder: Path) -> dict[str, Any]:
    """By way of the files, as the command line does it."""
    made = Conversion.of(tape.save(folder / "session.yaml"), to="script")
    made.save(folder / "script.yaml")
    return load_script(folder / "script.yaml").raw


def test_a_test_may_poll_more_and_list_in_the_other_order(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond([Text("First."), Text("Second.")], when="Two things")
    with taped(project) as (client, tape):
        said(client, ask(client, "Two things, please"), order="desc")
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        run = ask(client, "Two things, please")
        for _ in range(4):
            client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        assert said(client, run, order="asc") == ["First.", "Second."]


def test_runs_may_come_in_another_order(project: ProjectHandle, tmp_path: Path) -> None:
    for number in range(3):
        project.respond(f"Answer {number}", when=f"question {number}")
    with taped(project) as (client, tape):
        for number in range(3):
            said(client, ask(client, f"Is this question {number}? (a+b)"))
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        answers = [said(client, ask(client, f"Is this question {number}? (a+b)")) for number in (2, 0, 1)]
        assert answers == [["Answer 2"], ["Answer 0"], ["Answer 1"]]


def test_the_same_question_gets_its_answers_one_after_the_other(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond("One", times=1)
    project.respond("Two", times=1)
    with taped(project) as (client, tape):
        for _ in range(2):
            said(client, ask(client, "And?"))
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert [said(client, ask(client, "And?")) for _ in range(2)] == [["One"], ["Two"]]


def test_function_calls_and_what_follows_them_are_one_rule(project: ProjectHandle, tmp_path: Path) -> None:
    calls = [FunctionCall("get_weather", '{"city": "Oslo"}'), FunctionCall("get_weather", '{"city": "Rome"}')]
    project.respond([calls, Text("It is sunny in both.")])
    with taped(project) as (client, tape):
        said(client, answered(client, ask(client, "Oslo and Rome?")))
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        run = ask(client, "Oslo and Rome?")
        asked = run.required_action.submit_tool_outputs.tool_calls
        assert [call.function.arguments for call in asked] == ['{"city": "Oslo"}', '{"city": "Rome"}']
        assert said(client, answered(client, run)) == ["It is sunny in both."]


def answered(client: Any, run: Any) -> Any:
    outputs = [{"tool_call_id": c.id, "output": "sun"} for c in run.required_action.submit_tool_outputs.tool_calls]
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
    )


def test_a_stream_comes_in_the_recorded_pieces(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond(Text("It is sunny.", chunks=["It i", "s sun", "ny."]))
    with taped(project) as (client, tape):
        assert streamed(client, "Weather?") == ["It i", "s sun", "ny."]
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert streamed(client, "Weather?") == ["It i", "s sun", "ny."]


def streamed(client: Any, question: str) -> list[str]:
    """By thread and run in one, as a stream."""
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread: Any = {"messages": [{"role": "user", "content": question}]}
    with client.beta.threads.create_and_run_stream(assistant_id=assistant.id, thread=thread) as stream:
        return list(stream.text_deltas)


def test_a_polled_test_may_become_a_streaming_one(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond("It is sunny.")
    with taped(project) as (client, tape):
        said(client, ask(client, "Weather?"))
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert "".join(streamed(client, "Weather?")) == "It is sunny."


def test_output_images_and_files_of_code_are_repeated(project: ProjectHandle, tmp_path: Path) -> None:
    files = [Image(content=b"a,b\n", filename="data.csv")]
    code = CodeInterpreter("plot()", logs="done\n", images=[Image(content=PNG, filename="plot.png")], files=files)
    project.respond([code, Text("See sandbox:/mnt/data/data.csv")])
    with taped(project) as (client, tape):
        recorded = drawn(client)
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert drawn(client) == recorded
    assert recorded == (["plot()", "done\n"], ["image_file", "text"], PNG, b"a,b\n")


def drawn(client: Any) -> tuple[list[str], list[str], bytes, bytes]:
    run = ask(client, "Draw it")
    (message,) = client.beta.threads.messages.list(thread_id=run.thread_id, run_id=run.id)
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc")
    code = steps.data[0].step_details.tool_calls[0].code_interpreter
    image, text = message.content
    picture = client.files.content(image.image_file.file_id).read()
    table = client.files.content(text.text.annotations[0].file_path.file_id).read()
    return [code.input, code.outputs[0].logs], [part.type for part in message.content], picture, table


def test_citations_point_into_the_file_that_the_test_uploads(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond([FileSearch(), Text("Cake.", citations=[{"file": "foods.txt", "quote": "cake"}])])
    with taped(project) as (client, tape):
        recorded = searched(client)
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert searched(client) == recorded
    assert recorded == ("Cake.【4:0†foods.txt】", ["【4:0†foods.txt】"], ["foods.txt"])


def searched(client: Any) -> tuple[str, list[str], list[str]]:
    file = client.files.create(file=("foods.txt", b"Filip's favorite food is cake."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    tools: Any = {
        "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": [store.id]}},
    }
    assistant = client.beta.assistants.create(model="gpt-4o", **tools)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Filip's favorite food?"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    (message,) = client.beta.threads.messages.list(thread_id=thread.id, run_id=run.id)
    text = message.content[0].text
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
    results = steps.data[0].step_details.tool_calls[0].file_search.results
    assert all(note.file_citation.file_id == file.id for note in text.annotations)
    return text.value, [note.text for note in text.annotations], [result.file_name for result in results]


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Fail("rate_limit_exceeded", "Slow down."), "failed"), (Incomplete("content_filter"), "incomplete")],
)
def test_a_run_ends_as_it_ended(project: ProjectHandle, tmp_path: Path, reply: Any, status: str) -> None:
    project.respond([Text("So far."), reply])
    with taped(project) as (client, tape):
        recorded = ask(client, "Go on")
        said(client, recorded)
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        run = ask(client, "Go on")
        assert (run.status, run.last_error, run.incomplete_details) == (
            status,
            recorded.last_error,
            recorded.incomplete_details,
        )
        assert said(client, run) == ["So far."]


def test_a_run_that_was_cancelled_can_be_cancelled_again(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond([Text("Wait..."), Pause()])
    with taped(project) as (client, tape):
        assert cancelled(client) == "cancelled"
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert cancelled(client) == "cancelled"


def cancelled(client: Any) -> str:
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Long story"}])
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    return str(client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status)


def test_the_usage_is_the_recorded_one(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond([Text("One."), Usage(120, 7), Text("Two."), Usage(200, 11)])
    with taped(project) as (client, tape):
        ask(client, "Count")
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        run = ask(client, "Count")
        assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (320, 18)


def test_a_refusal_is_refused_again(project: ProjectHandle, tmp_path: Path) -> None:
    project.respond(Refusal("I will not."))
    with taped(project) as (client, tape):
        said(client, ask(client, "Do it"))
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        run = ask(client, "Do it")
        (message,) = client.beta.threads.messages.list(thread_id=run.thread_id, run_id=run.id)
        assert message.content[0].refusal == "I will not."


def test_a_text_that_looks_like_a_template_stays_as_it_was(project: ProjectHandle, tmp_path: Path) -> None:
    text = "Write {message} and {outputs[0]} into it."
    project.respond(lambda turn: text)
    with taped(project) as (client, tape):
        said(client, ask(client, "How?"))
    with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
        assert said(client, ask(client, "How?")) == [text]
