"""File search and code interpreter in runs: searches, citations, created files and images."""

from uuid import UUID

import httpx2
import openai
import pytest

from assistants_emulator import CodeInterpreter, Emulator, FileSearch, Image, ProjectHandle, Text
from assistants_emulator.errors import ScriptError
from assistants_emulator.responders import Citation, answer_from_files

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


class Library:
    """An assistant with a vector store of two files, and a thread with a question."""

    def __init__(self, client: openai.OpenAI) -> None:
        self.client = client
        self.food = client.files.create(file=("foods.txt", b"Filip's favorite food is cake."), purpose="assistants")
        self.pets = client.files.create(file=("pets.txt", b"Anna has a parrot named Coco."), purpose="assistants")
        self.store = client.vector_stores.create(file_ids=[self.food.id, self.pets.id])
        self.assistant = client.beta.assistants.create(
            model="gpt-4o",
            tools=[{"type": "file_search"}, {"type": "code_interpreter"}],
            tool_resources={"file_search": {"vector_store_ids": [self.store.id]}},
        )
        question = {"role": "user", "content": "What is the name of the parrot?"}
        self.thread = client.beta.threads.create(messages=[question])

    def run(self, **options: object) -> object:
        return self.client.beta.threads.runs.create_and_poll(
            thread_id=self.thread.id, assistant_id=self.assistant.id, **options
        )

    def message(self) -> object:
        return self.client.beta.threads.messages.list(self.thread.id).data[0]

    def calls(self, run: object, **options: object) -> list[object]:
        steps = self.client.beta.threads.runs.steps.list(run_id=run.id, thread_id=self.thread.id, **options)
        return [call for step in steps for call in getattr(step.step_details, "tool_calls", [])]


@pytest.fixture
def library(client: openai.OpenAI) -> Library:
    return Library(client)


def test_a_search_finds_the_file_that_the_question_is_about(project: ProjectHandle, library: Library) -> None:
    project.respond([FileSearch(), Text("Coco.")])
    (call,) = library.calls(library.run())
    assert [result.file_name for result in call.file_search.results] == ["pets.txt", "foods.txt"]
    assert call.file_search.results[0].score > call.file_search.results[1].score == 0


def test_the_content_of_results_is_shown_to_who_asks_for_it(project: ProjectHandle, library: Library) -> None:
    project.respond([FileSearch(), Text("Coco.")])
    run = library.run()
    assert library.calls(run)[0].file_search.results[0].content is None
    (part,) = library.calls(run, include=[CONTENT])[0].file_search.results[0].content
    assert part.text == "Anna has a parrot named Coco."


def test_a_stream_shows_no_content_of_results_unless_asked(project: ProjectHandle, library: Library) -> None:
    project.respond([FileSearch(), Text("Coco.")])

    def content(**options: object) -> object:
        stream = library.client.beta.threads.runs.create(
            thread_id=library.thread.id, assistant_id=library.assistant.id, stream=True, **options
        )
        done = next(event for event in stream if event.event == "thread.run.step.completed")
        return done.data.step_details.tool_calls[0].file_search.results[0].content

    assert content() is None
    assert content(include=[CONTENT])[0].text == "Anna has a parrot named Coco."


def test_results_can_be_given_by_file_name(project: ProjectHandle, library: Library) -> None:
    project.respond([FileSearch(results=[{"file": "foods.txt", "score": 0.5, "text": "cake"}]), Text("Cake.")])
    (call,) = library.calls(library.run())
    (result,) = call.file_search.results
    assert (result.file_id, result.score) == (library.food.id, 0.5)


def test_a_citation_puts_a_marker_and_its_annotation_into_the_message(project: ProjectHandle, library: Library) -> None:
    project.respond(Text("Filip's favorite food is cake", citations=[{"file": "foods.txt", "quote": "cake"}]))
    library.run()
    text = library.message().content[0].text
    assert text.value == "Filip's favorite food is cake【4:0†foods.txt】"
    (annotation,) = text.annotations
    assert (annotation.start_index, annotation.end_index) == (29, 44)
    assert annotation.file_citation.file_id == library.food.id


