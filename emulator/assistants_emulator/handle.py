"""The public handle of a project: usable from any thread while the server runs.

Without the server's libraries it can be imported, for an emulator in another process.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, Unpack, cast, overload

from assistants_emulator.config import TRANSPORTS
from assistants_emulator.environment import environment
from assistants_emulator.errors import EmulatorError, Failure, unknown_option
from assistants_emulator.object_kinds import ObjectKind
from assistants_emulator.project.faults import Fault
from assistants_emulator.project.request_log import RequestLog
from assistants_emulator.project.state_file import ObjectAdder, read_state
from assistants_emulator.responders.rules import Rule
from assistants_emulator.responders.scripts.load import Script, load_script
from assistants_emulator.responders.sources import Responder, as_source
from assistants_emulator.responders.turn import Turn
from assistants_emulator.server.inprocess import InProcessServer
from assistants_emulator.server.loop import LoopThread
from assistants_emulator.server.sdk_clients import ClientOptions, make_async_client, make_client
from assistants_emulator.sweep.effects import Variant

if TYPE_CHECKING:
    import openai

    from assistants_emulator.project.project import Project
    from assistants_emulator.project.state import State
    from assistants_emulator.store.steps import Steps

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])
Answering = TypeVar("Answering", bound=Callable[[Turn], object] | Callable[[], object])
Condition: TypeAlias = str | re.Pattern[str] | Mapping[str, Any] | Callable[[Turn], object] | None


class _Decorator:
    """The default of `respond`'s reply, for its use as a decorator."""

    def __repr__(self) -> str:
        return "<the decorated function>"


DECORATOR: Any = _Decorator()


def named_options(function: Function) -> Function:
    """Refuse keywords that the function does not take, with a TypeError that suggests the right one."""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    call = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        for name in options:
            if name not in names:
                raise unknown_option(call, name, names)
        return function(*args, **options)

    return cast(Function, checked)


def _caller() -> object:
    """The code that called this module: a function's, or a module's."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code


def require_name(name: str) -> None:
    """EmulatorError for a project's name that no header can carry."""
    if not name.isascii() or not name.isprintable() or name != name.strip() or not name:
        raise EmulatorError(f"a project's name is carried in a header, so it is printable ASCII: {name!r} is not")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Problems at a test's end: exceptions of responders, runs without a rule, rules and faults with `times` left.

    `is_settled` is False if a run was still at work after `settle_seconds`. `slept` are the real seconds between looks
    at a run, `remarks` lines about what may surprise, `open_runs` lines about runs that still wait for tool outputs.
    `is_missing_ids`: a call was answered with a 404.
    """

    failures: list[Failure]
    unmatched: list[str]
    unused: list[str]
    is_settled: bool = True
    slept: float = 0.0
    remarks: tuple[str, ...] = ()
    open_runs: tuple[str, ...] = ()
    is_missing_ids: bool = False


class Server(Protocol):
    """The server that handles reach. Its attributes raise StoppedError while it does not run."""

    @property
    def loop(self) -> LoopThread: ...

    @property
    def in_process(self) -> InProcessServer: ...

    @property
    def base_url(self) -> str: ...

    def open_project(self, name: str) -> Project:
        """The project, created at its first use; on the loop only."""
        ...

    def key_of(self, name: str) -> str:
        """The API key that selects the project."""
        ...

    def name_beside(self, name: str, other: str) -> str:
        """The whole name of the project that the handle of the project `other` calls `name`."""
        ...


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
        self._loop.wait(self._loop.call(self._project).scheduler.move_clock(when))


class FaultsHandle:
    """The project's injected faults, applied in the order they were added; iteration yields a snapshot."""

    def __init__(
        self, add: Callable[[Fault], object], fetch: Callable[[], Iterable[Fault]], clear: Callable[[], object]
    ) -> None:
        self._add = add
        self._fetch = fetch
        self._clear = clear

    @named_options
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
        self._add(Fault(route, status, message, code, delay, drop_after, stuck, malformed, times, probability))

    def clear(self) -> None:
        self._clear()

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._fetch())


