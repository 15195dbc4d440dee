"""The stream that open pages follow."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator, Pause, Text, Wait


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_a_page_that_follows_a_thread_hears_what_is_written(emulator: Emulator) -> None:
    emulator.respond([Text("One two three four.")])
    beta = emulator.client().beta
    assistant = beta.assistants.create(model="gpt-4o")
    thread = beta.threads.create(messages=[{"role": "user", "content": "Go"}])
    url = f"{emulator.inspector_url}projects/default/live"
    with httpx2.stream("GET", url, params={"thread": thread.id}) as stream:
        lines = stream.iter_lines()
        next(lines)
        beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        said, names = "", []
        for name, data in events(lines):
            names.append(data.get("name", name))
            said += data.get("text", "")
            if names[-1] == "thread.run.completed":
                break
    assert said == "One two three four."


def test_other_threads_send_no_event(emulator: Emulator) -> None:
    emulator.respond([Pause(), Text("Done.")])
    beta = emulator.client().beta
    thread, other = beta.threads.create(), beta.threads.create()
    url = f"{emulator.inspector_url}projects/default/live"
    with httpx2.stream("GET", url, params={"thread": thread.id}) as stream:
        lines = stream.iter_lines()
        next(lines)
        beta.threads.messages.create(other.id, role="user", content="Not for you")
        message = beta.threads.messages.create(thread.id, role="user", content="For you")
        assert next(events(lines)) == ("change", {"name": "message.created", "id": message.id})


def test_a_reset_ends_it(emulator: Emulator) -> None:
    with httpx2.stream("GET", f"{emulator.inspector_url}projects/default/live") as stream:
        lines = stream.iter_lines()
        next(lines)
        threading.Timer(0.1, emulator.reset).start()
        assert [line for line in lines if line.startswith("event")] == []


def test_looking_does_not_move_a_clock_that_jumps(emulator: Emulator) -> None:
    project = emulator.project("jumping")
    project.configure(clock="manual", autojump=True)
    project.respond([Wait(60), Text("Done.")])
    beta = project.client().beta
    assistant = beta.assistants.create(model="gpt-4o", instructions="Take your time.")
    thread = beta.threads.create()
    before = project.clock.now()
    url = f"{emulator.inspector_url}projects/jumping/live"
    with httpx2.stream("GET", url, params={"thread": thread.id}) as stream:
        lines = stream.iter_lines()
        next(lines)
        beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        for _, data in events(lines):
            if data["name"] == "run.waits":
                break
        assert project.leftovers().failures == []
        assert project.clock.now() == before


def test_an_exception_in_the_middle_of_it_is_logged(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_frame(name: str, data: Any) -> bytes:
        raise LookupError(f"no frame for {name}")

    monkeypatch.setattr("assistants_emulator.inspector.live.frame", broken_frame)
    with httpx2.stream("GET", f"{emulator.inspector_url}projects/default/live") as stream:
        lines = stream.iter_lines()
        next(lines)
        emulator.client().beta.threads.create()
        with pytest.raises(httpx2.RemoteProtocolError):
            list(lines)
    assert "GET /_emulator/projects/default/live broke off" in caplog.text
    assert "LookupError: no frame for change" in caplog.text
