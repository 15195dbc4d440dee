"""A project as its users hold it: from any thread, beside a running server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

from assistants_emulator.config import TRANSPORTS
from assistants_emulator.errors import EmulatorError
from assistants_emulator.project.faults import Fault
from assistants_emulator.project.project import Project
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.project.state import get_state, read_state
from assistants_emulator.project.transcript import transcript, transcripts
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.responders.sources import Responder, as_source
from assistants_emulator.responders.turn import Turn
from assistants_emulator.server.inprocess import InProcessServer
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.server.sdk_clients import make_async_client, make_client
from assistants_emulator.turns.invocation import Failure

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[[Turn], object] | Callable[[], object])
MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a test should not end with: exceptions of responders, runs that no rule wanted, rules with `times` left."""

    failures: list[Failure]
    unmatched: list[str]
    unused: list[str]


class ClockHandle:
    """The project's clock, in unix seconds."""

    def __init__(self, loop: LoopThread, project: Callable[[], Project]) -> None:
        self._loop = loop
        self._project = project

    def now(self) -> int:
        return self._loop.call(lambda: self._project().context.clock.now())

    def advance(self, seconds: float) -> None:
        """Let time pass: runs are settled first, then at each deadline on the way."""
        self._loop.wait(self._loop.call(self._project).advance(seconds))

    def set(self, when: float) -> None:
        self._loop.wait(self._loop.call(self._project).driver.move_clock(when))


class FaultsHandle:
    """What goes wrong on purpose; faults strike in the order they were added."""

    def __init__(self, loop: LoopThread, project: Callable[[], Project]) -> None:
        self._loop = loop
        self._project = project

    def add(
        self,
        route: str,
        *,
        status: int | None = None,
        message: str | None = None,
        code: str | None = None,
        delay: float = 0.0,
        drop_after: int | None = None,
        stuck: bool = False,
        malformed: bool = False,
        times: int | None = None,
        probability: float = 1.0,
    ) -> None:
        """Add a fault (see `project.faults.Fault`): `add("POST /threads/*/runs", status=429, times=2)`."""
        self._put(Fault(route, status, message, code, delay, drop_after, stuck, malformed, times, probability))

    def clear(self) -> None:
        self._loop.call(lambda: self._project().faults.clear())

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._loop.call(lambda: list(self._project().faults)))

    def _put(self, fault: Fault) -> None:
        self._loop.call(lambda: self._project().faults.add(fault))


