"""The turn of a responder, looked up in the project's store.

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
from assistants_emulator.store import Object

T = TypeVar("T")
MakeClient = Callable[[str, dict[str, Any]], Any]
"""Makes an SDK client, from its options, whose calls never wait for the run or response of that id."""


class Hop(Protocol):
    """Runs a function on the server's loop and returns its result; from any thread."""

    def __call__(self, function: Callable[[], T], /) -> T: ...


class TurnLookups(Protocol):
    """The lookups of a turn that differ between the APIs; called on the server's loop."""

    def messages(self) -> list[Object]: ...

    def last_message(self) -> Object | None: ...

    def steps(self) -> list[Object]: ...

    def search(self, query: str, max_num_results: int | None) -> list[Any]: ...


class StoreTurnSource:
    """The TurnSource of one run or response, whose `id` it is."""

    def __init__(self, context: Context, id: str, lookups: TurnLookups, hop: Hop, make_client: MakeClient) -> None:
        self._context = context
        self._id = id
        self._lookups = lookups
        self._hop = hop
        self._make_client = make_client

    def messages(self) -> list[Object]:
        return self._hop(self._lookups.messages)

    def last_message(self) -> Object | None:
        return self._hop(self._lookups.last_message)

    def steps(self) -> list[Object]:
        return self._hop(self._lookups.steps)

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        return self._hop(lambda: self._lookups.search(query, max_num_results))

    def file(self, file_id: str) -> tuple[Object, bytes]:
        return self._hop(partial(self._file, file_id))

    def client(self, **options: Any) -> Any:
        return self._make_client(self._id, options)

    def may_run_code(self) -> bool:
        return self._context.config.allow_code_execution

    def _file(self, file_id: str) -> tuple[Object, bytes]:
        file = require(self._context, FILE, file_id, "file_id")
        return views.file(file), self._context.contents.whole(file["_content"])