class ProjectHandle(ObjectAdder):
    """One project of a running emulator, usable from any thread.

    `base_url` and `api_key` configure a client of any language; `client()` returns the Python SDK's, configured. Where
    the emulator does not run, everything that needs it raises StoppedError.
    """

    def __init__(self, server: Server, name: str) -> None:
        self.name = name
        self.api_key = server.key_of(name)
        self._server = server

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT/v1`."""
        return self._server.base_url

    def project(self, name: str) -> ProjectHandle:
        """Another project of the same server, with a key of its own; in a test it is the test's own too.

        EmulatorError for a name that no header can carry.
        """
        require_name(name)
        return ProjectHandle(self._server, self._server.name_beside(name, self.name))

    @property
    def clock(self) -> ClockHandle:
        return ClockHandle(self._server.loop, self._project)

    @property
    def faults(self) -> FaultsHandle:
        loop = self._server.loop
        return FaultsHandle(
            lambda fault: loop.call(lambda: self._project().faults.add(fault)),
            lambda: loop.call(lambda: list(self._project().faults)),
            lambda: loop.call(lambda: self._project().faults.clear()),
        )

    @property
    def requests(self) -> RequestLog:
        """The newest 10,000 calls, 64 MB at most, oldest first: `method`, `path`, `body`, `status`; `dropped` counts
        the others."""
        return self._do(lambda project: project.requests.copy())

    @property
    def failures(self) -> list[Failure]:
        """The exceptions that responders raised or that broke off a stream: `run_id` and `error` of each; not a copy.

        An exception that is left in it when a test ends fails the test; a test that expects one takes it out:
        `assert "no such city" in str(assistants_emulator.failures.pop().error)`.
        """
        return self._do(lambda project: project.scheduler.failures)

    @property
    def unmatched(self) -> list[str]:
        """A text for each run that no rule matched: its last message and each rule's condition. The list itself."""
        return self._do(lambda project: project.scheduler.unmatched)

    def rule_verdicts(self) -> dict[str, list[str]]:
        """A line for each rule that was tried, with the reason that it did not answer, by the id of each newest run."""
        return self._do(lambda project: project.scheduler.verdicts())

    def leftovers(self) -> Leftovers:
        """The leftovers once every run has ended or waits for outputs, the clock or a resume."""
        settled = self._do(lambda project: self._current_leftovers() if project.scheduler.is_settled else None)
        return settled or self._server.loop.wait(self._leftovers())

    def configure(
        self,
        *,
        seed: str | None = None,
        clock: str | None = None,
        autojump: bool = False,
        transport: str | None = None,
    ) -> None:
        """Set the seed of ids, the clock (`manual` or `system`) and the transport of clients (`socket` or `inprocess`).
        To be called before the project is used."""
        if transport not in (None, *TRANSPORTS):
            raise EmulatorError(f"transport is 'socket' or 'inprocess', not {transport!r}")
        self._server.loop.soon(
            lambda: self._project().configure(seed=seed, clock=clock, autojump=autojump, transport=transport)
        )

    @property
    def in_process(self) -> InProcessServer | None:
        """The server that this project's clients call without a socket; None where they use the socket."""
        return self._server.in_process if self._do(lambda project: project.transport) == "inprocess" else None

    def client(self, **options: Unpack[ClientOptions]) -> openai.OpenAI:
        """An `openai.OpenAI` for this project, made with these options."""
        client: openai.OpenAI = make_client(self.base_url, self.api_key, dict(options), self.in_process)
        return client

    def async_client(self, **options: Unpack[ClientOptions]) -> openai.AsyncOpenAI:
        """As `client`, an `openai.AsyncOpenAI`."""
        client: openai.AsyncOpenAI = make_async_client(self.base_url, self.api_key, dict(options), self.in_process)
        return client

    @contextmanager
    def environment(self, *, guard: bool = True) -> Iterator[None]:
        """Point `OpenAI()` and `AzureOpenAI()` at this project until the end of a `with` block, by the variables that
        they read. With `guard` the hosted API's address cannot be looked up meanwhile: EmulatorError at the end of the
        block if a client tried."""
        with environment(self.base_url, self.api_key, with_guard=guard):
            yield

    @overload
    def respond(
        self, *, when: Condition = ..., assistant: str | None = ..., times: int | None = ..., live: bool = ...
    ) -> Callable[[Answering], Answering]: ...

    @overload
    def respond(
        self,
        reply: Answering,
        *,
        when: Condition = ...,
        assistant: str | None = ...,
        times: int | None = ...,
        live: bool = ...,
    ) -> Answering: ...

    @overload
    def respond(
        self,
        reply: Responder,
        *,
        when: Condition = ...,
        assistant: str | None = ...,
        times: int | None = ...,
        live: bool = ...,
    ) -> Responder: ...

    @named_options
    def respond(
        self,
        reply: Any = DECORATOR,
        *,
        when: Condition = None,
        assistant: str | None = None,
        times: int | None = None,
        live: bool = False,
    ) -> Any:
        """Answer runs with text, a reply, a list of replies, or a function of the turn (also as a decorator).

        `when` is a pattern searched for in the last user message, a dict as in script files, or a function of the
        turn; `assistant` a name or id; `times` how often the rule is used. Without `when` and `times` it is the
        fallback. `live` marks a slow responder, for which requests do not wait. ScriptError for a mistake in any of
        these.
        """
        if reply is DECORATOR:
            return lambda function: self.respond(function, when=when, assistant=assistant, times=times, live=live)
        label = f"respond({getattr(reply, '__name__', type(reply).__name__)})"
        origin = _caller()
        self._add_rule(Rule(as_source(reply), when, assistant, times, live, label, origin))
        return reply

    def _add_rule(self, rule: Rule) -> None:
        self._do(lambda project: project.rules.add(rule))

    def load_script(self, script: str | Path | Mapping[str, Any] | Script) -> None:
        """Load a script from a file or a dict, in the place of the script before; ScriptError for a mistake in it."""
        loaded = script if isinstance(script, Script) else load_script(script)
        self._do(lambda project: project.set_script(loaded))

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """All objects by table, as the API renders them under v2; files carry their bytes as `content_base64`."""
        from assistants_emulator.store.steps import run_in_turns

        return self._server.loop.wait(run_in_turns(self._do(_state)))

    def load_state(self, state: str | Path | Mapping[str, Any]) -> None:
        """Replace all objects by those of a state file or dict; EmulatorError for one that the API cannot have."""
        from assistants_emulator.store.steps import run_in_turns

        loaded = read_state(state)
        self._server.loop.wait(run_in_turns(self._do(lambda project: project).load_state(loaded)))

    def _new_id(self, kind: ObjectKind) -> str:
        return self._do(lambda project: project.context.ids.new(kind.name))

    def _add_state(self, state: Mapping[str, Any]) -> State:
        async def add() -> State:
            return await self._project().add_state(state)

        return self._server.loop.wait(add())

    def resume(self, run_id: str) -> None:
        """Resume a paused run; EmulatorError if it is not paused."""
        if not self._do(lambda project: project.scheduler.resume(run_id)):
            raise EmulatorError(f"{run_id} is not paused in project {self.name}")

    def transcript(self, id: str, *, portable: bool = False) -> str:
        """A line for each message, tool call and run status, in order, without times.

        `id` is a thread's, a conversation's, or that of the last response of a chain. A `portable` transcript is the
        same text for the same behaviour before and after a port to the Responses API. EmulatorError for an unknown id.
        """
        self._server.loop.wait(self._settled(id))
        return self._do(lambda project: self._transcript(project, id, portable))

    def transcripts(self, newest: int | None = None, *, portable: bool = False) -> dict[str, str]:
        """The transcripts of threads, conversations and chains by id, in the order of first use; of the newest only,
        where a number is given. Does not wait for runs or responses."""
        return self._do(partial(_transcripts, newest=newest, portable=portable))

    def reset(self) -> None:
        """Remove objects, scripts, rules and requests, and start clock and ids from the beginning."""
        self._do(lambda project: project.reset())

    def variants(self) -> list[Variant]:
        """All variants of the calls so far: each with one thing that can go wrong there (see `sweep.effects`).

        In the order of the calls' arrival, and for one call in the order of EFFECTS.
        """
        return self._do(lambda project: project.context.calls.variants())

    def vary(self, variant: Variant) -> None:
        """Let the variant happen to one of the next calls, which are counted from the last reset.

        A variant before it is forgotten. ValueError for an effect or route that there is not.
        """
        self._do(lambda project: project.vary(variant))

    @property
    def variant_met(self) -> bool:
        """True once the call of the variant came and its effect happened."""
        return self._do(lambda project: project.context.calls.is_met)

    def _transcript(self, project: Project, id: str, portable: bool) -> str:
        from assistants_emulator.project.transcript import no_transcript, transcript_of

        text = transcript_of(project.context.store, id, portable)
        if text is None:
            raise EmulatorError(no_transcript(id, self.name))
        return text

    async def _leftovers(self) -> Leftovers:
        await self._project().scheduler.settle_all()
        return self._current_leftovers()

    def _current_leftovers(self) -> Leftovers:
        from assistants_emulator.project.transcript import open_calls

        project = self._project()
        scheduler = project.scheduler
        scheduler.held.end_all()
        slept, remarks = project.requests.seconds_between_looks(), tuple(project.context.remarks)
        faults = [text for fault in project.faults if (text := fault.leftover())]
        unused = [*scheduler.rules.unused(), *faults]
        open_runs = open_calls(project.context.store)
        is_missing_ids = project.requests.has_status(404)
        return Leftovers(
            scheduler.failures,
            scheduler.unmatched,
            unused,
            scheduler.is_settled,
            slept,
            remarks,
            open_runs,
            is_missing_ids,
        )

    async def _settled(self, thread_id: str) -> None:
        await self._project().scheduler.settle(thread_id)

    def _do(self, function: Callable[[Project], T]) -> T:
        return self._server.loop.call(lambda: function(self._project()))

    def _project(self) -> Project:
        return self._server.open_project(self.name)


def _state(project: Project) -> Steps[dict[str, list[dict[str, Any]]]]:
    from assistants_emulator.project.state import get_state

    project.scheduler.held.end_all()
    return (yield from get_state(project.context))


def _transcripts(project: Project, newest: int | None, portable: bool) -> dict[str, str]:
    from assistants_emulator.project.transcript import transcripts

    project.scheduler.held.end_all()
    return transcripts(project.context.store, newest, portable)
