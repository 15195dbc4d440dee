"""The control calls of the pytest plugin, for an emulator in another process than the tests. They change with it: the
plugin uses an emulator of its own version only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from assistants_emulator.errors import ApiError, Failure, ScriptError
from assistants_emulator.project.project import Project
from assistants_emulator.project.sessions import PytestSessions, begin
from assistants_emulator.project.transcript import open_calls
from assistants_emulator.responders.remote import RaisedElsewhere, rule_of
from assistants_emulator.store.blobs import encode_base64

Answer = dict[str, Any]
LOGGED = ("method", "path", "status", "fault", "seconds", "streamed", "started")


async def post_project(project: Project, body: Answer) -> Answer:
    begin(project, body)
    return {"project": project.name}


async def configure(project: Project, body: Answer) -> Answer:
    project.configure(seed=body["seed"], clock=body["clock"], autojump=body["autojump"])
    return {"project": project.name}


async def post_rule(project: Project, body: Answer) -> Answer:
    """Add a rule of Python code. A malformed one is the plugin's mistake, and so one of this package's."""
    rule = project.rules.add(rule_of(body, project.remote_turns))
    return {"id": rule.id}


async def look_up(project: Project, body: Answer) -> Answer:
    """Look something up in a turn, in a worker, since the look-up comes back to this loop."""
    turns = project.remote_turns
    return {"value": await project.work(lambda: turns.look_up(body["id"], body["name"], body["arguments"]))}


async def post_id(project: Project, body: Answer) -> Answer:
    return {"id": project.context.ids.new(body["kind"])}


async def get_log(project: Project, body: Answer) -> Answer:
    """The requests with what `GET requests` leaves out."""
    calls = [
        {
            **{name: getattr(call, name) for name in LOGGED},
            "raw": encode_base64(call.raw),
            "answer": None if call.answer is None else encode_base64(call.answer),
        }
        for call in project.requests
    ]
    return {"data": calls, "total": project.requests.total}


async def get_verdicts(project: Project, body: Answer) -> Answer:
    return {"verdicts": project.scheduler.verdicts()}


async def post_leftovers(project: Project, body: Answer) -> Answer:
    """The problems at a test's end; with `settle` once no run is at work. `dropped` counts older entries."""
    scheduler = project.scheduler
    if body["settle"]:
        await scheduler.settle_all()
    failures, unmatched = scheduler.failures, scheduler.unmatched
    faults = [text for fault in project.faults if (text := fault.leftover())]
    return {
        "failures": [_failure(failure) for failure in failures],
        "unmatched": list(unmatched),
        "dropped": [getattr(failures, "dropped", 0), getattr(unmatched, "dropped", 0)],
        "unused": [*scheduler.rules.unused(), *faults],
        "is_settled": scheduler.is_settled,
        "slept": project.requests.seconds_between_looks(),
        "remarks": list(project.context.remarks),
        "open_runs": list(open_calls(project.context.store)),
        "calls": project.requests.total,
        "is_missing_ids": project.requests.has_status(404),
    }


def _failure(failure: Failure) -> Answer:
    """`kept`: the plugin has the exception itself."""
    error = failure.error
    kind = "kept" if isinstance(error, RaisedElsewhere) else "script" if isinstance(error, ScriptError) else "other"
    return {"run_id": failure.run_id, "kind": kind, "type": type(error).__name__, "text": failure.text}


async def parse_yaml(project: Project, body: Answer) -> Answer:
    """The data of a YAML text, for a plugin without a parser. ScriptError names the `source`."""
    from assistants_emulator.responders.scripts.located import parse

    return {"data": parse(body["text"], body["source"]).value}


OPERATIONS: dict[tuple[str, str], Callable[[Project, Answer], Awaitable[Answer]]] = {
    ("POST", "project"): post_project,
    ("POST", "configure"): configure,
    ("POST", "rules"): post_rule,
    ("POST", "look-up"): look_up,
    ("POST", "ids"): post_id,
    ("GET", "log"): get_log,
    ("GET", "verdicts"): get_verdicts,
    ("POST", "leftovers"): post_leftovers,
    ("POST", "yaml"): parse_yaml,
}


async def answer(project: Project, method: str, name: str, body: Answer) -> Answer | None:
    """The answer of a call about a project; None for any other call. ApiError for a body of others."""
    operation = OPERATIONS.get((method, name))
    if operation is None:
        return None
    try:
        return await operation(project, body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ApiError(f"{method} {name} is a call of the pytest plugin, with another body: {error!r}") from error


async def answer_session_call(
    sessions: PytestSessions, method: str, name: str, key: str, body: Answer
) -> Answer | None:
    """The answer of a call about the session of that key; None for any other call."""
    match method, name:
        case "PUT", "session":
            sessions.update(key, body)
            return {}
        case "GET", "session":
            return {"refused": dict(sessions.update(key, {}).refused)}
        case "DELETE", "session":
            sessions.end(key)
            return {}
        case "POST", "session/close":
            await sessions.close(str(body.get("name")), str(body.get("test")))
            return {}
        case "POST", "session/earlier":
            return {"tests": {id: test for id in body.get("ids", ()) if (test := sessions.earlier(id)) is not None}}
    return None
