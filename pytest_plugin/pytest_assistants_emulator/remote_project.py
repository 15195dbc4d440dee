"""A test's project in an emulator of another process: a ProjectHandle by control calls."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from assistants_emulator.config import PROJECT_HEADER, RUN_HEADER, key_of_project
from assistants_emulator.errors import EmulatorError, Failure, NotFound, ScriptError
from assistants_emulator.handle import ClockHandle, FaultsHandle, Leftovers, ProjectHandle, require_name
from assistants_emulator.object_kinds import ObjectKind
from assistants_emulator.project.faults import FAULT_FIELDS, Fault
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.responders.remote import rule_as_json
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.sources import Call
from assistants_emulator.responders.turn import Turn
from assistants_emulator.server.sdk_clients import make_client
from assistants_emulator.sweep.effects import Variant
from pytest_assistants_emulator.control import Refused

if TYPE_CHECKING:
    from assistants_emulator.responders.scripts.load import Script
    from pytest_assistants_emulator.attached import RemoteServer
UNNAMED = "script"  # how the emulator calls a script that it has not read from a file
INPROCESS = "the transport 'inprocess' is for an emulator of this process, and this one is in another"


@contextmanager
def naming(script: object) -> Iterator[None]:
    """Name the script's file in errors, of which the emulator has the data only."""
    try:
        yield
    except EmulatorError as error:
        if isinstance(script, str | Path) and str(error).startswith(UNNAMED) and "\n" not in str(script):
            raise type(error)(f"{script}{str(error).removeprefix(UNNAMED)}") from None
        raise


class RemoteClock(ClockHandle):
    """The project's clock, in unix seconds."""

    def __init__(self, project: RemoteProject) -> None:
        self._remote = project

    def now(self) -> int:
        return int(self._remote.control("GET", "clock")["now"])

    def advance(self, seconds: float) -> None:
        self._remote.control("POST", "clock", {"advance": seconds})

    def set(self, when: float) -> None:
        self._remote.control("POST", "clock", {"set": when})


