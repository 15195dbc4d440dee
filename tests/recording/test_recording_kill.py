"""A recording that ends in the middle leaves a cassette that loads, with all that was answered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from assistants_emulator import Emulator
from assistants_emulator.recording import Cassette, Exchange, Recorder, Request, Response
from assistants_emulator.recording.cassette import CassetteError, begin_journal, journal_line, journal_of

BETA = {"OpenAI-Beta": "assistants=v2", "Authorization": "Bearer sk-emulator-default"}


@contextmanager
def recording(upstream: str, cassette: Path) -> Iterator[httpx2.Client]:
    """By a process that is killed at the end."""
    command = [
        sys.executable,
        "-m",
        "assistants_emulator",
        "record",
        "--upstream",
        upstream,
        "--cassette",
        str(cassette),
    ]
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        url = process.stdout.readline().strip().removeprefix("export OPENAI_BASE_URL=")
        with httpx2.Client(base_url=url, headers=BETA) as client:
            yield client
    finally:
        process.kill()
        process.communicate()


def paths(cassette: Path) -> list[str]:
    return [str(exchange.request) for exchange in Cassette.load(cassette).exchanges]


@pytest.mark.parametrize("calls", [0, 1, 5])
def test_a_killed_recorder_leaves_all_that_was_answered(upstream: Emulator, cassette: Path, calls: int) -> None:
    with recording(upstream.base_url, cassette) as client:
        for _ in range(calls):
            client.post("/threads", json={})
    assert paths(cassette) == ["POST /threads"] * calls


def test_a_recorder_that_is_killed_in_a_stream_leaves_what_came_before(upstream: Emulator, cassette: Path) -> None:
    with recording(upstream.base_url, cassette) as client:
        assistant = client.post("/assistants", json={"model": "gpt-4o"}).json()["id"]
        asked = {"assistant_id": assistant, "stream": True, "thread": {"messages": [{"role": "user", "content": "Hi"}]}}
        with client.stream("POST", "/threads/runs", json=asked) as answer:
            next(answer.iter_lines())
    assert paths(cassette)[:1] == ["POST /assistants"]


def test_the_next_recording_goes_on_where_a_killed_one_ended(upstream: Emulator, cassette: Path) -> None:
    with recording(upstream.base_url, cassette) as client:
        client.post("/threads", json={})
    with Recorder(upstream.base_url, cassette, mode="new_episodes") as recorder, recorder.client() as client:
        client.beta.assistants.create(model="gpt-4o")
    assert paths(cassette) == ["POST /threads", "POST /assistants"]
    assert not journal_of(cassette).exists()


def test_a_cassette_is_recorded_by_one_process_at_a_time(upstream: Emulator, cassette: Path) -> None:
    with recording(upstream.base_url, cassette) as client:
        client.post("/threads", json={})
        with pytest.raises(CassetteError, match=r"session\.json is being recorded by another process"):
            Recorder(upstream.base_url, cassette).start()
    assert paths(cassette) == ["POST /threads"]


def exchange(path: str, at: float = 0.0) -> Exchange:
    return Exchange(Request("GET", path), Response(200), at=at)


def test_a_journal_cut_at_any_byte_loads(cassette: Path) -> None:
    journal = begin_journal(cassette, None, replaces=False)
    for number in range(3):
        journal.append(journal_line(exchange(f"/threads/{number}").as_json()))
    journal.close()
    whole = journal_of(cassette).read_bytes()
    counts = []
    for size in range(len(whole) + 1):
        os.truncate(journal_of(cassette), 0)
        journal_of(cassette).write_bytes(whole[:size])
        counts.append(len(Cassette.load(cassette).exchanges))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 3)


def test_a_journal_that_was_taken_in_already_is_not_taken_in_twice(cassette: Path) -> None:
    Cassette([exchange("/threads/1")]).save(cassette)
    journal = begin_journal(cassette, cassette.read_bytes(), replaces=False)
    journal.append(journal_line(exchange("/threads/2", at=1).as_json()))
    journal.close()
    assert paths(cassette) == ["GET /threads/1", "GET /threads/2"]
    Cassette.load(cassette).save(cassette)
    assert journal_of(cassette).exists()
    assert paths(cassette) == ["GET /threads/1", "GET /threads/2"]


def test_a_replacing_journal_takes_the_place_of_the_cassette(cassette: Path) -> None:
    Cassette([exchange("/threads/1")]).save(cassette)
    journal = begin_journal(cassette, cassette.read_bytes(), replaces=True)
    journal.append(journal_line(exchange("/threads/2").as_json()))
    journal.close()
    assert paths(cassette) == ["GET /threads/2"]


def test_a_replacing_journal_without_exchanges_changes_nothing(cassette: Path) -> None:
    Cassette([exchange("/threads/1")]).save(cassette)
    begin_journal(cassette, cassette.read_bytes(), replaces=True).close()
    assert paths(cassette) == ["GET /threads/1"]
