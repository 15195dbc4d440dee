"""More projects than fit in memory: the least recently used are unloaded to disk without a visible effect."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from tinydb import TinyDB

from assistants_emulator import Emulator, FunctionCall, Pause, ProjectHandle, Text
from assistants_emulator.errors import EmulatorError

BETA = {"OpenAI-Beta": "assistants=v2"}
OUTPUTS: Any = [{"tool_call_id": "call_1", "output": "15 C"}]
FILE_HANDLES = Path("/proc/self/fd")
needs_handles = pytest.mark.skipif(not FILE_HANDLES.exists(), reason="Linux tells a process its open files")


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that keeps one project in memory."""
    with Emulator(tmp_path, clock="manual", loaded_projects=1, strict_tools=False) as emulator:
        yield emulator


@pytest.fixture
def project(emulator: Emulator) -> ProjectHandle:
    return emulator.project("one")


@pytest.fixture
def client(project: ProjectHandle) -> Iterator[openai.OpenAI]:
    with project.client(max_retries=0) as client:
        yield client


@contextmanager
def visitor(emulator: Emulator) -> Iterator[Callable[..., httpx2.Response]]:
    """`visit(method, path, project)`: a call with that project's key, on one connection."""
    with httpx2.Client(base_url=emulator.base_url, headers=BETA, verify=False, trust_env=False, timeout=60) as http:

        def visit(method: str, path: str, project: str) -> httpx2.Response:
            key = {"Authorization": f"Bearer sk-emulator-{project}"}
            return http.request(method, path, headers=key).raise_for_status()

        yield visit


def use_others(emulator: Emulator, count: int = 1) -> None:
    """Use other projects, so that the previous ones are unloaded."""
    with visitor(emulator) as visit:
        for number in range(count):
            visit("POST", "/threads", f"other-{number}")


def begin(client: openai.OpenAI) -> Any:
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread: Any = {"messages": [{"role": "user", "content": "Hi"}]}
    return client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)


def retrieve(client: openai.OpenAI, run: Any) -> Any:
    return client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)


def open_journals(folder: Path) -> set[str]:
    """The projects whose journals are open."""
    paths = [handle.resolve() for handle in FILE_HANDLES.iterdir()]
    return {path.parent.name for path in paths if path.name == "db.json.journal" and folder in path.parents}


def test_objects_are_there_when_their_project_is_used_again(
    emulator: Emulator, project: ProjectHandle, client: openai.OpenAI
) -> None:
    run = retrieve(client, begin(client))
    before = project.state()
    use_others(emulator)
    assert project.state() == before
    assert retrieve(client, run) == run


def test_ids_are_those_of_a_project_that_was_never_unloaded(
    emulator: Emulator, client: openai.OpenAI, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made, expected = [], []
    with Emulator(tmp_path_factory.mktemp("roomy")) as roomy, roomy.project("one").client() as other:
        for _ in range(3):
            made.append(client.beta.threads.create().id)
            expected.append(other.beta.threads.create().id)
            client.beta.threads.delete(made[-1])
            use_others(emulator)
    assert made == expected


def test_request_ids_continue_after_an_unload(emulator: Emulator, client: openai.OpenAI) -> None:
    first = client.beta.threads.with_raw_response.create().headers["x-request-id"]
    use_others(emulator)
    assert client.beta.threads.with_raw_response.create().headers["x-request-id"] != first


def test_rules_scripts_faults_requests_and_the_clock_stay(
    emulator: Emulator, project: ProjectHandle, client: openai.OpenAI
) -> None:
    project.respond("From Python.", times=1)
    project.load_script({"version": 1, "replies": [{"do": [{"text": "From a script."}]}]})
    project.faults.add("GET /assistants", status=503)
    project.clock.set(1000)
    use_others(emulator)
    run = retrieve(client, begin(client))
    assert project.transcript(run.thread_id).endswith("assistant: From Python.\nrun completed\n")
    assert (run.completed_at, [fault.route for fault in project.faults]) == (1000, ["GET /assistants"])
    assert project.transcript(retrieve(client, begin(client)).thread_id).count("From a script.") == 1
    assert len(project.requests) == 6


def test_an_error_of_a_responder_is_still_reported(
    emulator: Emulator, project: ProjectHandle, client: openai.OpenAI
) -> None:
    project.respond(lambda: 1 / 0)
    retrieve(client, begin(client))
    use_others(emulator)
    assert isinstance(project.failures.pop().error, ZeroDivisionError)


def test_a_run_takes_its_outputs(emulator: Emulator, project: ProjectHandle, client: openai.OpenAI) -> None:
    project.respond([FunctionCall("f", id="call_1"), Text("done")])
    run = retrieve(client, begin(client))
    use_others(emulator)
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=OUTPUTS)
    assert project.transcript(run.thread_id).endswith("f({}) -> 15 C\nassistant: done\nrun completed\n")


