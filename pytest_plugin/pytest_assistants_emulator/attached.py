"""`--assistants-url`: the same handle over the control API of an emulator that somebody else has started.

Python code cannot be sent there, so responders are scripts; exceptions and unmatched runs show in a run's `last_error`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import httpx2
import orjson

from assistants_emulator.config import TOKEN_VARIABLE, key_of_project
from assistants_emulator.errors import EmulatorError
from assistants_emulator.handle import FaultsHandle, Leftovers
from assistants_emulator.project import transcript as texts
from assistants_emulator.project.faults import FAULT_FIELDS, Fault
from assistants_emulator.project.request_log import LoggedRequest, RequestLog
from assistants_emulator.project.state import read_state
from assistants_emulator.responders.scripts.load import load_script
from assistants_emulator.server.sdk_clients import make_async_client, make_client
from assistants_emulator.store import Object
from assistants_emulator.web.auth import TOKEN_HEADER
from pytest_assistants_emulator.attached_script import AttachedScript
from pytest_assistants_emulator.marker import Settings

if TYPE_CHECKING:
    from assistants_emulator.handle import ProjectHandle
    from assistants_emulator.turns.invocation import Failure


Get = Callable[[str], Any]
THREAD = re.compile(r"/v1/threads/(thread_\w+)")


def thread_ids(requests: Iterable[LoggedRequest]) -> list[str]:
    """The threads that requests named, in the order in which each was named first."""
    return list(dict.fromkeys(found[1] for call in requests if (found := THREAD.match(call.path))))


def transcript(get: Get, thread_id: str) -> str:
    return texts.transcript(_RebuiltStore(get, thread_id), thread_id)


class _RebuiltStore:
    """As much of a Store as a transcript asks for: the objects of one thread, and the places of messages and runs."""

    def __init__(self, get: Get, thread_id: str) -> None:
        messages = [{"status": "completed", **message} for message in _all(get, f"/threads/{thread_id}/messages")]
        runs = _all(get, f"/threads/{thread_id}/runs")
        steps = [step for run in runs for step in _all(get, f"/threads/{thread_id}/runs/{run['id']}/steps")]
        self._tables = {"messages": messages, "runs": runs, "steps": steps}
        self._places = {message["id"]: place for place, message in enumerate(messages, 1)}
        for run in runs:
            self._places[run["id"]] = sum(message["created_at"] <= run["created_at"] for message in messages)

    def get(self, table: str, id: str) -> Object | None:
        return next((found for found in self._tables[table] if found["id"] == id), None)

    def of(self, table: str, field: str, parent: str) -> list[Object]:
        return [found for found in self._tables[table] if found.get(field) == parent]

    def number(self, table: str, id: str) -> int:
        return self._places[id]


def _all(get: Get, path: str) -> list[Object]:
    found: list[Object] = []
    more = True
    while more:
        after = f"&after={found[-1]['id']}" if found else ""
        page = get(f"{path}?order=asc&limit=100{after}")
        found += page["data"]
        more = page["has_more"] and bool(page["data"])
    return found


class AttachedServer:
    """`url` with or without `/v1`; EmulatorError if no emulator answers there."""

    reaches_out = False

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        token = {TOKEN_HEADER.decode(): os.environ.get(TOKEN_VARIABLE, "")}
        self._http = httpx2.Client(
            base_url=self._url, headers=token, trust_env=False, verify=self._url.startswith("https")
        )
        ask(self._http, "GET", "/_emulator/health", {})

    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle:
        project = AttachedProject(self._http, self._url, name)
        project.ask("POST", "reset", {"seed": seed})
        project.set_up(settings)
        return cast("ProjectHandle", project)

    def close(self, name: str) -> None:
        AttachedProject(self._http, self._url, name).reset()

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None:
        self._http.close()


class AttachedClock:
    """As the handle's clock."""

    def __init__(self, project: AttachedProject) -> None:
        self._project = project

    def now(self) -> int:
        return int(self._project.ask("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        self._project.ask("POST", "clock", {"advance": seconds})

    def set(self, when: float) -> None:
        self._project.ask("POST", "clock", {"set": when})


class AttachedFaults(FaultsHandle):
    """As the handle's faults. Those that are looked at are copies."""

    def __init__(self, project: AttachedProject) -> None:
        self._attached = project

    def clear(self) -> None:
        self._attached.ask("DELETE", "faults")

    def __iter__(self) -> Iterator[Fault]:
        return map(Fault.from_json, self._attached.ask("GET", "faults")["data"])

    def _put(self, fault: Fault) -> None:
        self._attached.ask("POST", "faults", {name: getattr(fault, name) for name in FAULT_FIELDS})


class AttachedProject:
    """A ProjectHandle as far as the control API goes; what it cannot do is an EmulatorError that says so."""

    def __init__(self, http: httpx2.Client, url: str, name: str) -> None:
        self.name = name
        self.base_url = f"{url}/v1"
        self.api_key = key_of_project(name)
        self.clock = AttachedClock(self)
        self.faults = AttachedFaults(self)
        self.door = None
        self.failures: list[Failure] = []
        self.unmatched: list[str] = []
        self._http = http
        self._script = AttachedScript()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise EmulatorError(f"`{name}` is not available on an emulator that is used by --assistants-url")

    def set_up(self, settings: Settings) -> None:
        if settings.transport == "inprocess":
            raise EmulatorError("transport='inprocess' is for an emulator of this process, not one of --assistants-url")
        mode = self.ask("GET", "clock")["mode"]
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
        answer = self.ask("GET", "requests")
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
        found: dict[str, Any] = self.ask("GET", "state")
        return found

    def load_state(self, state: str | Path | Mapping[str, Any]) -> None:
        self.ask("PUT", "state", read_state(state))

    def load_script(self, script: str | Path | Mapping[str, Any]) -> None:
        self.ask("PUT", "script", self._script.load(load_script(script).raw))

    def respond(self, *reply: Any, **options: Any) -> Any:
        """Text, a reply or a list of replies, put as a script. Each call puts all anew, so `times` count from there."""
        self.ask("PUT", "script", self._script.add(*reply, **options))
        return reply[0]

    def resume(self, run_id: str) -> None:
        self.ask("POST", f"runs/{quote(run_id, safe='')}/resume")

    def transcript(self, thread_id: str) -> str:
        return transcript(self.get, thread_id)

    def transcripts(self, newest: int) -> dict[str, str]:
        return {thread_id: self.transcript(thread_id) for thread_id in thread_ids(self.requests)[-newest:]}

    def reset(self) -> None:
        self._script = AttachedScript()
        self.ask("POST", "reset")

    def leftovers(self) -> Leftovers:
        """Nothing is known of them from here but by looking at runs."""
        return Leftovers(self.failures, self.unmatched, [])

    def ask(self, method: str, call: str, body: Mapping[str, Any] | None = None) -> Any:
        """What a control call answers; EmulatorError if it is an error."""
        return ask(self._http, method, f"/_emulator/{call}", self._headers, body)

    def get(self, path: str) -> Any:
        """What the API answers at a path below `/v1`."""
        return ask(self._http, "GET", f"/v1{path}", {**self._headers, "OpenAI-Beta": "assistants=v2"})

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


def ask(
    http: httpx2.Client, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
) -> Any:
    content = b"" if body is None else orjson.dumps(body)
    try:
        answer = http.request(method, path, headers=headers, content=content)
        found = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise EmulatorError(f"no emulator answers at {http.base_url}: {error}") from error
    if answer.is_error:
        raise EmulatorError(found["error"]["message"])
    return found
