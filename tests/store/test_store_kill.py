from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistants_emulator.store import Store

WRITER = """
import os, sys
from pathlib import Path
from assistants_emulator.store import Event, Store

store = Store(Path(sys.argv[1]), checkpoint_bytes=int(sys.argv[2]))
for n in range(10**9):
    store.counters.next("thread")
    store.commit(Event("created", {}, puts=(("threads", {"id": f"thread_{n}", "text": "x" * 200}),)))
    os.write(1, b"%d\\n" % n)
"""


KILLS = int(os.environ.get("KILLS", "1"))  # with each size; 100 in the nox session `crash`


@pytest.mark.parametrize("checkpoint_bytes", [10**9, 2000])
@pytest.mark.parametrize("kill", range(KILLS))
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path, checkpoint_bytes: int, kill: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path), str(checkpoint_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        for _ in range(500 - 3 * kill):
            writer.stdout.readline()
        writer.kill()
        acknowledged = 500 - 3 * kill + writer.stdout.read().count(b"\n")
    store = Store(tmp_path)
    held = [thread["id"] for thread in store.all("threads")]
    store.close()
    assert held == [f"thread_{n}" for n in range(len(held))]
    assert acknowledged <= len(held) <= acknowledged + 1
    assert store.counters.values["thread"] == len(held)
