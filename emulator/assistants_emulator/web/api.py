"""The API: from a request to a row of the route table, to its operation, to a response.

The order of checks is the service's: route, key, beta header, JSON, parameters, objects, state.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from assistants_emulator.config import RUN_HEADER, Config, project_of_key
from assistants_emulator.contract import check, includes
from assistants_emulator.errors import ApiError, NoProject, ServerFault, StoreError, UnusableProject
from assistants_emulator.project.project import Project
from assistants_emulator.resources.route import Download, Later, Route
from assistants_emulator.store.steps import run_in_turns
from assistants_emulator.web.auth import accepted_key, is_expected, key_of
from assistants_emulator.web.body import Disconnected, parse, read_body
from assistants_emulator.web.fault_effects import DropConnection, apply, hold_runs, malformed, retry_headers
from assistants_emulator.web.request import Request
from assistants_emulator.web.responses import (
    BYTES_TYPE,
    COMMON_HEADERS,
    JSON_TYPE,
    RATE_LIMITS,
    STREAM_TYPE,
    Headers,
    disconnect,
    error_bytes,
    json_bytes,
    poll_after,
    refusal_headers,
    send_chunks,
    send_pieces,
    send_until_gone,
    send_whole,
    view_of,
    without_slash,
)
from assistants_emulator.web.routing import OBJECT_PATHS, ROUTES, GatewayError, RouteMatch, RouteTable, address_of
from assistants_emulator.web.streams import EventStream, ResponseStream, pace_of
from assistants_emulator.web.variant_effects import ERROR_EVENT, begin_run, narrow, note, strike

FEW_STEPS = 4  # of the loop, in which most turns end: then the client need not be watched
PLACES = ("thread_id", "conversation_id", "response_id")
INCLUDE_KEYS = ("include[]", "include")
SERVER_FAULT = (
    "The server had an error processing your request. Sorry about that! You can retry your request, or contact us "
    "through our help center at help.openai.com if you keep seeing this error. (Please include the request ID "
    "{} in your email.)"
)

log = logging.getLogger("assistants_emulator")


class Api:
    """The ASGI application for the API at all its addresses.

    `open_project` opens a project by its name, `project_of` is the name that a key selects; NoProject if it does none.
    """

    def __init__(
        self,
        config: Config,
        open_project: Callable[[str], Project],
        project_of: Callable[[str], str] = project_of_key,
    ) -> None:
        self._config = config
        self._open_project = open_project
        self._project_of = project_of
        self._table = RouteTable(ROUTES)
        self._calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._calls += 1
        request = Request(scope, receive, self._calls)
        try:
            await self._answer(request, send)
        except Disconnected:
            return
        except DropConnection:
            request.log(0)
            await _drop(request)
        except ApiError as error:
            await self._send_error(request, send, error)
        except StoreError as error:
            log.error("%s %s could not be stored: %s", request.method, request.path, error)
            await self._send_error(request, send, ServerFault(str(error)))
        except Exception:
            log.exception("%s %s could not be answered", request.method, request.path)
            await self._send_error(request, send, ServerFault(SERVER_FAULT.format(request.id)))
        finally:
            if request.form is not None:
                request.form.close()

    async def _answer(self, request: Request, send: Send) -> None:
        request.address = address = address_of(request.method, request.path, request.query_string)
        match = self._table.find(address.path)
        if match is None or request.method == "OPTIONS":
            self._assign_project(request)
            await self._answer_options(request, send, match)
            return
        rows, ids = match.methods.get("GET" if request.method == "HEAD" else request.method), match.ids
        if rows is None:
            raise address.wrong_method(request.method)
        key = accepted_key(request.headers, self._config.api_key)
        if key is None:
            raise address.wrong_key(request.headers)
        request.project = project = self._open_project(self._project_of(key))
        request.route = next(iter(rows.values()))
        route, request.version = address.route(rows, request.headers, self._config.v1 == "sunset")
        request.route = route
        await _read(request, route, project)
        if RUN_HEADER not in request.headers:
            calls = project.context.calls
            request.call = calls.arrive(route.method, route.path, address.path, request.headers, request.raw)
        request.fault = fault = strike(request, project, address.path)
        if fault is not None:
            await apply(fault)
        values: dict[str, Any] = {**ids, **_query_values(route, request.query_string)}
        if route.body is not None and request.form is None:
            values["body"] = check(route.body, parse(request.raw, not_json=route.not_json))
        if request.form is not None:
            values["form"] = request.form
        if route.lists and request.call is not None:
            narrow(request.call, values)
        address.require_known(values)
        project.scheduler.recover()
        project.context.clock.catch_up()
        asker = request.headers.get(RUN_HEADER, b"").decode("latin-1")
        for place in _places(ids, values.get("body")):
            await project.scheduler.settle(place, asker, cancelled=ids["run_id"] if route.cancels else None)
        if route.settles:
            await project.read_stores(ids.get("vector_store_id"), searching=route.settles == "search")
        if (stream := _stream_of(request, route, project, values)) is not None:
            await self._send_stream(request, send, stream)
            return
        result = route.operation(hold_runs(project.context, fault), **values)
        if isinstance(result, Generator):
            result = await run_in_turns(result)
        note(request, project, route, values, result)
        if isinstance(result, Later):
            with project.context.contents.kept():
                result = await project.work(result.function)
        if route.outcome is not None and not result["background"]:
            await _until_over(request, project, result["id"])
            result = route.outcome(project.context, result)
        if isinstance(result, Download):
            await self._download(request, send, result)
            return
        body = json_bytes(view_of(route, result, self._config.fidelity), route.newline, route.escapes)
        limits = RATE_LIMITS if route.outcome is not None else ()
        await self._send(request, send, 200, body, (*poll_after(result), *limits))

    async def _send_error(self, request: Request, send: Send, error: ApiError) -> None:
        """Answer with the error; nothing has been sent yet."""
        if not isinstance(error, ServerFault | NoProject | UnusableProject):
            self._assign_project(request)
        if isinstance(error, NoProject) and error.refused is not None:
            error.refused[f"{request.method} {request.path}"] += 1
        headers = retry_headers(error)
        if request.version == "v1":
            error = error.under_v1
        body = error_bytes(None if isinstance(error, GatewayError) else request.route, error)
        await self._send(request, send, error.status, body, (*headers, *refusal_headers(error)))

    def _assign_project(self, request: Request) -> None:
        """Assign the project of its key to a request that was refused before its key was checked."""
        key = key_of(request.headers)
        if request.project is None and key and is_expected(key, self._config.api_key):
            request.project = self._open_project(self._project_of(key))

    async def _answer_options(self, request: Request, send: Send, match: RouteMatch | None) -> None:
        """Answer OPTIONS with the path's methods, and redirect a path with a slash at its end; 404 for any other."""
        assert request.address is not None
        if match is not None:
            headers: Headers = [(b"allow", ", ".join(sorted({*match.methods, "OPTIONS"})).encode())]
            status = 204
        elif self._table.find(request.address.path.rstrip("/")) and request.address.path.startswith(OBJECT_PATHS):
            status, headers = 307, [(b"location", without_slash(request.scope))]
        else:
            raise request.address.no_such_path(request.method)
        request.log(status)
        await send_whole(send, status, [*self._headers(request), *headers], b"")

    async def _send_stream(self, request: Request, send: Send, stream: EventStream) -> None:
        assert request.project is not None
        logged = request.log(200)
        if logged is not None:
            logged.streamed = True  # before the first event: a client may look at the log while it reads
        call, calls = request.call, request.project.context.calls
        if call is not None:
            call.cuts = stream.cuts
            stream.on_error_event = calls.meet if call.effect == ERROR_EVENT else None
        limits = RATE_LIMITS if request.route is not None and request.route.outcome is not None else ()
        headers = [*self._headers(request, STREAM_TYPE), *limits]
        try:
            await send_until_gone(send_pieces(send, 200, headers, stream.frames()), disconnect(request.receive))
        except DropConnection:
            calls.is_met = calls.is_met or bool(call and call.effect)
            await _drop(request)
        except Exception as error:  # too late for an error's body: the server closes the connection
            error.add_note(f"while the events of {stream.subject_id} were sent")
            log.exception("%s %s: its events could not be sent", request.method, request.path)
            request.project.scheduler.failed(stream.subject_id, error)
        finally:
            stream.close()
            if logged is not None:
                logged.seconds = request.seconds

    async def _send(
        self,
        request: Request,
        send: Send,
        status: int,
        body: bytes,
        extra: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        if request.fault is not None and request.fault.malformed:
            body = malformed(body)
        request.log(status, body)
        await send_whole(send, status, [*self._headers(request, JSON_TYPE), *extra], body)

    async def _download(self, request: Request, send: Send, file: Download) -> None:
        from assistants_emulator.web.multipart import attachment

        if request.call is not None:
            request.call.is_download = True
        request.log(200)
        headers = [
            *self._headers(request, BYTES_TYPE),
            (b"content-disposition", attachment(file.filename)),
            (b"content-length", str(file.size).encode()),
        ]
        assert request.project is not None
        with request.project.context.contents.kept():
            await send_chunks(send, 200, headers, file.chunks)

    def _headers(self, request: Request, content_type: bytes | None = None) -> Headers:
        milliseconds = str(int(request.seconds * 1000)).encode()
        return [
            *([] if content_type is None else [(b"content-type", content_type)]),
            *COMMON_HEADERS,
            (b"openai-processing-ms", milliseconds),
            (b"x-envoy-upstream-service-time", milliseconds),
            (b"x-request-id", request.id.encode()),
        ]


async def _read(request: Request, route: Route, project: Project) -> None:
    """Read the body into memory, or the form's file to disk; a row may take either."""
    is_json = request.headers.get(b"content-type", b"").startswith(JSON_TYPE)
    if route.form is None or (route.body is not None and is_json):
        request.raw = await read_body(request.receive, route.most_bytes)
    else:
        from assistants_emulator.web.multipart import read_form

        contents = project.context.contents
        request.form, request.raw = await read_form(request.headers, request.receive, route.form, contents)


def _query_values(route: Route, query_string: bytes) -> dict[str, Any]:
    """Arguments of the row's operation from the query; unknown keys are ignored."""
    if not (route.lists or route.includes):
        return {}
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    raw = dict(pairs)
    values: dict[str, Any] = {"query": route.query(raw)} if route.lists else {}
    values |= {name: raw.get(name) or None for name in route.filters}
    if route.includes:
        named = [value for key, value in pairs if key in INCLUDE_KEYS]
        values["include"] = includes(named, route.include_values)
    return values


def _places(ids: Mapping[str, str], body: Any) -> Iterator[str]:
    """The threads, conversations and responses that the request names: their turns settle first."""
    yield from (ids[name] for name in PLACES if name in ids)
    if isinstance(body, dict):
        conversation = body.get("conversation")
        named = [conversation.get("id") if isinstance(conversation, dict) else conversation]
        yield from (id for id in [*named, body.get("previous_response_id")] if isinstance(id, str))


def _stream_of(request: Request, route: Route, project: Project, values: dict[str, Any]) -> EventStream | None:
    """The stream that the request asks for, begun; None if it asks for a whole answer."""
    fault = request.fault
    if route.resumes is not None and values.get("stream") == "true":
        resumed = ResponseStream(project, fault, values["include_obfuscation"] != "false")
        resumed.resume(*route.resumes(project.context, **values))
        return resumed
    if not (route.streams and values["body"].get("stream")):
        return None
    if route.outcome is None:
        stream = EventStream(project, fault, request.version, pace_of(request.headers))
    else:
        options = values["body"].get("stream_options") or {}
        stream = ResponseStream(project, fault, options.get("include_obfuscation") is not False)
    stream.begin(lambda: route.operation(hold_runs(project.context, fault), **values))
    begin_run(request, project, stream.subject_id, values)
    return stream


async def _until_over(request: Request, project: Project, id: str) -> None:
    """Wait for the end of a turn; Disconnected if the client does not, which stops nothing.

    StoreError for a turn that was taken back, since the store could not be written.
    """
    task = project.scheduler.task(id)
    if task is None:
        return
    for _ in range(FEW_STEPS):
        if task.over.is_set():
            break
        await asyncio.sleep(0)
    is_over = task.over.is_set()
    if not is_over and not await send_until_gone(project.scheduler.until_over(id), disconnect(request.receive)):
        raise Disconnected
    if task.refused is not None:
        raise task.refused


async def _drop(request: Request) -> None:
    request.scope["state"]["drop_connection"](request.scope)
    await disconnect(request.receive)  # a return without a response would be an error of the server's
