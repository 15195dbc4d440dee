"""One call, with what was found out about it so far."""

from __future__ import annotations

import time

from starlette.types import Receive, Scope

from assistants_emulator.project.faults import Fault
from assistants_emulator.project.project import Project
from assistants_emulator.project.request_log import LoggedRequest
from assistants_emulator.resources.route import Form, Route, Version
from assistants_emulator.web.routing import Address


class Request:
    """`number` is the server's own count of calls; `raw` is the JSON body, `form` a multipart one."""

    def __init__(self, scope: Scope, receive: Receive, number: int) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.query_string: bytes = scope["query_string"]
        self.scope = scope
        self.receive = receive
        self.raw = b""
        self.address: Address | None = None
        self.project: Project | None = None
        self.version: Version = "v2"
        self.route: Route | None = None  # known once the key was let in
        self.form: Form | None = None
        self.fault: Fault | None = None
        self._number = number
        self._id = ""
        self._started = time.perf_counter()

    @property
    def shown_path(self) -> str:
        query = self.query_string.decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    @property
    def id(self) -> str:
        """Its `x-request-id`: the project's next when it is first asked for, the server's for a call of nobody."""
        if not self._id:
            self._id = f"req_{self._number:032x}" if self.project is None else self.project.next_request_id()
        return self._id

    @property
    def seconds(self) -> float:
        """Since it came, by the machine's clock."""
        return time.perf_counter() - self._started

    def log(self, status: int, answer: bytes | None = None) -> LoggedRequest | None:
        """In its project's log; None for a call of nobody. Without an answer it was a stream, a file, or nothing."""
        if self.project is None:
            return None
        fault = self.fault.route if self.fault is not None else None
        log = self.project.requests
        return log.add(self.method, self.shown_path, self.raw, status, fault, answer, self.seconds)