def test_a_citation_of_no_file_names_the_files_that_there_are(project: ProjectHandle, library: Library) -> None:
    project.respond(Text("x", citations=[{"file": "nope.txt", "quote": "x"}]))
    run = library.run()
    assert run.last_error.message == (
        "there is no file with the id or name 'nope.txt'; the project's files are: foods.txt, pets.txt"
    )


def test_the_turn_searches_and_reads_files(project: ProjectHandle, library: Library) -> None:
    def answer(turn: object) -> Text:
        (hit,) = turn.search("parrot", 1)
        return Text(turn.file(hit.file_id).content.decode(), citations=[hit])

    project.respond(answer)
    library.run()
    assert library.message().content[0].text.value == "Anna has a parrot named Coco.【4:0†pets.txt】"


def test_the_built_in_responder_answers_from_the_files(project: ProjectHandle, library: Library) -> None:
    project.respond(answer_from_files)
    run = library.run()
    assert library.message().content[0].text.value == "Anna has a parrot named Coco.【4:0†pets.txt】"
    assert [call.type for call in library.calls(run)] == ["file_search"]


def test_an_expired_store_fails_the_run_that_may_search_it(project: ProjectHandle, library: Library) -> None:
    expiring = {"anchor": "last_active_at", "days": 1}
    library.client.vector_stores.update(library.store.id, expires_after=expiring)
    project.clock.advance(2 * 86400)
    project.respond("x")
    run = library.run()
    assert (run.status, run.last_error.message) == ("failed", f"Vector store '{library.store.id}' has expired.")


def test_images_that_code_makes_stand_before_the_next_text(project: ProjectHandle, library: Library) -> None:
    chart = Image(content=b"PNG", filename="chart.png")
    project.respond([CodeInterpreter("plot()", images=[chart]), Text("Here it is.")])
    run = library.run()
    image, text = library.message().content
    assert library.client.files.content(image.image_file.file_id).read() == b"PNG"
    assert text.text.value == "Here it is."
    assert library.calls(run)[0].code_interpreter.outputs[0].image.file_id == image.image_file.file_id


def test_an_image_that_no_text_follows_gets_a_message_of_its_own(project: ProjectHandle, library: Library) -> None:
    project.respond([CodeInterpreter("plot()", images=[Image(content=b"PNG")])])
    library.run()
    assert [part.type for part in library.message().content] == ["image_file"]


def test_files_that_code_makes_are_annotated_where_the_text_names_them(
    project: ProjectHandle, library: Library
) -> None:
    made = Image(content=b"a,b", filename="out.csv")
    project.respond([CodeInterpreter("write()", files=[made]), Text("See [it](sandbox:/mnt/data/out.csv).")])
    library.run()
    (annotation,) = library.message().content[0].text.annotations
    assert (annotation.text, annotation.start_index) == ("sandbox:/mnt/data/out.csv", 9)
    assert library.client.files.content(annotation.file_path.file_id).read() == b"a,b"


def test_files_that_the_text_does_not_name_are_linked_below_it(project: ProjectHandle, library: Library) -> None:
    project.respond([CodeInterpreter("write()", files=[Image(content=b"a,b", filename="out.csv")]), Text("Done.")])
    library.run()
    assert library.message().content[0].text.value == "Done.\n\n[Download out.csv](sandbox:/mnt/data/out.csv)"


@pytest.mark.parametrize("name", ["out.csv", "/mnt/data/out.csv"])
def test_a_file_that_code_makes_is_named_by_its_path(project: ProjectHandle, library: Library, name: str) -> None:
    project.respond([CodeInterpreter("write()", files=[Image(content=b"a,b", filename=name)]), Text("Done.")])
    library.run()
    (annotation,) = library.message().content[0].text.annotations
    made = library.client.files.retrieve(annotation.file_path.file_id)
    assert (made.filename, made.purpose) == ("/mnt/data/out.csv", "assistants_output")
    assert annotation.text == "sandbox:/mnt/data/out.csv"
    header = library.client.files.content(made.id).response.headers["content-disposition"]
    assert header == 'attachment; filename="/mnt/data/out.csv"'


