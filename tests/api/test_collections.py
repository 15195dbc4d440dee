"""The garbage collector of a process that serves."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from assistants_emulator import Emulator
from assistants_emulator.server.loop import MOST_OLD_OBJECTS, ShortCollections

with Emulator() as emulator:
    ShortCollections(emulator._server.loop).start()
    oldest = []
    gc.callbacks.append(lambda phase, info: phase == "start" and info["generation"] == 2 and oldest.append(
        len(gc.get_objects(generation=2))))
    rows = []
    for number in range(400_000):
        rows.append({"id": [number]})
        if number % 1000 == 0:
            emulator._server.loop.call(lambda: None)
    print(len(oldest) > 3, max(oldest) < 4 * MOST_OLD_OBJECTS, gc.get_freeze_count() > 400_000)
"""


def test_no_collection_looks_at_all_objects_of_a_server() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("True True True\n", "")
