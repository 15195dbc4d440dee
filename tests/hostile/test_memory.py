"""Memory of a long session: what is deleted, ended or displaced by newer ones leaves no objects behind."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.soaking import SCRIPT, Caller, round_of_calls

from assistants_emulator import Emulator, ProjectHandle
from assistants_emulator.project import request_log
from assistants_emulator.store import table
from assistants_emulator.sweep import calls
from assistants_emulator.turns import invocation
from assistants_emulator.web.responses import json_bytes

ROUNDS = 8


def numbers_of_objects() -> Counter[str]:
    gc.collect()
    return Counter(type(object).__name__ for object in gc.get_objects())


def test_rounds_of_calls_leave_no_objects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each round makes, fails and deletes something of every kind; bounds of what is kept are low, and reached."""
    bounds = ((request_log, "MOST_REQUESTS", 50), (table, "MOST_DROPPED", 20), (invocation, "MOST_CHOICES", 5))
    bounds += ((calls, "MOST_CALLS", 50),)
    for module, name, bound in (*bounds, (invocation, "MOST_KEPT", 5), (invocation, "MOST_WITH_LOCALS", 2)):
        monkeypatch.setattr(module, name, bound)
    errors: list[str | None] = []
    with Emulator(tmp_path, script=SCRIPT) as emulator, Caller(emulator.base_url, "rounds", errors.append) as call:
        numbers = []
        for _ in range(3):
            for _ in range(ROUNDS):
                round_of_calls(call)
            numbers.append(numbers_of_objects())
    first, second, third = numbers
    growing = {name for name in third if min(third[name] - second[name], second[name] - first[name]) >= ROUNDS}
    assert (growing, set(errors)) == (set(), {None})


def test_a_deleted_object_leaves_no_deadline(project: ProjectHandle) -> None:
    client = project.client()
    deadlines = set()
    for _ in range(3):
        client.files.delete(client.files.create(file=("a.jsonl", b"{}"), purpose="batch").id)
        upload = client.uploads.create(bytes=2, filename="a.txt", mime_type="text/plain", purpose="assistants")
        client.uploads.cancel(upload.id)
        deadlines.add(project._do(lambda project: project.context.clock.next_deadline()))
    assert deadlines == {None}


def test_a_log_counts_the_memory_of_its_answers() -> None:
    log = request_log.RequestLog()
    tracemalloc.start()
    try:
        for number in range(200):
            log.add("GET", "/v1/threads", b"", 200, answer=json_bytes({"id": f"thread_{number}", "text": "x" * 1000}))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.2 * log.bytes
