"""A thread's transcript from what the API shows of it. The API has no order between messages and runs: a run that made
no message stands after the messages that are not younger."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast

from emulator import transcript as texts
from emulator.context import Context
from emulator.requests import LoggedRequest
from emulator.store import Object

Get = Callable[[str], Any]
THREAD = re.compile(r"/v1/threads/(thread_\w+)")


def thread_ids(requests: Iterable[LoggedRequest]) -> list[str]:
    """The threads that requests named, in the order in which each was named first."""
    return list(dict.fromkeys(found[1] for call in requests if (found := THREAD.match(call.path))))


def transcript(get: Get, thread_id: str) -> str:
    store = _RebuiltStore(get, thread_id)
    return texts.transcript(cast(Context, SimpleNamespace(store=store)), thread_id)


class _RebuiltStore:
    """As much of a Store as a transcript asks for: the objects of one thread, and the places of messages and runs."""

    def __init__(self, get: Get, thread_id: str) -> None:
        messages = [{"status": "completed", **message} for message in _all(get, f"/threads/{thread_id}/messages")]
        runs = _all(get, f"/threads/{thread_id}/runs")
        steps = [step for run in runs for step in _all(get, f"/threads/{thread_id}/runs/{run['id']}/steps")]
        self._tables = {"messages": messages, "runs": runs, "steps": steps}
        self._places = {message["id"]: place for place, message in enumerate(messages, 1)}
        for run in runs:
            self._places[run["id"]] = sum(message["created_at"] <= run["created_at"] for message in messages)

    def get(self, table: str, id: str) -> Object | None:
        return next((found for found in self._tables[table] if found["id"] == id), None)

    def of(self, table: str, field: str, parent: str) -> list[Object]:
        return [found for found in self._tables[table] if found.get(field) == parent]

    def number(self, table: str, id: str) -> int:
        return self._places[id]


def _all(get: Get, path: str) -> list[Object]:
    found: list[Object] = []
    more = True
    while more:
        after = f"&after={found[-1]['id']}" if found else ""
        page = get(f"{path}?order=asc&limit=100{after}")
        found += page["data"]
        more = page["has_more"] and bool(page["data"])
    return found
