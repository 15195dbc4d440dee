"""`--assistants-url`: the project of a test over the control API of an emulator in another process.

Python code cannot be sent there, so responders are scripts; exceptions and unmatched runs show in a run's `last_error`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import httpx2
import orjson

from assistants_emulator.config import TOKEN_VARIABLE, key_of_project, project_of_key
from assistants_emulator.errors import EmulatorError, ScriptError
from assistants_emulator.handle import FaultsHandle, Leftovers
from assistants_emulator.object_kinds import ObjectKind
from assistants_emulator.project.faults import FAULT_FIELDS, Fault
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.project.state_file import ObjectAdder, derived_id, read_state
from assistants_emulator.responders.replies import (
    Cancel,
    Chunk,
    CodeInterpreter,
    Expire,
    Fail,
    FileSearch,
    FunctionCall,
    Incomplete,
    Pause,
    Refusal,
    Step,
    Text,
    Usage,
    Wait,
    as_replies,
)
from assistants_emulator.responders.rules import second_fallback
from assistants_emulator.responders.scripts.load import load_script
from assistants_emulator.server.sdk_clients import make_async_client, make_client
from assistants_emulator.store import Object
from assistants_emulator.sweep import Variant
from assistants_emulator.web.auth import TOKEN_HEADER
from pytest_assistants_emulator.marker import Settings

if TYPE_CHECKING:
    from assistants_emulator.turns.invocation import Failure

ACTIONS: dict[type, str] = {
    Text: "text",
    CodeInterpreter: "code_interpreter",
    FileSearch: "file_search",
    Fail: "fail",
    Usage: "usage",
}
SINGLE_FIELD_ACTIONS: dict[type, tuple[str, str]] = {
    Refusal: ("refusal", "value"),
    Wait: ("wait", "seconds"),
    Incomplete: ("incomplete", "reason"),
}
FLAG_ACTIONS: dict[type, str] = {Pause: "pause", Expire: "expire", Cancel: "cancel"}


class AttachedServer:
    """An emulator at `url`, with or without `/v1`; EmulatorError if none answers there.

    With a `key` all tests have the project that it selects, one after another.
    """

    calls_upstream = False

    def __init__(self, url: str, key: str | None = None) -> None:
        self._name = None if key is None else project_of_key(key)
        self._url = url.rstrip("/").removesuffix("/v1")
        token = {TOKEN_HEADER.decode(): os.environ.get(TOKEN_VARIABLE, "")}
        self._http = httpx2.Client(
            base_url=self._url, headers=token, trust_env=False, verify=self._url.startswith("https")
        )
        request_json(self._http, "GET", "/_emulator/health", {})

    def open(self, name: str, seed: str, settings: Settings) -> AttachedProject:
        project = AttachedProject(self._http, self._url, self._name or name)
        project.control("POST", "reset", {"seed": seed})
        project.set_up(settings)
        return project

    def close(self, name: str) -> None:
        AttachedProject(self._http, self._url, self._name or name).reset()

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None:
        self._http.close()


class AttachedClock:
    """The project's clock, in unix seconds."""

    def __init__(self, project: AttachedProject) -> None:
        self._project = project

    def now(self) -> int:
        return int(self._project.control("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        self._project.control("POST", "clock", {"advance": seconds})

    def set(self, when: float) -> None:
        self._project.control("POST", "clock", {"set": when})


class AttachedProject(ObjectAdder):
    """A ProjectHandle as far as the control API goes; the rest is an EmulatorError that says so."""

    def __init__(self, http: httpx2.Client, url: str, name: str) -> None:
        self.name = name
        self.base_url = f"{url}/v1"
        self.api_key = key_of_project(name)
        self.clock = AttachedClock(self)
        self.faults = FaultsHandle(self._add_fault, self._fetch_faults, lambda: self.control("DELETE", "faults"))
        self.in_process = None
        self.failures: list[Failure] = []
        self.unmatched: list[str] = []
        self._http = http
        self._script = AttachedScript()
        self._added = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise EmulatorError(f"`{name}` is not available on an emulator that is used by --assistants-url")

    def set_up(self, settings: Settings) -> None:
        if settings.transport == "inprocess":
            raise EmulatorError("transport='inprocess' is for an emulator of this process, not one of --assistants-url")
        mode = self.control("GET", "clock")["mode"]
        if isinstance(settings.clock, str) and settings.clock != mode:
            raise EmulatorError(
                f"the emulator at {self.base_url} has a {mode} clock, and the test's marker asks for a "
                f"{settings.clock} one; start it with --clock {settings.clock}"
            )
        if settings.clock is not None and not isinstance(settings.clock, str):
            self.clock.set(settings.clock)
        if settings.script is not None:
            self.load_script(settings.script)
        if settings.state is not None:
            self.load_state(settings.state)

    @property
    def requests(self) -> RequestLog:
        answer = self.control("GET", "requests")
        log = RequestLog()
        for call in answer["data"]:
            raw = b"" if call["body"] is None else orjson.dumps(call["body"])
            log.add(call["method"], call["path"], raw, call["status"], call.get("fault"))
        log.total += answer.get("dropped", 0)
        return log

    def client(self, **options: Any) -> Any:
        return make_client(self.base_url, self.api_key, options)

    def async_client(self, **options: Any) -> Any:
        return make_async_client(self.base_url, self.api_key, options)

    def state(self) -> dict[str, Any]:
        tables: dict[str, Any] = self.control("GET", "state")
        return tables

    def load_state(self, state: str | Path | Mapping[str, Any]) -> None:
        self.control("PUT", "state", read_state(state))

    def _new_id(self, kind: ObjectKind) -> str:
        self._added += 1
        return derived_id(kind, self.name, str(self._added))

    def _add_state(self, state: Mapping[str, Any]) -> Mapping[str, list[Object]]:
        added: dict[str, list[Object]] = self.control("POST", "state", state)
        return added

    def load_script(self, script: str | Path | Mapping[str, Any]) -> None:
        self.control("PUT", "script", self._script.load(load_script(script).raw))

    def respond(self, *reply: Any, **options: Any) -> Any:
        """Add text, a reply or a list of replies to the script. Each call sends the whole script, so the counts of
        `times` start again."""
        self.control("PUT", "script", self._script.add(*reply, **options))
        return reply[0]

    def resume(self, run_id: str) -> None:
        self.control("POST", f"runs/{quote(run_id, safe='')}/resume")

    def transcript(self, id: str, *, portable: bool = False) -> str:
        answer = self.control("GET", f"transcripts/{quote(id, safe='')}?portable={str(portable).lower()}")
        return str(answer["transcript"])

    def transcripts(self, newest: int | None = None, *, portable: bool = False) -> dict[str, str]:
        number = "" if newest is None else newest
        answer = self.control("GET", f"transcripts?newest={number}&portable={str(portable).lower()}")
        return {row["id"]: row["transcript"] for row in answer["data"]}

    def variants(self) -> list[Variant]:
        return [Variant.parse(name) for name in self.control("GET", "variants")["data"]]

    def vary(self, variant: Variant) -> None:
        self.control("POST", "variant", {"name": variant.name})

    @property
    def variant_met(self) -> bool:
        return bool(self.control("GET", "variant")["met"])

    def reset(self) -> None:
        self._script = AttachedScript()
        self.control("POST", "reset")

    def leftovers(self) -> Leftovers:
        """The control API lists none of them."""
        return Leftovers(self.failures, self.unmatched, [])

    def control(self, method: str, call: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of a control call; EmulatorError if it is an error."""
        return request_json(self._http, method, f"/_emulator/{call}", self._headers, body)

    def _add_fault(self, fault: Fault) -> None:
        self.control("POST", "faults", {name: getattr(fault, name) for name in FAULT_FIELDS})

    def _fetch_faults(self) -> Iterator[Fault]:
        return map(Fault.from_json, self.control("GET", "faults")["data"])

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


def request_json(
    http: httpx2.Client, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
) -> Any:
    """The JSON of the answer; EmulatorError for an error answer, or where no emulator answers."""
    content = b"" if body is None else orjson.dumps(body)
    try:
        response = http.request(method, path, headers=headers, content=content)
        answer = response.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise EmulatorError(f"no emulator answers at {http.base_url}: {error}") from error
    if response.is_error:
        raise EmulatorError(answer["error"]["message"])
    return answer


class AttachedScript:
    """The script to send: rules of `respond` before those of the loaded script and their fallbacks after it, the order
    in which a project in this process tries them."""

    def __init__(self) -> None:
        self._responds: list[dict[str, Any]] = []
        self._loaded: list[dict[str, Any]] = []

    def load(self, script: Mapping[str, Any]) -> dict[str, Any]:
        self._loaded = list(script["replies"])
        return self._merged()

    def add(
        self, *reply: Any, when: Any = None, assistant: str | None = None, times: int | None = None, live: bool = False
    ) -> dict[str, Any]:
        """ScriptError for a reply or condition that only Python can express."""
        if not reply or callable(reply[0]) or callable(when) or live:
            _refuse("a Python function")
        if isinstance(when, re.Pattern):
            _refuse("a compiled pattern")
        condition = {"message": when} if isinstance(when, str) else dict(when or {})
        condition |= {"assistant": assistant} if assistant is not None else {}
        rule: dict[str, Any] = {"when": condition} if condition else {}
        rule |= {"times": times} if times is not None else {}
        if not rule and any(other.keys() == {"do"} for other in self._responds):
            raise ScriptError(second_fallback("one of `respond`"))
        self._responds.append({**rule, "do": [action(step) for step in as_replies(reply[0])]})
        return self._merged()

    def _merged(self) -> dict[str, Any]:
        fallbacks = [rule for rule in [*self._responds, *self._loaded] if rule.keys() == {"do"}]
        others = [rule for rule in [*self._responds, *self._loaded] if rule.keys() != {"do"}]
        return {"version": 1, "replies": [*others, *fallbacks[:1]]}


def action(step: Step) -> dict[str, Any]:
    """`{"text": {"value": "Hello"}}`. In a script braces that name something are filled in, also in these texts."""
    if isinstance(step, list):
        return {"function_calls": [_function_call(call) for call in step]}
    if isinstance(step, FunctionCall):
        return {"function_call": _function_call(step)}
    kind = type(step)
    if kind in FLAG_ACTIONS:
        return {FLAG_ACTIONS[kind]: True}
    if kind in SINGLE_FIELD_ACTIONS:
        name, field = SINGLE_FIELD_ACTIONS[kind]
        return {name: getattr(step, field)}
    if kind is Chunk:
        _refuse("a text that is still being made")
    fields = asdict(step)
    if kind not in ACTIONS or fields.pop("images", None) or fields.pop("files", None):
        _refuse("an image")
    if isinstance(step, Text) and step.then is not None:
        fields["then"] = action(step.then)
    return {ACTIONS[kind]: {name: value for name, value in fields.items() if value is not None}}


def _function_call(call: FunctionCall) -> dict[str, Any]:
    """Arguments as a string are taken as they stand, so braces in them are safe."""
    fields: dict[str, Any] = {"name": call.name, "arguments": call.arguments_json(), "id": call.id, "after": call.after}
    if call.then is not None:
        fields["then"] = action(call.then)
    return {name: value for name, value in fields.items() if value is not None}


def _refuse(what: str) -> NoReturn:
    raise ScriptError(
        f"{what} cannot be sent to the emulator that --assistants-url names; give listed replies or a script, or run "
        "this test without --assistants-url"
    )