class ProjectHandle:
    """`base_url` and `api_key` are for clients of any language; `client()` is the Python SDK's, configured."""

    def __init__(
        self, loop: LoopThread, project: Callable[[], Project], base_url: str, api_key: str, door: InProcessServer
    ) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self.clock = ClockHandle(loop, project)
        self.faults = FaultsHandle(loop, project)
        self._loop = loop
        self._project = project
        self._door = door

    @property
    def name(self) -> str:
        return self._do(lambda project: project.name)

    @property
    def requests(self) -> RequestLog:
        """The newest 10,000 calls so far, oldest first: `method`, `path`, `body`, `status`; `dropped` counts others."""
        return self._do(lambda project: project.requests.copy())

    @property
    def failures(self) -> list[Failure]:
        """The exceptions that responders raised or that broke off a stream: `run_id` and `error` of each; not a copy.

        What is left in it when a test ends fails the test; a test that expects one takes it out:
        `assert "no such city" in str(assistants_emulator.failures.pop().error)`.
        """
        return self._do(lambda project: project.driver.failures)

    @property
    def unmatched(self) -> list[str]:
        """For each run that no rule wanted, what was asked and what each rule wanted. The list itself."""
        return self._do(lambda project: project.driver.unmatched)

    def leftovers(self) -> Leftovers:
        """Wait until every run waits for outputs, the clock or a resume, or is over; then what a test is told."""
        resting = self._do(lambda project: self._found() if project.driver.is_settled else None)
        return resting or self._loop.wait(self._leftovers())

    def configure(
        self,
        *,
        seed: str | None = None,
        clock: str | None = None,
        autojump: bool = False,
        transport: str | None = None,
    ) -> None:
        """Of a project that is not used yet: the seed of its ids, its clock (`manual` or `system`), and how its
        clients reach it (`socket` or `inprocess`)."""
        if transport not in (None, *TRANSPORTS):
            raise EmulatorError(f"transport is 'socket' or 'inprocess', not {transport!r}")
        self._loop.soon(
            lambda: self._project().configure(seed=seed, clock=clock, autojump=autojump, transport=transport)
        )

    @property
    def door(self) -> InProcessServer | None:
        """Where this project's clients come in; None for the socket."""
        return self._door if self._do(lambda project: project.transport) == "inprocess" else None

    def client(self, **options: Any) -> Any:
        """An `openai.OpenAI` for this project; `options` are its own."""
        return make_client(self.base_url, self.api_key, options, self.door)

    def async_client(self, **options: Any) -> Any:
        """An `openai.AsyncOpenAI` for this project."""
        return make_async_client(self.base_url, self.api_key, options, self.door)

    @overload
    def respond(
        self, *, when: object = ..., assistant: str | None = ..., times: int | None = ..., live: bool = ...
    ) -> Callable[[Function], Function]: ...

    @overload
    def respond(
        self,
        reply: Function,
        *,
        when: object = ...,
        assistant: str | None = ...,
        times: int | None = ...,
        live: bool = ...,
    ) -> Function: ...

    @overload
    def respond(
        self,
        reply: Responder,
        *,
        when: object = ...,
        assistant: str | None = ...,
        times: int | None = ...,
        live: bool = ...,
    ) -> Responder: ...

    def respond(
        self,
        reply: Any = MISSING,
        *,
        when: object = None,
        assistant: str | None = None,
        times: int | None = None,
        live: bool = False,
    ) -> Any:
        """What the assistant shall do: text, a reply, a list of replies, or a function of the turn (also as decorator).

        `when` is a pattern searched for in the last user message, a dict as in script files, or a function of the
        turn; `assistant` a name or id; `times` how often the rule is used. Without `when` and `times` it is the
        fallback. `live` marks a responder that takes its time: requests do not wait for it. ScriptError says what is
        wrong with any of these.
        """
        if reply is MISSING:
            return lambda function: self.respond(function, when=when, assistant=assistant, times=times, live=live)
        label = f"respond({getattr(reply, '__name__', type(reply).__name__)})"
        rule = Rule(as_source(reply), when=when, assistant=assistant, times=times, live=live, label=label)
        self._do(lambda project: project.rules.add(rule))
        return reply

    def load_script(self, script: str | Path | Mapping[str, Any] | Script) -> None:
        """A script file's path, or what it would say as a dict; it takes the place of the script before."""
        loaded = script if isinstance(script, Script) else load_script(script)
        self._do(lambda project: project.set_script(loaded))

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """All objects by table, as the API renders them under v2; files carry their bytes as `content_base64`."""
        return self._do(_state)

    def load_state(self, state: str | Path | Mapping[str, Any]) -> None:
        """Replace all objects by those of a state file or dict; EmulatorError says what no form of the API has."""
        loaded = read_state(state)
        self._do(lambda project: project.load_state(loaded))

    def resume(self, run_id: str) -> None:
        """Let a paused run go on; EmulatorError if it is not paused."""
        if not self._do(lambda project: project.driver.resume(run_id)):
            raise EmulatorError(f"{run_id} is not paused in project {self.name}")

    def transcript(self, thread_id: str) -> str:
        """A line for each message, tool call and run status of the thread, in order, without times."""
        self._loop.wait(self._settled(thread_id))
        return self._do(lambda project: transcript(project.context.store, thread_id))

    def transcripts(self, newest: int) -> dict[str, str]:
        """Those of the newest threads as they stand, by thread id, oldest first; waits for no run."""
        return self._do(partial(_transcripts, newest=newest))

    def reset(self) -> None:
        """Empty it: objects, scripts and rules, requests, clock, id counters."""
        self._do(lambda project: project.reset())

    async def _leftovers(self) -> Leftovers:
        await self._project().driver.settle_all()
        return self._found()

    def _found(self) -> Leftovers:
        driver = self._project().driver
        driver.held.end_all()
        return Leftovers(driver.failures, driver.unmatched, driver.rules.unused())

    async def _settled(self, thread_id: str) -> None:
        await self._project().driver.settle(thread_id)

    def _do(self, function: Callable[[Project], T]) -> T:
        return self._loop.call(lambda: function(self._project()))


def _state(project: Project) -> dict[str, list[dict[str, Any]]]:
    project.driver.held.end_all()
    return get_state(project.context)


def _transcripts(project: Project, newest: int) -> dict[str, str]:
    project.driver.held.end_all()
    return transcripts(project.context.store, newest)
