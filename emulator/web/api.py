"""The API itself: from a request to a row of the route table, to its operation, to an answer.

The order of checks is the service's: route, key, beta header, JSON, parameters, objects, state.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from emulator.config import Config, project_of_key
from emulator.contract import check, includes
from emulator.errors import ApiError, NotFound, ServerFault
from emulator.faults import Fault
from emulator.project import Project
from emulator.resources import ROUTES, Route
from emulator.resources.forms import Form
from emulator.resources.route import Download
from emulator.store import Object
from emulator.web.answers import (
    BYTES_TYPE,
    COMMON_HEADERS,
    JSON_TYPE,
    STREAM_TYPE,
    json_bytes,
    send_chunks,
    send_pieces,
    send_whole,
)
from emulator.web.auth import key_of, require_key
from emulator.web.beta import version_of
from emulator.web.body import Disconnected, parse, read_body
from emulator.web.disposition import attachment
from emulator.web.multipart import read_form
from emulator.web.shown import error_bytes, poll_after, shown
from emulator.web.streams import EventStream
from emulator.web.striking import Dropped, malformed, retry_headers, sticking, suffer
from emulator.web.table import RouteTable

PREFIX = "/v1"
ASKER_HEADER = b"x-assistants-emulator-run"  # the run whose responder is asking; its requests never wait for it
INCLUDE_KEYS = ("include[]", "include")

log = logging.getLogger("emulator")


class Request:
    """One call, with what was found out about it so far."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.query_string: bytes = scope["query_string"]
        self.scope = scope
        self.receive = receive
        self.raw = b""
        self.project: Project | None = None
        self.route: Route | None = None  # known once the key was let in
        self.form: Form | None = None
        self.fault: Fault | None = None

    @property
    def shown_path(self) -> str:
        query = self.query_string.decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    def log(self, status: int) -> None:
        if self.project is not None:
            route = self.fault.route if self.fault is not None else None
            self.project.requests.add(self.method, self.shown_path, self.raw, status, route)