class RemoteProject(ProjectHandle):
    """A project of an emulator in another process. Exceptions that its Python rules raise are kept in this process."""

    def __init__(self, server: RemoteServer, name: str) -> None:
        self.name = name
        self.api_key = server.key_of(name)
        self._remote = server
        self._headers = {
            "Authorization": f"Bearer {key_of_project(name)}",
            PROJECT_HEADER.decode(): name,
        }
        self._raised: dict[str, list[BaseException]] = {}
        self._failures: list[Failure] = []
        self._unmatched: list[str] = []
        self._seen = [0, 0]
        self._calls: dict[str, Call | None] = {}
        self._places: dict[str, TracebackType | None] = {}

    def control(self, method: str, call: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of a control call about this project; EmulatorError for an error answer."""
        __tracebackhide__ = True
        try:
            return self.call(method, call, body)
        except Refused as error:
            raise EmulatorError(str(error)) from None

    def call(self, method: str, call: str, body: Mapping[str, Any] | None = None) -> Any:
        """As `control`, but Refused for an error answer."""
        return self._remote.control.call(method, call, self._headers, body)

    # What the code of its rules needs

    def keep(self, run_id: str, error: BaseException) -> None:
        """Keep what code of ours raised, until the emulator says that the run has failed for it."""
        self._raised.setdefault(run_id, []).append(error)

    def note_call(self, run_id: str, call: Call | None) -> None:
        """Note the call of a responder for the run."""
        self._calls[run_id] = call

    def note_place(self, run_id: str) -> None:
        """Note the line at which the run's responder waits, which is about to be left."""
        if (call := self._calls.pop(run_id, None)) is not None:
            self._places[run_id] = call.place()

    def turn(self, id: str, shown: Mapping[str, Any]) -> Turn:
        """The turn that the emulator has shown; the rest of it is looked up there."""
        source = RemoteTurnSource(self, id, shown)
        run, assistant, thread = shown["run"], shown["assistant"], shown["thread"]
        turn = Turn(run, assistant, thread, source, api=shown["api"], request=shown["request"])
        turn.outputs = shown["outputs"]
        return turn

    # The handle

    @property
    def base_url(self) -> str:
        return f"{self._remote.url}/v1"

    def project(self, name: str) -> ProjectHandle:
        require_name(name)
        whole = f"{self.name}/{name}"
        other = self._remote.handle(whole)
        other.control("GET", "clock")  # opens it
        return other

    @property
    def clock(self) -> ClockHandle:
        return RemoteClock(self)

    @property
    def faults(self) -> FaultsHandle:
        def add(fault: Fault) -> None:
            self.control("POST", "faults", {name: getattr(fault, name) for name in FAULT_FIELDS})

        def fetch() -> Iterator[Fault]:
            return map(Fault.from_json, self.control("GET", "faults")["data"])

        return FaultsHandle(add, fetch, lambda: self.control("DELETE", "faults"))

    @property
    def requests(self) -> RequestLog:
        answer = self.control("GET", "log")
        log = RequestLog()
        for call in answer["data"]:
            body = None if call["answer"] is None else base64.b64decode(call["answer"])
            fields = (call["method"], call["path"], base64.b64decode(call["raw"]), call["status"], call["fault"], body)
            log.add(*fields, call["seconds"], call["started"]).streamed = call["streamed"]
        log.total = answer["total"]
        return log

    @property
    def failures(self) -> list[Failure]:
        self._fetch(settle=False)
        return self._failures

    @property
    def unmatched(self) -> list[str]:
        self._fetch(settle=False)
        return self._unmatched

    def rule_verdicts(self) -> dict[str, list[str]]:
        verdicts: dict[str, list[str]] = self.control("GET", "verdicts")["verdicts"]
        return verdicts

    def leftovers(self) -> Leftovers:
        answer = self._fetch(settle=True)
        return Leftovers(
            self._failures,
            self._unmatched,
            answer["unused"],
            answer["is_settled"],
            answer["slept"],
            tuple(answer["remarks"]),
            tuple(answer["open_runs"]),
            answer["is_missing_ids"],
        )

    def configure(
        self,
        *,
        seed: str | None = None,
        clock: str | None = None,
        autojump: bool = False,
        transport: str | None = None,
    ) -> None:
        if transport == "inprocess":
            raise EmulatorError(INPROCESS)
        self.control("POST", "configure", {"seed": seed, "clock": clock, "autojump": autojump})

    @property
    def in_process(self) -> None:
        return None

    def _add_rule(self, rule: Rule) -> None:
        origin = None if rule.origin is None else f"{rule.origin!r} {id(rule.origin)}"
        body = {**rule_as_json(rule), "url": self._remote.code.add(rule, self), "origin": origin}
        self._checked("POST", "rules", body)

    def load_script(self, script: str | Path | Mapping[str, Any] | Script) -> None:
        with naming(script):
            self._checked("PUT", "script", self._remote.script_of(cast(Any, script)))

    def state(self) -> dict[str, list[dict[str, Any]]]:
        tables: dict[str, list[dict[str, Any]]] = self.control("GET", "state")
        return tables

    def load_state(self, state: str | Path | Mapping[str, Any]) -> None:
        self.control("PUT", "state", self._remote.state_of(state))

    def _new_id(self, kind: ObjectKind) -> str:
        return str(self.control("POST", "ids", {"kind": kind.name})["id"])

    def _add_state(self, state: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        added: dict[str, list[dict[str, Any]]] = self.control("POST", "state", state)
        return added

    def resume(self, run_id: str) -> None:
        try:
            self.call("POST", f"runs/{quote(run_id, safe='')}/resume")
        except Refused:
            raise EmulatorError(f"{run_id} is not paused in project {self.name}") from None

    def transcript(self, id: str, *, portable: bool = False) -> str:
        query = "?portable=true" if portable else ""
        return str(self.control("GET", f"transcripts/{quote(id, safe='')}{query}")["transcript"])

    def transcripts(self, newest: int | None = None, *, portable: bool = False) -> dict[str, str]:
        query = {"portable": str(portable).lower(), **({} if newest is None else {"newest": newest})}
        answer = self.control("GET", f"transcripts?{urlencode(query)}")
        return {entry["id"]: entry["transcript"] for entry in answer["data"]}

    def reset(self) -> None:
        self.control("POST", "reset")
        self._failures, self._unmatched, self._seen = [], [], [0, 0]
        self._raised.clear()

    def variants(self) -> list[Variant]:
        return [Variant.parse(name) for name in self.control("GET", "variants")["data"]]

    def vary(self, variant: Variant) -> None:
        try:
            self.call("POST", "variant", {"name": variant.name})
        except Refused as error:
            raise ValueError(str(error)) from None

    @property
    def variant_met(self) -> bool:
        return bool(self.control("GET", "variant")["met"])

    def _checked(self, method: str, call: str, body: Mapping[str, Any]) -> None:
        """A call whose refusal is a mistake in a script or rule."""
        __tracebackhide__ = True
        try:
            self.call(method, call, body)
        except Refused as error:
            raise ScriptError(str(error)) from None

    def _fetch(self, settle: bool) -> Any:
        """The leftovers; failures and unmatched runs that are new are added to the lists, from which tests take out."""
        answer = self.control("POST", "leftovers", {"settle": settle})
        failures = _unseen(answer["failures"], answer["dropped"][0], self._seen, 0)
        self._failures += [Failure(each["run_id"], self._error_of(each)) for each in failures]
        self._unmatched += _unseen(answer["unmatched"], answer["dropped"][1], self._seen, 1)
        return answer

    def _error_of(self, failure: Mapping[str, Any]) -> BaseException:
        if failure["kind"] == "kept" and (raised := self._raised.get(failure["run_id"])):
            return raised.pop(0)
        if failure["kind"] == "other":
            return EmulatorError(f"{failure['type']}: {failure['text']}")
        call = self._calls.get(failure["run_id"])
        place = self._places.get(failure["run_id"]) if call is None else call.place()
        return ScriptError(failure["text"]).with_traceback(place)


class RemoteTurnSource:
    """The TurnSource of a run in another process; called from any thread."""

    def __init__(self, project: RemoteProject, id: str, shown: Mapping[str, Any]) -> None:
        self._project = project
        self._id = id
        self._shown = shown

    def messages(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._look_up("messages"))

    def last_message(self) -> dict[str, Any] | None:
        message: dict[str, Any] | None = self._shown["last_message"]
        return message

    def steps(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._look_up("steps"))

    def search(self, query: str, max_num_results: int | None) -> list[Any]:
        hits = self._look_up("search", query=query, max_num_results=max_num_results)
        return [RemoteHit(**hit) for hit in hits]

    def file(self, file_id: str) -> tuple[dict[str, Any], bytes]:
        try:
            answer = self._look_up("file", file_id=file_id)
        except Refused as error:
            raise (NotFound(str(error)) if error.status == NotFound.status else error) from None
        return answer["file"], base64.b64decode(answer["content_base64"])

    def client(self, **options: Any) -> Any:
        headers = {**options.pop("default_headers", {}), RUN_HEADER.decode(): self._id}
        options = {**options, "default_headers": headers}
        return make_client(self._project.base_url, key_of_project(self._project.name), options)

    def may_run_code(self) -> bool:
        return bool(self._shown["may_run_code"])

    def _look_up(self, name: str, **arguments: Any) -> Any:
        body = {"id": self._id, "name": name, "arguments": arguments}
        return self._project.call("POST", "look-up", body)["value"]


class RemoteHit:
    """A result of `turn.search`."""

    def __init__(self, file_id: str, filename: str, score: float, text: str) -> None:
        self.file_id = file_id
        self.filename = filename
        self.score = score
        self.text = text


def _unseen(items: Sequence[Any], dropped: int, seen: list[int], index: int) -> list[Any]:
    """The items that came since the last look; `dropped` older ones are no longer among them."""
    new = list(items[max(0, seen[index] - dropped) :])
    seen[index] = dropped + len(items)
    return new