def test_an_image_that_code_makes_is_named_by_a_uuid(project: ProjectHandle, library: Library) -> None:
    chart = Image(content=b"PNG", filename="chart.png")
    project.respond([CodeInterpreter("plot()", images=[chart]), Text("Here it is.")])
    library.run()
    (image,) = [file for file in library.client.files.list() if file.purpose == "assistants_output"]
    assert str(UUID(image.filename)) == image.filename


def test_a_made_file_is_cited_by_its_short_name(project: ProjectHandle, library: Library) -> None:
    made = Image(content=b"a,b", filename="out.csv")
    cited = Text("Done.", citations=[{"file": "out.csv", "quote": "a"}])
    project.respond([CodeInterpreter("write()", files=[made]), cited])
    library.run()
    assert "file_citation" in [annotation.type for annotation in library.message().content[0].text.annotations]


def test_a_script_cites_what_the_search_found(project: ProjectHandle, library: Library) -> None:
    cited = {"text": {"value": "Cake.", "citations": [{"file": "found[0]"}]}}
    searched = {"file_search": {"query": "favorite food"}}
    project.load_script({"version": 1, "replies": [{"do": [searched, cited]}]})
    library.run()
    text = library.message().content[0].text
    assert text.value == "Cake.【4:0†foods.txt】"
    assert text.annotations[0].file_citation.file_id == library.food.id


def test_the_quote_of_a_found_citation_is_the_passage(project: ProjectHandle, library: Library) -> None:
    project.respond([FileSearch("favorite food"), Text("Cake.", citations=[{"file": "found[0]"}])])
    library.run()
    answer = httpx2.get(
        f"{project.base_url}/threads/{library.message().thread_id}/messages/{library.message().id}",
        headers={"Authorization": f"Bearer {project.api_key}", "OpenAI-Beta": "assistants=v1"},
    )
    (annotation,) = answer.json()["content"][0]["text"]["annotations"]
    assert annotation["file_citation"]["quote"] == "Filip's favorite food is cake."


def test_citing_more_than_was_found_fails_the_run(project: ProjectHandle, library: Library) -> None:
    project.respond([FileSearch(results=[]), Text("Cake.", citations=[{"file": "found[0]"}])])
    problem = "cannot cite found[0]: the run's last file search has 0 results"
    assert library.run().last_error.message == problem
    assert str(project.failures.pop().error) == problem


def test_a_citation_of_a_named_file_needs_a_quote() -> None:
    with pytest.raises(ScriptError, match=r"Citation.quote is missing; only a file `found\[0\]` brings its own"):
        Citation("foods.txt")


def test_code_is_executed_only_with_the_option(project: ProjectHandle, library: Library) -> None:
    project.respond([CodeInterpreter("1 + 1", execute=True), Text("2")])
    assert "--allow-code-execution" in library.run().last_error.message


def test_code_that_may_be_executed_sees_attached_files_and_leaves_its_own() -> None:
    with Emulator(allow_code_execution=True) as emulator:
        client = emulator.client()
        data = client.files.create(file=("data.csv", b"1\n2\n3\n"), purpose="assistants")
        attached = {"code_interpreter": {"file_ids": [data.id]}}
        tools = [{"type": "code_interpreter"}]
        assistant = client.beta.assistants.create(model="gpt-4o", tools=tools, tool_resources=attached)
        code = (
            f"rows = open('/mnt/data/{data.id}').read().split()\nopen('sum.txt', 'w').write('6')\nsum(map(int, rows))"
        )
        emulator.respond([CodeInterpreter(code, execute=True), Text("Summed.")])
        thread = {"messages": [{"role": "user", "content": "Sum it"}]}
        run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
        steps = client.beta.threads.runs.steps.list(run_id=run.id, thread_id=run.thread_id, order="asc").data
        assert steps[0].step_details.tool_calls[0].code_interpreter.outputs[0].logs == "6\n"
        assert next((file.filename, file.purpose) for file in client.files.list()) == (
            "/mnt/data/sum.txt",
            "assistants_output",
        )
