"""The control API below `/_emulator/`: scripts, state, clock, faults and requests of the key's project, for tests in
any language."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from assistants_emulator.config import PROJECT_HEADER, VERSION, Config, project_of_key
from assistants_emulator.errors import (
    ApiError,
    EmulatorError,
    NotFound,
    ScriptError,
    ServerFault,
    StoreError,
    wrong_type,
)
from assistants_emulator.project.faults import FAULT_FIELDS, Fault
from assistants_emulator.project.project import Project
from assistants_emulator.project.sessions import PytestSessions
from assistants_emulator.project.transcript import no_transcript, transcript_of, transcripts
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.sweep.effects import Variant
from assistants_emulator.turns.invocation import problems
from assistants_emulator.web import plugin_api
from assistants_emulator.web.auth import key_of, require_key, require_token
from assistants_emulator.web.body import Disconnected, parse, read_body
from assistants_emulator.web.openapi import openapi
from assistants_emulator.web.responses import JSON_TYPE, json_bytes, send_pieces, send_whole
from assistants_emulator.web.routing import PREFIX
from assistants_emulator.web.state_body import receive_state, send_state
from assistants_emulator.web.trusted_hosts import SAFE_METHODS

INSPECTOR_PATHS = (PREFIX.rstrip("/"), PREFIX, f"{PREFIX}sign-in", f"{PREFIX}theme")
INSPECTOR_PREFIXES = (f"{PREFIX}projects/", f"{PREFIX}static/")
FAILED = "This call could not be answered; the emulator's log has the traceback."
log = logging.getLogger("assistants_emulator")
HEADERS = [
    (b"content-type", JSON_TYPE),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
Answer = dict[str, Any]
Operation = Callable[[Project, dict[str, Any]], Awaitable[Answer]]


async def reset(project: Project, body: dict[str, Any]) -> Answer:
    seed = body.get("seed")
    if seed is not None and not isinstance(seed, str):
        raise wrong_type("seed", "a string", type(seed).__name__)
    keeps = body.get("keep_script", False)
    if not isinstance(keeps, bool):
        raise wrong_type("keep_script", "a boolean", type(keeps).__name__)
    project.reset(seed, keep_rules=keeps)
    return {"project": project.name}


async def get_script(project: Project, body: dict[str, Any]) -> Answer:
    return project.script.raw if project.script is not None else {"version": 1, "replies": []}


async def put_script(project: Project, body: dict[str, Any]) -> Answer:
    project.set_script(_script(project, body))
    return body


async def post_script_reply(project: Project, body: dict[str, Any]) -> Answer:
    """Add the rule of the body to the script."""
    script = await get_script(project, {})
    (rule,) = _script(project, {"version": 1, "replies": [body]}).rules
    project.add_script_rule(rule, {**script, "replies": [*script["replies"], body]})
    return await get_script(project, {})


def _script(project: Project, raw: dict[str, Any]) -> Script:
    """The checked script; its mistake is kept for `GET failures` too, since clients may not look at an answer."""
    try:
        return load_script(raw, allow_paths=False)
    except ScriptError as error:
        project.script_mistakes.append(str(error))
        problems.info("%s", error)
        raise


async def delete_script(project: Project, body: dict[str, Any]) -> Answer:
    project.set_script(None)
    return {"version": 1, "replies": []}


async def get_failures(project: Project, body: dict[str, Any]) -> Answer:
    """Return the problems that a test should not end with, once no run is at work."""
    await project.scheduler.settle_all()
    scheduler = project.scheduler
    exceptions = [
        {"run_id": failure.run_id, "type": type(failure.error).__name__, "message": failure.text}
        for failure in scheduler.failures
    ]
    return {
        "exceptions": exceptions,
        "unmatched": scheduler.unmatched,
        "unused": scheduler.rules.unused(),
        "script_mistakes": project.script_mistakes,
    }


async def get_requests(project: Project, body: dict[str, Any]) -> Answer:
    return {"data": [call.as_json() for call in project.requests], "dropped": project.requests.dropped}


async def get_clock(project: Project, body: dict[str, Any]) -> Answer:
    return {"now": project.context.clock.now(), "mode": project.context.clock.mode}


async def post_clock(project: Project, body: dict[str, Any]) -> Answer:
    moves = {name: body[name] for name in ("advance", "set") if name in body}
    if len(moves) != 1 or not all(type(value) in (int, float) for value in moves.values()):
        raise ApiError('Expected {"advance": SECONDS} or {"set": UNIX_TIME}.')
    if "advance" in moves:
        await project.advance(moves["advance"])
    else:
        await project.scheduler.move_clock(moves["set"])
    return await get_clock(project, body)


async def add_to_state(project: Project, body: dict[str, Any]) -> Answer:
    return dict(await project.add_state(body))


async def get_faults(project: Project, body: dict[str, Any]) -> Answer:
    return {"data": [fault.as_json() for fault in project.faults]}


async def post_fault(project: Project, body: dict[str, Any]) -> Answer:
    try:
        fault = Fault(**body)
    except TypeError as error:
        raise EmulatorError(f"a fault takes {', '.join(FAULT_FIELDS)}: {error}") from error
    return project.faults.add(fault).as_json()


async def delete_faults(project: Project, body: dict[str, Any]) -> Answer:
    project.faults.clear()
    return await get_faults(project, body)


async def get_variants(project: Project, body: dict[str, Any]) -> Answer:
    return {"data": [variant.name for variant in project.context.calls.variants()]}


async def get_variant(project: Project, body: dict[str, Any]) -> Answer:
    calls = project.context.calls
    return {"name": calls.variant_name or None, "met": calls.is_met}


async def post_variant(project: Project, body: dict[str, Any]) -> Answer:
    name = body.get("name")
    if not isinstance(name, str):
        raise wrong_type("name", "a string", type(name).__name__)
    try:
        project.vary(Variant.parse(name))
    except ValueError as error:
        raise EmulatorError(str(error)) from None
    return await get_variant(project, body)


async def resume(project: Project, run_id: str) -> Answer:
    if not project.scheduler.resume(run_id):
        raise NotFound(f"No paused run found with id '{run_id}'.")
    return {"id": run_id, "resumed": True}


async def get_transcript(project: Project, id: str, query: Mapping[str, str]) -> Answer:
    """The transcript of a thread, a conversation, or a chain of responses by its last one."""
    await project.scheduler.settle(id)
    text = transcript_of(project.context.store, id, _is_portable(query))
    if text is None:
        raise NotFound(no_transcript(id, project.name))
    return {"id": id, "transcript": text}


async def get_transcripts(project: Project, query: Mapping[str, str]) -> Answer:
    """All of them, or the `newest` ones; does not wait for runs or responses."""
    newest = query.get("newest", "")
    if newest and not (newest.isdecimal() and len(newest) < 10):
        raise wrong_type("newest", "a whole number", repr(newest))
    project.scheduler.held.end_all()
    texts = transcripts(project.context.store, int(newest) if newest else None, _is_portable(query))
    return {"data": [{"id": id, "transcript": text} for id, text in texts.items()]}


def _is_portable(query: Mapping[str, str]) -> bool:
    return query.get("portable") == "true"


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "reset"): reset,
    ("POST", "state"): add_to_state,
    ("GET", "script"): get_script,
    ("PUT", "script"): put_script,
    ("DELETE", "script"): delete_script,
    ("POST", "script/replies"): post_script_reply,
    ("GET", "failures"): get_failures,
    ("GET", "requests"): get_requests,
    ("GET", "faults"): get_faults,
    ("POST", "faults"): post_fault,
    ("DELETE", "faults"): delete_faults,
    ("GET", "variants"): get_variants,
    ("GET", "variant"): get_variant,
    ("POST", "variant"): post_variant,
    ("GET", "clock"): get_clock,
    ("POST", "clock"): post_clock,
}
STATE_METHODS = ("GET", "PUT")
CALLS = (*((method, "state") for method in STATE_METHODS), *OPERATIONS, ("GET", "transcripts"))


class Control:
    """The ASGI application for the control API; errors are in the API's envelope."""

    def __init__(
        self,
        config: Config,
        open_project: Callable[[str], Project],
        project_of: Callable[[str], str] = project_of_key,
        sessions: PytestSessions | None = None,
    ) -> None:
        self._config = config
        self._open_project = open_project
        self._project_of = project_of
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Answer | Project
        try:
            answer, status = await self._state_call(scope, receive) or await self._answer(scope, receive), 200
        except Disconnected:
            return
        except ApiError as error:
            answer, status = error.body(), error.status
        except StoreError as error:
            log.error("%s %s could not be stored: %s", scope["method"], scope["path"], error)
            answer, status = ServerFault(str(error)).body(), ServerFault.status
        except EmulatorError as error:
            answer, status = ApiError(str(error)).body(), ApiError.status
        except Exception:
            log.exception("%s %s could not be answered", scope["method"], scope["path"])
            answer, status = ServerFault(FAILED).body(), ServerFault.status
        if isinstance(answer, Project):
            await send_pieces(send, status, HEADERS, send_state(answer))
        else:
            await send_whole(send, status, HEADERS, json_bytes(answer))

    async def _state_call(self, scope: Scope, receive: Receive) -> Project | None:
        """Carry out `GET state` or `PUT state` up to its answer, the project's state; None for any other call."""
        if scope["path"] != f"{PREFIX}state" or scope["method"] not in STATE_METHODS:
            return None
        project = self._project(scope)
        if scope["method"] == "PUT":
            await receive_state(project, receive)
        project.scheduler.held.end_all()
        return project

    def _project(self, scope: Scope) -> Project:
        """The key's project; Unauthorized or TokenMissing for a call that lacks the key or the token that it needs."""
        key = self._key(scope)
        name = dict(scope["headers"]).get(PROJECT_HEADER)
        project = self._open_project(self._project_of(key) if name is None else name.decode("latin-1"))
        if scope["method"] not in SAFE_METHODS:
            require_token(scope, self._config, project.is_played)
        return project

    def _key(self, scope: Scope) -> str:
        headers = dict(scope["headers"])
        key = require_key(headers, self._config.api_key) if self._config.api_key else key_of(headers) or ""
        if scope["method"] not in SAFE_METHODS:
            require_token(scope, self._config)
        return key

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        method, name = scope["method"], scope["path"].removeprefix(PREFIX)
        if (method, name) == ("GET", "health"):
            return {"status": "ok", "version": VERSION}
        if (method, name) == ("GET", "openapi.json"):
            return openapi()
        key, raw = self._key(scope), await read_body(receive)
        body = parse(raw) or {}
        if not isinstance(body, dict):
            raise ApiError(f"Invalid type: expected an object, but got {type(body).__name__} instead.")
        if self._sessions is not None:
            session_answer = await plugin_api.answer_session_call(self._sessions, method, name, key, body)
            if session_answer is not None:
                return session_answer
        project = self._project(scope)
        match name.split("/"):
            case ["runs", run_id, "resume"] if method == "POST":
                return await resume(project, run_id)
            case ["transcripts"] if method == "GET":
                return await get_transcripts(project, dict(parse_qsl(scope["query_string"].decode("latin-1"))))
            case ["transcripts", id] if method == "GET":
                return await get_transcript(project, id, dict(parse_qsl(scope["query_string"].decode("latin-1"))))
        operation = OPERATIONS.get((method, name))
        if operation is None and (plugin_answer := await plugin_api.answer(project, method, name, body)) is not None:
            return plugin_answer
        if operation is None:
            calls = ", ".join(f"{verb} {path}" for verb, path in CALLS)
            raise NotFound(f"No control call {method} {scope['path']}. There are: GET health, {calls}.")
        return await operation(project, body)


class _ControlAndInspector:
    """One endpoint for all paths below the prefix: the inspector's pages, and the control API for the others."""

    def __init__(self, control: Control, make_inspector: Callable[[], ASGIApp]) -> None:
        self._control = control
        self._make_inspector = make_inspector
        self._inspector: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path in INSPECTOR_PATHS or path.startswith(INSPECTOR_PREFIXES):
            await self._inspect(scope, receive, send)
        else:
            await self._control(scope, receive, send)

    async def _inspect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the inspector, made at the first request: most servers need none, and templates import slowly."""
        if self._inspector is None:
            self._inspector = self._make_inspector()
        await self._inspector(scope, receive, send)


def control_and_inspector(
    config: Config,
    open_project: Callable[[str], Project],
    make_inspector: Callable[[], ASGIApp],
    project_of: Callable[[str], str],
    sessions: PytestSessions | None = None,
) -> ASGIApp:
    endpoint = _ControlAndInspector(Control(config, open_project, project_of, sessions), make_inspector)
    return Starlette(routes=[Route("/{path:path}", endpoint)])