def test_an_open_stream_goes_on(emulator: Emulator, project: ProjectHandle, client: openai.OpenAI) -> None:
    project.respond([Pause(), "Hello."])
    assistant = client.beta.assistants.create(model="gpt-4o", instructions="Greet.")
    events = client.beta.threads.create_and_run(assistant_id=assistant.id, stream=True)
    run: Any = next(event.data for event in events if event.event == "thread.run.created")
    retrieve(client, run)
    use_others(emulator)
    project.resume(run.id)
    assert [event.event for event in events][-2:] == ["thread.run.step.completed", "thread.run.completed"]


def test_a_search_finds_what_it_found(emulator: Emulator, client: openai.OpenAI) -> None:
    file = client.files.create(file=("a.txt", b"The answer is 42."), purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    found = client.vector_stores.search(store.id, query="answer").data
    use_others(emulator)
    assert client.vector_stores.search(store.id, query="answer").data == found != []


def test_objects_that_expire_meanwhile_are_gone(
    emulator: Emulator, project: ProjectHandle, client: openai.OpenAI
) -> None:
    expires: Any = {"anchor": "created_at", "seconds": 3600}
    client.files.create(file=("a.txt", b"a"), purpose="assistants", expires_after=expires)
    use_others(emulator)
    project.clock.advance(3601)
    assert client.files.list().data == []


def test_after_the_stop_every_project_is_a_file_of_tinydb(tmp_path: Path) -> None:
    with Emulator(tmp_path, loaded_projects=1) as emulator:
        use_others(emulator, 3)
    for number in range(3):
        with TinyDB(tmp_path / f"other-{number}" / "db.json") as database:
            assert len(database.table("threads")) == 1


def test_a_kill_loses_nothing(emulator: Emulator, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    use_others(emulator, 3)
    left = tmp_path_factory.mktemp("left")
    shutil.copytree(tmp_path, left, dirs_exist_ok=True)
    with Emulator(left) as again:
        assert [len(again.project(f"other-{number}").state()["threads"]) for number in range(3)] == [1, 1, 1]


def test_the_inspector_counts_the_objects_of_all(emulator: Emulator) -> None:
    use_others(emulator, 3)
    with visitor(emulator) as visit:
        assert visit("GET", emulator.inspector_url, "").text.count('data-label="Threads">1<') == 3


@needs_handles
def test_few_files_are_open_for_many_projects(tmp_path: Path) -> None:
    with Emulator(tmp_path, loaded_projects=5) as emulator:
        use_others(emulator, 30)
        assert open_journals(tmp_path) == {f"other-{number}" for number in range(25, 30)}


@needs_handles
def test_a_project_that_is_at_work_stays(
    emulator: Emulator, project: ProjectHandle, client: openai.OpenAI, tmp_path: Path
) -> None:
    project.respond([Pause(), "Hello."], live=True)
    retrieve(client, begin(client))
    use_others(emulator, 3)
    assert open_journals(tmp_path) == {"one", "other-2"}


def test_a_thousand_projects_answer(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, visitor(emulator) as visit:
        thread = visit("POST", "/threads", "first").json()["id"]
        lists = [visit("GET", "/assistants", str(number)).json()["data"] for number in range(1000)]
        assert lists == [[]] * 1000
        assert visit("GET", f"/threads/{thread}", "first").json()["id"] == thread


def test_zero_loaded_projects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="loaded_projects is a whole number from 1 up, not 0"):
        Emulator(tmp_path, loaded_projects=0)