class Api:
    """The ASGI application for everything below `/v1`. `open_project` gives the project of a name."""

    def __init__(self, config: Config, open_project: Callable[[str], Project]) -> None:
        self._config = config
        self._open_project = open_project
        self._table = RouteTable(ROUTES)
        self._calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        started = time.perf_counter()
        try:
            await self._answer(request, send, started)
        except Disconnected:
            return
        except Dropped:
            request.log(0)
            await _drop(request)
        except ApiError as error:
            self._own(request)
            body, headers = error_bytes(request.route, error), retry_headers(error)
            await self._send(request, send, started, error.status, body, headers)
        finally:
            if request.form is not None:
                request.form.close()

    async def _answer(self, request: Request, send: Send, started: float) -> None:
        route, ids = self._route(request)
        key = require_key(request.headers, self._config.api_key)
        request.project = project = self._open_project(project_of_key(key))
        request.route = route
        version_of(request.headers, required=route.beta)
        await _read(request, route, project)
        request.fault = fault = project.faults.strike(request.method, request.path[len(PREFIX) :])
        if fault is not None:
            await suffer(fault)
        values: dict[str, Any] = {**ids, **_query_values(route, request.query_string)}
        if route.body is not None:
            values["body"] = check(route.body, parse(request.raw))
        if request.form is not None:
            values["form"] = request.form
        project.driver.recover()
        if (thread_id := ids.get("thread_id")) is not None:
            await project.driver.settle(thread_id, request.headers.get(ASKER_HEADER, b"").decode("latin-1"))
        try:
            if route.settles:
                await project.read_stores(ids.get("vector_store_id"), searching=route.settles == "search")
            if route.streams and values["body"].get("stream"):
                await self._stream(request, send, started, lambda: route.operation(project.context, **values))
                return
            with sticking(project, fault):
                result = route.operation(project.context, **values)
            if isinstance(result, Download):
                await self._download(request, send, started, result)
                return
            body = json_bytes(shown(route, result, self._config.fidelity), route.newline)
            await self._send(request, send, started, 200, body, poll_after(result))
        except ApiError:
            raise
        except Exception:
            log.exception("%s %s could not be answered", request.method, request.path)
            raise ServerFault(_fault_text(self._calls)) from None

    def _own(self, request: Request) -> None:
        """A call that was refused before its key was looked at belongs to its key's project all the same."""
        key = key_of(request.headers)
        if request.project is None and key and self._config.api_key in (None, key):
            request.project = self._open_project(project_of_key(key))

    def _route(self, request: Request) -> tuple[Route, dict[str, str]]:
        path = request.path
        if not path.startswith(f"{PREFIX}/"):
            raise _outside(request.method, path)
        return self._table.find(request.method, path[len(PREFIX) :], path)

    async def _stream(self, request: Request, send: Send, started: float, operation: Callable[[], Object]) -> None:
        assert request.project is not None
        stream = EventStream(request.project, request.fault)
        with sticking(request.project, request.fault):
            stream.begin(operation)
        request.log(200)
        headers = self._headers(started, STREAM_TYPE)
        sending = asyncio.ensure_future(send_pieces(send, 200, headers, stream.frames()))
        gone = asyncio.ensure_future(_disconnected(request.receive))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and isinstance(sending.exception(), Dropped):
                await _drop(request)
        finally:
            gone.cancel()
            sending.cancel()
            stream.close()

    async def _send(
        self,
        request: Request,
        send: Send,
        started: float,
        status: int,
        body: bytes,
        extra: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        request.log(status)
        if request.fault is not None and request.fault.malformed:
            body = malformed(body)
        await send_whole(send, status, [*self._headers(started, JSON_TYPE), *extra], body)

    async def _download(self, request: Request, send: Send, started: float, file: Download) -> None:
        request.log(200)
        headers = [
            *self._headers(started, BYTES_TYPE),
            (b"content-disposition", attachment(file.filename)),
            (b"content-length", str(file.size).encode()),
        ]
        await send_chunks(send, 200, headers, file.chunks)

    def _headers(self, started: float, content_type: bytes) -> list[tuple[bytes, bytes]]:
        self._calls += 1
        took = int((time.perf_counter() - started) * 1000)
        return [
            (b"content-type", content_type),
            *COMMON_HEADERS,
            (b"openai-processing-ms", str(took).encode()),
            (b"x-request-id", b"req_%032x" % self._calls),
        ]


async def _read(request: Request, route: Route, project: Project) -> None:
    """The body into memory, or the form's file to disk."""
    if route.form is None:
        request.raw = await read_body(request.receive)
    else:
        contents = project.context.contents
        request.form, request.raw = await read_form(request.headers, request.receive, route.form, contents)


def _query_values(route: Route, query_string: bytes) -> dict[str, Any]:
    """What the row's operation takes from the query; keys that it does not know are ignored."""
    if not (route.lists or route.includes):
        return {}
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    raw = dict(pairs)
    values: dict[str, Any] = {"query": route.query(raw)} if route.lists else {}
    values |= {name: raw.get(name) or None for name in route.filters}
    if route.includes:
        values["include"] = includes(value for key, value in pairs if key in INCLUDE_KEYS)
    return values


def _outside(method: str, path: str) -> NotFound:
    message = f"Unknown request URL: {method} {path}. Please check the URL for typos, "
    return NotFound(f"{message}or see the docs at https://platform.openai.com/docs/api-reference/.", code="unknown_url")


def _fault_text(number: int) -> str:
    return (
        "The server had an error processing your request. Sorry about that! You can retry your request, or contact us "
        "through our help center at help.openai.com if you keep seeing this error. (Please include the request ID "
        f"req_{number:032x} in your email.)"
    )


async def _drop(request: Request) -> None:
    request.scope["state"]["drop_connection"](request.scope)
    await _disconnected(request.receive)  # or the server would complain of an answer that was never begun


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
