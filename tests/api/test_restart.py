"""Restart on a data directory: objects are loaded again, and interrupted runs continue."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from tinydb import TinyDB, where

from assistants_emulator import Emulator, FunctionCall, Pause, Text, Wait
from assistants_emulator.errors import DirectoryInUse
from assistants_emulator.project.project import Project
from assistants_emulator.runs import operations

TOOLS: Any = [{"type": "function", "function": {"name": name}} for name in ("get_weather", "f", "g")]
SCRIPT: dict[str, Any] = {
    "version": 1,
    "replies": [
        {
            "when": {"message": r"weather in (?P<city>\w+)"},
            "do": [
                {"function_call": {"name": "get_weather", "arguments": {"city": "{city}"}, "id": "call_1"}},
                {"text": "{city}: {outputs[0]}"},
            ],
        },
        {"do": [{"text": "Hello."}]},
    ],
}
OUTPUTS: Any = [{"tool_call_id": "call_1", "output": "15 C"}]


def begin(client: openai.OpenAI, text: str) -> Any:
    """A run in a new thread with this user message."""
    assistant = client.beta.assistants.create(model="gpt-4o", name="Tutor", instructions="Help.", tools=TOOLS)
    thread: Any = {"messages": [{"role": "user", "content": text}], "metadata": {"a": "b"}}
    return client.beta.threads.create_and_run(assistant_id=assistant.id, thread=thread)


def everything(client: openai.OpenAI, run: Any) -> list[Any]:
    """Everything the API answers about a run, its assistant and its thread."""
    threads = client.beta.threads
    return [
        client.beta.assistants.list().data,
        threads.retrieve(run.thread_id),
        threads.runs.retrieve(run.id, thread_id=run.thread_id),
        threads.messages.list(run.thread_id).data,
        threads.runs.steps.list(run.id, thread_id=run.thread_id).data,
    ]


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        run = begin(client, "Hello")
        before = everything(client, run)
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        assert everything(client, run) == before


def test_a_modification_and_a_delete_outlive_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        kept, dropped = client.beta.threads.create(), client.beta.threads.create()
        client.beta.threads.update(kept.id, metadata={"a": "b"})
        client.beta.threads.delete(dropped.id)
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        assert client.beta.threads.retrieve(kept.id).metadata == {"a": "b"}
        with pytest.raises(openai.NotFoundError):
            client.beta.threads.retrieve(dropped.id)


def test_projects_have_directories_of_their_own(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        for name in ("one", "two"):
            with emulator.project(name).client() as client:
                client.beta.threads.create()
    assert sorted(path.parent.name for path in tmp_path.glob("*/db.json")) == ["one", "two"]


def test_a_run_that_requires_action_takes_its_outputs_after_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path, script=SCRIPT) as emulator, emulator.client() as client:
        run = begin(client, "weather in Oslo")
        waiting = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    with Emulator(tmp_path, script=SCRIPT) as emulator, emulator.client() as client:
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id) == waiting
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=OUTPUTS)
        assert emulator.transcript(run.thread_id) == (
            'user: weather in Oslo\nfunction get_weather({"city":"Oslo"}) -> 15 C\n'
            "assistant: Oslo: 15 C\nrun completed\n"
        )


def test_submitting_may_be_the_first_request_after_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path, script=SCRIPT) as emulator, emulator.client() as client:
        run = begin(client, "weather in Oslo")
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    with Emulator(tmp_path, script=SCRIPT) as emulator, emulator.client() as client:
        done = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=OUTPUTS
        )
        assert done.status == "completed"


def test_a_generator_is_replayed_with_its_stored_outputs(tmp_path: Path) -> None:
    def two_calls(turn: Any) -> Any:
        (first,) = yield FunctionCall("f", id="call_1")
        (second,) = yield FunctionCall("g", id="call_2")
        yield f"{first}, {second}"

    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond(two_calls)
        run = begin(client, "Hi")
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=OUTPUTS)
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond(two_calls)
        more: Any = [{"tool_call_id": "call_2", "output": "2"}]
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=more)
        assert emulator.transcript(run.thread_id).endswith("assistant: 15 C, 2\nrun completed\n")


def test_a_run_whose_responder_is_gone_fails_with_that_error(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond([FunctionCall("f", id="call_1"), Text("done")])
        run = begin(client, "Hi")
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=OUTPUTS)
        failed = client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    assert failed.last_error.to_dict() == {
        "code": "server_error",
        "message": "The responder that this run began with (python:0) is gone since the emulator was restarted.",
    }


def test_a_paused_run_is_still_paused_and_can_be_resumed(tmp_path: Path) -> None:
    replies = [Text("One."), Pause(), Text("Two.")]
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond(replies)
        run = begin(client, "Hi")
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond(replies)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "in_progress"
        emulator.resume(run.id)
        assert emulator.transcript(run.thread_id) == "user: Hi\nassistant: One.\nassistant: Two.\nrun completed\n"


def cancelled_and(stopped: Callable[[Project], object], run: Any) -> Callable[[Project], None]:
    """Cancel and stop before the run's task is scheduled, as when both requests arrive at once."""

    def both(project: Project) -> None:
        operations.cancel(project.context, run.thread_id, run.id, {})
        stopped(project)

    return both


