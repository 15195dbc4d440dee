"""A run that is interrupted by a kill continues after the restart and ends in the same way.

The journal has a line for each commit, so what a kill after any of them leaves behind is the journal up to that line.
"""

import shutil
from pathlib import Path

import pytest

from assistants_emulator import Emulator

SCRIPT = {
    "version": 1,
    "replies": [
        {
            "do": [
                {"text": "Let me see."},
                {"code_interpreter": {"input": "print(6 * 7)", "logs": "42\n"}},
                {"usage": {"prompt_tokens": 11, "completion_tokens": 7}},
                {"function_calls": [{"name": "one", "arguments": {}}, {"name": "two", "arguments": {"n": 2}}]},
                {"wait": 30},
                {"text": "{outputs[0]} and {outputs[1]}"},
                {"file_search": {"results": []}},
                {"text": "Done."},
            ]
        }
    ],
}


def end_of_story(data_dir: Path, script: dict[str, object] = SCRIPT, *, submits: bool = True) -> dict[str, object]:
    """The thread at its end, when the client continues to poll and `submits` the required outputs."""
    with Emulator(data_dir=data_dir, script=script, clock="manual") as emulator:
        beta = emulator.client().beta
        thread_id, run_id = (data_dir / "ids").read_text().split()
        run = beta.threads.runs.retrieve(run_id=run_id, thread_id=thread_id)
        while run.status in ("queued", "in_progress", "requires_action"):
            if run.status == "requires_action" and submits:
                calls = run.required_action.submit_tool_outputs.tool_calls
                outputs = [{"tool_call_id": call.id, "output": call.function.name.upper()} for call in calls]
                beta.threads.runs.submit_tool_outputs(run_id=run_id, thread_id=thread_id, tool_outputs=outputs)
            else:
                emulator.clock.advance(10)
            run = beta.threads.runs.retrieve(run_id=run_id, thread_id=thread_id)
        steps = beta.threads.runs.steps.list(run_id=run_id, thread_id=thread_id, order="asc")
        messages = beta.threads.messages.list(thread_id=thread_id, order="asc")
        kept = [item.model_dump(exclude={"created_at", "completed_at"}) for item in (*messages, *steps)]
        return {"kept": kept, "status": run.status, "usage": run.usage, "transcript": emulator.transcript(thread_id)}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory whose journal still has every commit of the whole run."""
    begun, whole = tmp_path_factory.mktemp("begun"), tmp_path_factory.mktemp("whole")
    with Emulator(data_dir=begun, script=SCRIPT, clock="manual") as emulator:
        beta = emulator.client().beta
        assistant = beta.assistants.create(model="gpt-4o", instructions="Count.")
        thread = beta.threads.create(messages=[{"role": "user", "content": "Go"}])
        run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        (begun / "ids").write_text(f"{thread.id} {run.id}")
        shutil.copytree(begun, whole, dirs_exist_ok=True)
        beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id)
        calls = beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id).required_action.submit_tool_outputs
        outputs = [{"tool_call_id": call.id, "output": call.function.name.upper()} for call in calls.tool_calls]
        beta.threads.runs.submit_tool_outputs(run_id=run.id, thread_id=thread.id, tool_outputs=outputs)
        beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id)
        emulator.clock.advance(30)
        assert beta.threads.runs.retrieve(run_id=run.id, thread_id=thread.id).status == "completed"
        shutil.copytree(begun / "default", whole / "default", dirs_exist_ok=True)
    return whole


def killed_after(lines: int, story: Path, folder: Path) -> Path:
    shutil.copytree(story, folder, dirs_exist_ok=True)
    journal = folder / "default" / "db.json.journal"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:lines]))
    return folder


def journal_lines(story: Path) -> list[bytes]:
    return (story / "default" / "db.json.journal").read_bytes().splitlines()


def test_a_kill_after_any_commit_changes_nothing_of_the_end(story: Path, tmp_path: Path) -> None:
    lines = journal_lines(story)
    first = next(number for number, line in enumerate(lines, 1) if b'"runs"' in line)
    expected = end_of_story(killed_after(len(lines), story, tmp_path / "whole"))
    assert expected["status"] == "completed"
    for kept in range(first, len(lines)):
        assert end_of_story(killed_after(kept, story, tmp_path / str(kept))) == expected, f"killed after {kept}"


def test_a_run_whose_responder_is_gone_fails_with_that_error(story: Path, tmp_path: Path) -> None:
    lines = journal_lines(story)
    middle = next(
        number for number, line in enumerate(lines, 1) if b'"code_interpreter"' in line and b'"steps"' in line
    )
    folder = killed_after(middle, story, tmp_path / "gone")
    thread_id, run_id = (folder / "ids").read_text().split()
    with Emulator(data_dir=folder, clock="manual") as emulator:
        run = emulator.client().beta.threads.runs.retrieve(run_id=run_id, thread_id=thread_id)
        assert (run.status, run.last_error.code) == ("failed", "server_error")
        assert "(script:0) is gone" in run.last_error.message


ENDED_INSIDE = {
    "a text that fails": {"text": {"value": "Half a", "then": {"fail": {"message": "Overloaded."}}}},
    "a text that expires": {"text": {"value": "Half a", "then": {"expire": True}}},
    "a text that is cancelled": {"text": {"value": "Half a", "then": {"cancel": True}}},
    "a call that fails": {"function_call": {"name": "f", "then": {"fail": {}}}},
    "a call that fails while it waits": {"function_call": {"name": "f", "then": {"fail": {}}, "after": 30}},
    "a call that is cancelled while it waits": {"function_call": {"name": "f", "then": {"cancel": True}, "after": 30}},
}


@pytest.mark.parametrize("action", ENDED_INSIDE.values(), ids=ENDED_INSIDE)
def test_a_run_that_ends_inside_a_step_does_so_after_any_kill(tmp_path: Path, action: dict[str, object]) -> None:
    script = {"version": 1, "replies": [{"do": [{"text": "First."}, action]}]}
    begun = tmp_path / "begun"
    with Emulator(data_dir=begun, script=script, clock="manual") as emulator:
        beta = emulator.client().beta
        assistant = beta.assistants.create(model="gpt-4o", instructions="Count.")
        run = beta.threads.create_and_run(assistant_id=assistant.id)
        (begun / "ids").write_text(f"{run.thread_id} {run.id}")
        emulator.clock.advance(30)
        beta.threads.runs.retrieve(run_id=run.id, thread_id=run.thread_id)
        shutil.copytree(begun, tmp_path / "story", ignore=shutil.ignore_patterns(".lock"))
    lines = journal_lines(tmp_path / "story")
    first = next(number for number, line in enumerate(lines, 1) if b'"runs"' in line)
    whole = killed_after(len(lines), tmp_path / "story", tmp_path / "whole")
    expected = timeless(end_of_story(whole, script, submits=False))
    assert expected["status"] in ("failed", "expired", "cancelled")
    for kept in range(first, len(lines)):
        folder = killed_after(kept, tmp_path / "story", tmp_path / str(kept))
        assert timeless(end_of_story(folder, script, submits=False)) == expected, f"killed after {kept}"


def timeless(end: dict[str, object]) -> dict[str, object]:
    """The end of a story without the instants that a later start shifts."""
    kept = [{key: value for key, value in item.items() if not key.endswith("_at")} for item in end["kept"]]
    return {**end, "kept": kept}
