"""Sessions of responses, recorded and converted to a script, and repeated by a different client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from convert_helpers import CassetteWriter, call, converted, replayed, taped

from assistants_emulator import CodeInterpreter, Emulator, FileSearch, FunctionCall, Image, ProjectHandle, Text, Usage
from assistants_emulator.convert.conversion import Conversion
from assistants_emulator.responders.scripts.load import load_script

PNG = b"\x89PNG\r\n\x1a\n not much of a picture"
CODE = [{"type": "code_interpreter", "container": {"type": "auto"}}]
QUESTION = {"model": "gpt-4o", "input": "Hello"}


@pytest.fixture
def project() -> Iterator[ProjectHandle]:
    with Emulator(clock="manual", strict_tools=False) as emulator:
        yield emulator


@pytest.fixture
def repeated(project: ProjectHandle, tmp_path: Path) -> Callable[[Callable[[Any], Any]], list[Any]]:
    """What `use(client)` returns with the project, and with the script of that session."""

    def both(use: Callable[[Any], Any]) -> list[Any]:
        with taped(project) as (client, tape):
            first = use(client)
        with replayed(script_from(tape, tmp_path)) as again, again.client() as client:
            return [first, use(client)]

    return both


def script_from(tape: CassetteWriter, folder: Path) -> dict[str, Any]:
    made = Conversion.of(tape.save(folder / "session.yaml"), to="script")
    assert made.warnings == []
    made.save(folder / "script.yaml")
    return load_script(folder / "script.yaml").raw


def answer(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "output": list(output), **fields}


def message(text: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": list(annotations)}
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}


def test_images_and_files_of_code_are_repeated(project: ProjectHandle, repeated: Any) -> None:
    files = [Image(content=b"a,b\n", filename="data.csv")]
    code = CodeInterpreter("plot()", logs="done\n", images=[Image(content=PNG, filename="plot.png")], files=files)
    project.respond([code, Text("See sandbox:/mnt/data/data.csv")])

    def drawn(client: Any) -> Any:
        include: Any = ["code_interpreter_call.outputs"]
        response = client.responses.create(**QUESTION, tools=CODE, include=include)
        made, text = response.output
        notes = text.content[0].annotations
        contents = [
            client.containers.files.content.retrieve(note.file_id, container_id=note.container_id).read()
            for note in notes
        ]
        return made.code, made.outputs[0].logs, response.output_text, contents

    first, second = repeated(drawn)
    assert first == second
    assert set(first[3]) == {PNG, b"a,b\n"}


def test_citations_and_results_point_into_the_file_that_is_uploaded(project: ProjectHandle, repeated: Any) -> None:
    project.respond([FileSearch(), Text("Cake.", citations=[{"file": "foods.txt", "quote": "cake"}])])

    def searched(client: Any) -> Any:
        file = client.files.create(file=("foods.txt", b"Filip's favorite food is cake."), purpose="assistants")
        store = client.vector_stores.create(file_ids=[file.id])
        tools: Any = [{"type": "file_search", "vector_store_ids": [store.id]}]
        response = client.responses.create(**QUESTION, tools=tools, include=["file_search_call.results"])
        search, text = response.output
        notes = text.content[0].annotations
        assert [note.file_id for note in notes] == [file.id]
        return search.queries, [result.text for result in search.results], response.output_text, notes[0].index

    first, second = repeated(searched)
    assert first == second == (["Hello"], ["Filip's favorite food is cake."], "Cake.", 5)


def test_a_stream_comes_in_the_recorded_pieces(project: ProjectHandle, repeated: Any) -> None:
    project.respond(Text("It {message} is.", chunks=["It {mes", "sage} i", "s."]))

    def streamed(client: Any) -> Any:
        stream = client.responses.create(**QUESTION, stream=True)
        return "".join(event.delta for event in stream if event.type == "response.output_text.delta")

    assert repeated(streamed) == ["It {message} is."] * 2


def test_a_response_in_the_background_is_converted_as_it_was_seen_last(project: ProjectHandle, repeated: Any) -> None:
    project.respond("Hello there.")

    def polled(client: Any) -> Any:
        response = client.responses.create(**QUESTION, background=True)
        return client.responses.retrieve(response.id).output_text

    assert repeated(polled) == ["Hello there."] * 2


def test_the_usage_is_the_recorded_one(project: ProjectHandle, repeated: Any) -> None:
    project.respond([Text("One."), Usage(7, 3), Text("Two."), Usage(9, 4), FunctionCall("f", {})])

    def counted(client: Any) -> Any:
        usage = client.responses.create(**QUESTION).usage
        return usage.input_tokens, usage.output_tokens

    assert repeated(counted) == [(16, 7)] * 2


def test_a_cancelled_response_can_be_cancelled_again() -> None:
    queued, cancelled = answer(status="queued"), answer(message("So far"), status="cancelled")
    session = [call("POST", "/responses", QUESTION, queued), call("POST", "/responses/resp_1/cancel", {}, cancelled)]
    assert converted(*session).script["replies"][0]["do"] == [{"text": "So far"}, {"pause": True}]


def test_a_stream_that_broke_off_has_the_items_that_were_done() -> None:
    events = [
        ("response.created", {"response": answer(status="in_progress")}),
        ("response.output_item.done", {"item": message("Hello")}),
    ]
    made = converted(call("POST", "/responses", QUESTION, events))
    assert made.script["replies"][0]["do"] == [{"text": "Hello"}]
    assert made.warnings == ["resp_1: the recording ends before the run does"]


def test_what_the_recording_does_not_have_is_a_warning() -> None:
    cited = {"type": "file_citation", "file_id": "file-1", "filename": "a.txt", "index": 1}
    linked = {"type": "container_file_citation", "file_id": "cfile_1", "filename": "a.csv"}
    text = message("See", cited, {"type": "url_citation"}, {**linked, "start_index": 0, "end_index": 3})
    made = converted(call("POST", "/responses", QUESTION, answer(text, {"type": "web_search_call"})))
    assert made.warnings == [
        "resp_1: cfile_1 was not downloaded; an empty a.csv stands for it",
        "resp_1: its url_citation is left out",
        "resp_1: its citations name files that the recording did not upload; they are left out",
        "resp_1: its web_search_call is left out",
    ]


@pytest.mark.parametrize("output", [[1], [{}], [message("x") | {"content": None}], [{"type": "message", "content": 1}]])
def test_values_of_unknown_shape_are_skipped(output: list[Any]) -> None:
    made = converted(call("POST", "/responses", QUESTION, answer(*output)))
    assert load_script(made.script).rules
