"""`assistants-emulator record` and `replay` as processes, and the cassette in the package."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from assistants_emulator import Emulator
from assistants_emulator.cli.demos import shipped
from assistants_emulator.recording import Cassette, Player

EMULATOR = [sys.executable, "-m", "assistants_emulator"]
ASK = """
import json, os, sys, urllib.request
headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}", "OpenAI-Beta": "assistants=v2"}
url = os.environ["OPENAI_BASE_URL"] + sys.argv[1]
request = urllib.request.Request(url, sys.argv[2].encode(), {**headers, "Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["id"])
"""  # without the SDK, which takes a second to import


def asking(path: str, **body: str) -> list[str]:
    """The command line of a program that posts."""
    return [sys.executable, "-c", ASK, path, json.dumps(body)]


CLIENT = asking("/threads")


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run([*EMULATOR, *command], capture_output=True, text=True, env=environment)


def record(upstream: Emulator, cassette: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    options = ["--upstream", upstream.base_url, "--cassette", str(cassette), "--port", "0"]
    return run("record", *options, "--", *command, **variables)


def test_a_commands_calls_are_replayed_to_it(upstream: Emulator, cassette: Path) -> None:
    recorded = record(upstream, cassette, *CLIENT)
    assert recorded.returncode == 0
    replayed = run("replay", str(cassette), "--port", "0", "--", *CLIENT)
    assert (replayed.returncode, replayed.stdout) == (0, recorded.stdout)
    assert recorded.stdout.startswith("thread_")


def test_the_clients_own_key_passes_through_unless_another_is_given(upstream: Emulator, cassette: Path) -> None:
    record(upstream, cassette, *CLIENT, OPENAI_API_KEY="sk-emulator-mine")
    assert len(upstream.project("mine").requests) == 1
    record(upstream, cassette, *CLIENT, OPENAI_API_KEY="x", ASSISTANTS_UPSTREAM_KEY="sk-emulator-other")
    assert len(upstream.project("other").requests) == 1
    assert "sk-emulator" not in cassette.read_text()


def test_a_recording_says_where_and_how_much_and_no_more_when_piped(upstream: Emulator, cassette: Path) -> None:
    first, last = record(upstream, cassette, *CLIENT).stderr.splitlines()
    assert f"recording {upstream.base_url} to {cassette} on http://" in first
    assert last == f"1 call recorded to {cassette}"


def test_a_recordings_last_line_counts_what_was_scrubbed(upstream: Emulator, cassette: Path) -> None:
    *_, last = record(upstream, cassette, *asking("/threads?token=s3cret")).stderr.splitlines()
    assert last == f"1 call recorded to {cassette}, 1 secret scrubbed"


def test_the_commands_status_is_ours(cassette: Path) -> None:
    Cassette().save(cassette)
    assert run("replay", str(cassette), "--port", "0", "--", sys.executable, "-c", "exit(3)").returncode == 3


def test_a_replay_tells_what_was_missing_and_what_was_left(upstream: Emulator, cassette: Path) -> None:
    record(upstream, cassette, *CLIENT)
    replayed = run("replay", str(cassette), "--port", "0", "--", *asking("/assistants", model="gpt-4o"))
    assert replayed.returncode == 1
    assert replayed.stderr.splitlines()[-2:] == [
        (
            "No recorded request matches POST /assistants. The nearest is exchange 1, POST /threads: "
            "path is /assistants, recorded was /threads; body.model is 'gpt-4o', recorded was missing"
        ),
        "never asked for: POST /threads",
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("replay", "nowhere.json"), "Error: there is no cassette nowhere.json\n"),
        (("record", "--upstream", "nowhere", "--cassette", "a.json"), "Error: upstream 'nowhere' is not a base URL"),
    ],
)
def test_a_mistake_is_one_line(command_line: Callable[..., Result], command: tuple[str, ...], told: str) -> None:
    ran = command_line(*command)
    assert ran.exit_code == 1
    assert ran.stderr.startswith(told)


def test_a_terminal_is_shown_calls_and_bytes(upstream: Emulator, cassette: Path) -> None:
    ours, theirs = pty.openpty()
    options = ["--upstream", upstream.base_url, "--cassette", str(cassette), "--port", "0"]
    process = subprocess.Popen([*EMULATOR, "record", *options, "--", *CLIENT], stderr=theirs, stdout=subprocess.DEVNULL)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1000):
            shown += piece
    except OSError:  # the other end is closed
        pass
    process.wait()
    os.close(ours)
    assert b"\r1 call, 0.0 MB " in shown


def test_the_shipped_cassette_is_replayed() -> None:
    with Player(shipped("cassettes/weather.json")) as player, player.client() as client:
        assistant = client.beta.assistants.create(model="gpt-4o", name="Weather desk")
        question = [{"role": "user", "content": "The weather in Oslo?"}]
        thread = client.beta.threads.create(messages=question)
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert run.status == "requires_action"
        assert player.unmatched == []
