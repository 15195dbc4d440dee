"""Many projects in one emulator: the cost of a call in one of them, and memory per project."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import Any

import httpx2
from tests.benchmarks.measure import Row, compared, in_turn, seconds
from tests.benchmarks.scale import resident

from assistants_emulator import Emulator

CROWD = 1.1


def projects(count: int, calls: int) -> Iterator[Row]:
    """A call in the project used last, in the only project of another emulator, in a project that was unloaded."""
    with (
        tempfile.TemporaryDirectory() as first,
        tempfile.TemporaryDirectory() as second,
        Emulator(first) as alone,
        Emulator(second) as crowded,
    ):
        lonely, visitor = Visitor(alone), Visitor(crowded)
        lonely.post("one")
        before = resident()
        opening = seconds(lambda: [visitor.post(str(number)) for number in range(count)])
        yield Row("Projects", f"opening one of {count:,}", opening / count * 1000, "ms")
        yield Row("Projects", f"each of {count:,}", (resident() - before) * 1024 / count, "kB")
        others = cycle(range(count))
        posts = [partial(lonely.post, "one"), partial(visitor.post, "last"), lambda: visitor.post(str(next(others)))]
        one, among, unloaded = in_turn(posts, calls)
        yield from compared("Projects", f"threads.create, one of {count:,}", among, one, "alone", CROWD)
        yield from compared("Projects", "the same in one that was unloaded", unloaded, one, "alone", None)


class Visitor:
    """Posts a thread to the project of a name."""

    def __init__(self, emulator: Emulator) -> None:
        self._http = httpx2.Client(base_url=emulator.base_url, verify=False, trust_env=False)

    def post(self, name: str) -> Any:
        headers = {"Authorization": f"Bearer sk-emulator-{name}", "OpenAI-Beta": "assistants=v2"}
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        return self._http.post("/threads", headers=headers, json=body).raise_for_status()
