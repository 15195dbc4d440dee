"""An API request, with its address, project, route, body and fault as they become known."""

from __future__ import annotations

import time

from starlette.types import Receive, Scope

from assistants_emulator.project.faults import Fault
from assistants_emulator.project.project import Project
from assistants_emulator.project.request_log import LoggedRequest
from assistants_emulator.resources.route import Form, Route, Version
from assistants_emulator.sweep.calls import Call
from assistants_emulator.web.routing import Address


class Request:
    """`number` counts the server's requests; `raw` is the JSON body, `form` a multipart one."""

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
        self.route: Route | None = None  # set once the key was accepted
        self.form: Form | None = None
        self.fault: Fault | None = None
        self.call: Call | None = None
        self.variant_name = ""
        self._number = number
        self._id = ""
        self._started = time.perf_counter()

    @property
    def shown_path(self) -> str:
        query = self.query_string.decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    @property
    def id(self) -> str:
        """Its `x-request-id`: the project's next at first use, one of the server's for a request without a project."""
        if not self._id:
            self._id = f"req_{self._number:032x}" if self.project is None else self.project.next_request_id()
        return self._id

    @property
    def seconds(self) -> float:
        """Seconds since it arrived, by the machine's clock."""
        return time.perf_counter() - self._started

    def log(self, status: int, answer: bytes | None = None) -> LoggedRequest | None:
        """Add it to its project's log; None without a project. `answer` is None for a stream, a file or no body."""
        if self.project is None:
            return None
        if self.call is not None:
            self.project.context.calls.answered(self.call, status, self.raw)
        fault = self.variant_name or (self.fault.route if self.fault is not None else None)
        log = self.project.requests
        return log.add(self.method, self.shown_path, self.raw, status, fault, answer, self.seconds, self._started)
