"""The turn of a run's responder, looked up in the project's store.

Responders use it from their own threads, and state is touched on the server's loop only: every lookup hops there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from assistants_emulator.object_kinds import FILE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import require
from assistants_emulator.responders.turn import Turn
from assistants_emulator.runs.file_search import search
from assistants_emulator.runs.tokens import last_message, visible_messages
from assistants_emulator.store import Object

T = TypeVar("T")
MakeClient = Callable[[str, dict[str, Any]], Any]
"""Makes an SDK client, from its options, whose calls never wait for the run of that id."""


class Hop(Protocol):
    """Runs a function on the server's loop and returns its result; from any thread."""

    def __call__(self, function: Callable[[], T], /) -> T: ...


def new_turn(context: Context, run: Object, hop: Hop, make_client: MakeClient) -> Turn:
    """The run as its responder sees it; an assistant or thread that is gone is known by its id alone."""
    assistant = context.store.get("assistants", run["assistant_id"]) or {"id": run["assistant_id"], "name": None}
    thread = context.store.get("threads", run["thread_id"]) or {"id": run["thread_id"]}
    return Turn(run, assistant, thread, StoreTurnSource(context, run, hop, make_client))


class StoreTurnSource:
    """The TurnSource of one run."""

    def __init__(self, context: Context, run: Object, hop: Hop, make_client: MakeClient) -> None:
        self._context = context
        self._run = run
        self._hop = hop
        self._make_client = make_client

    def messages(self) -> list[Object]:
        return self._hop(lambda: visible_messages(self._context, self._run))

    def last_message(self) -> Object | None:
        return self._hop(lambda: last_message(self._context, self._run))

    def steps(self) -> list[Object]:
        return self._hop(lambda: list(self._context.store.of("steps", "run_id", self._run["id"])))

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        return self._hop(lambda: search(self._context, self._run, query, max_num_results))

    def file(self, file_id: str) -> tuple[Object, bytes]:
        return self._hop(partial(self._file, file_id))

    def client(self, **options: Any) -> Any:
        return self._make_client(self._run["id"], options)

    def may_run_code(self) -> bool:
        return self._context.config.allow_code_execution

    def _file(self, file_id: str) -> tuple[Object, bytes]:
        file = require(self._context, FILE, file_id, "file_id")
        return views.file(file), self._context.contents.whole(file["_content"])
