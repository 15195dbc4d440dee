"""Where the turn of one run looks things up; called from responders' threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from assistants_emulator.object_kinds import FILE
from assistants_emulator.resources import views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.lookup import require
from assistants_emulator.runs.file_search import search
from assistants_emulator.runs.tokens import last_message, visible_messages
from assistants_emulator.store import Object

MakeClient = Callable[[str, dict[str, Any]], Any]
Hop = Callable[[Callable[[], Any]], Any]


class RunSource:
    """`hop` runs a function on the server's loop; `make_client` makes an SDK client whose calls never wait for it."""

    def __init__(self, context: Context, run: Object, hop: Hop, make_client: MakeClient) -> None:
        self._context = context
        self._run = run
        self._hop = hop
        self._make_client = make_client

    def messages(self) -> list[Object]:
        found: list[Object] = self._hop(lambda: visible_messages(self._context, self._run))
        return found

    def last_message(self) -> Object | None:
        found: Object | None = self._hop(lambda: last_message(self._context, self._run))
        return found

    def steps(self) -> list[Object]:
        found: list[Object] = self._hop(lambda: list(self._context.store.of("steps", "run_id", self._run["id"])))
        return found

    def client(self, **options: Any) -> Any:
        return self._make_client(self._run["id"], options)

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        found: list[Any] = self._hop(lambda: search(self._context, self._run, query, max_num_results))
        return found

    def may_run_code(self) -> bool:
        return self._context.config.allow_code_execution

    def file(self, file_id: str) -> tuple[Object, bytes]:
        return self._hop(partial(self._file, file_id))  # type: ignore[no-any-return]

    def _file(self, file_id: str) -> tuple[Object, bytes]:
        file = require(self._context, FILE, file_id, "file_id")
        return views.file(file), self._context.contents.whole(file["_content"])
