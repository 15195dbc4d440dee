"""Responses at the end of a long chain and of a long conversation, against those of short ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import httpx2
from tests.benchmarks.measure import Row, compared, in_turn

from assistants_emulator import Emulator

FEW = 10
GROWTH = 1.2
MODEL = "gpt-4.1"  # whose context window holds them all


def chains(count: int, calls: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, Emulator(data_dir=folder) as emulator:
        short, long = (Places(emulator, responses) for responses in (FEW, count))
        for name in ("in a chain", "in a conversation"):
            costs = in_turn([lambda: long.respond(name), lambda: short.respond(name)], calls)  # noqa: B023 - at once
            label = f"response {name} of {count:,}"
            yield from compared("Growth", label, *costs, f"one of {FEW}", GROWTH)


class Places:
    """A chain and a conversation of that many responses; `respond` adds one more."""

    def __init__(self, emulator: Emulator, count: int) -> None:
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        self._http = httpx2.Client(base_url=emulator.base_url, headers=headers)
        self._last: dict[str, Any] = {"previous_response_id": None}
        self._conversation = {"conversation": self._post("/conversations", {})["id"]}
        for _ in range(count):
            self.respond("in a chain")
            self.respond("in a conversation")

    def respond(self, name: str) -> None:
        if name == "in a conversation":
            self._post("/responses", {"model": MODEL, "input": "Hello", **self._conversation})
        else:
            answer = self._post("/responses", {"model": MODEL, "input": "Hello", **self._last})
            self._last = {"previous_response_id": answer["id"]}

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._http.post(path, json=body).raise_for_status().json()
        return answer