def test_a_run_that_is_being_cancelled_as_the_emulator_stops_is_cancelled_after_it(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond(Pause())
        run = begin(client, "Hi")
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        emulator._do(cancelled_and(lambda project: project.scheduler.stop(), run))
    with TinyDB(tmp_path / "default" / "db.json") as database:
        assert [stored["status"] for stored in database.table("runs")] == ["cancelling"]
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "cancelled"


def test_a_reset_while_a_run_is_being_cancelled_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        emulator.respond(Pause())
        run = begin(client, "Hi")
        client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
        emulator._do(cancelled_and(lambda project: project.reset(), run))
        assert client.beta.assistants.list().data == []
    gc.collect()  # asyncio reports exceptions of tasks that were not awaited
    assert caplog.messages == []


def test_a_wait_continues_after_a_restart(tmp_path: Path) -> None:
    replies = [Wait(10), Text("done")]
    with Emulator(tmp_path, clock="manual") as emulator, emulator.client() as client:
        emulator.respond(replies)
        run = begin(client, "Hi")
        emulator.clock.advance(9)
    with Emulator(tmp_path, clock="manual") as emulator, emulator.client() as client:
        emulator.respond(replies)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "in_progress"
        emulator.clock.advance(1)
        assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "completed"


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with Emulator(tmp_path / "killed", script=SCRIPT) as emulator, emulator.client() as client:
        run = begin(client, "weather in Oslo")
        before = everything(client, run)
        shutil.copytree(tmp_path / "killed", tmp_path / "left")
    with Emulator(tmp_path / "left", script=SCRIPT) as emulator, emulator.client() as client:
        assert everything(client, run) == before
        client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=run.thread_id, tool_outputs=OUTPUTS)
        assert emulator.transcript(run.thread_id).endswith("assistant: Oslo: 15 C\nrun completed\n")


def test_ids_are_not_reused_after_a_kill(tmp_path: Path) -> None:
    with Emulator(tmp_path / "killed") as emulator, emulator.client() as client:
        deleted = client.beta.threads.create()
        client.beta.threads.delete(deleted.id)
        shutil.copytree(tmp_path / "killed", tmp_path / "left")
    with Emulator(tmp_path / "left") as emulator, emulator.client() as client:
        assert client.beta.threads.create().id != deleted.id


def test_stock_tinydb_opens_lists_and_searches_the_file(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator, emulator.client() as client:
        assistants = [client.beta.assistants.create(model="gpt-4o", name=name).to_dict() for name in "ab"]
    with TinyDB(tmp_path / "default" / "db.json") as database:
        table = database.table("assistants")
        assert table.all() == assistants
        assert table.search(where("id") == assistants[1]["id"]) == assistants[1:]


def test_a_second_emulator_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with Emulator(tmp_path), pytest.raises(DirectoryInUse, match="process"):
        Emulator(tmp_path).start()


def test_an_emulator_can_be_started_again(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path)
    made = []
    for _ in range(2):
        with emulator, emulator.client() as client:
            made.append(client.beta.assistants.create(model="gpt-4o").id)
            assert [assistant.id for assistant in client.beta.assistants.list(order="asc")] == made
