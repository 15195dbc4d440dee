"""One test that uses the emulator: its project, its environment, and its report when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from assistants_emulator import guard
from assistants_emulator.environment import set_variables
from assistants_emulator.errors import EmulatorError, text_of
from assistants_emulator.server.sdk_clients import httpx_of
from pytest_assistants_emulator.marker import Settings, ini_settings, settings_of
from pytest_assistants_emulator.report import REMARK, TITLE, missing_ids, of_earlier_tests, section
from pytest_assistants_emulator.servers import Handle, Server
from pytest_assistants_emulator.session import VIRTUAL_SLEEP, project_name
from pytest_assistants_emulator.teardown import Problems, without_own_frames

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from assistants_emulator.handle import Leftovers
    from pytest_assistants_emulator.session import RunningTest, Session

ADVICE = (
    "Point it at the emulator: OpenAI() reads OPENAI_BASE_URL and OPENAI_API_KEY when it is made. This fixture sets "
    "them for the test; for a client that is made on import, `assistants_environment = session` in pytest's ini file "
    "sets them before. Or pass base_url=assistants_emulator.base_url, api_key=assistants_emulator.api_key. "
    "`assistants_guard = false` turns this check off."
)


NO_CASSETTES = (
    "a cassette is replayed by this process, which has no {}: install assistants-emulator with its dependencies"
)


class ActiveTest:
    """A test whose project is used, until its teardown is over.

    `outcome` is that of the test's body, None until it ran. `escapes` are texts about clients that asked for the
    hosted API.
    """

    def __init__(
        self, session: Session, item: pytest.Item, server: Server, handle: Handle, *, with_unused: bool
    ) -> None:
        self.handle = handle
        self.outcome: str | None = None
        self.escapes: list[str] = []
        self._session = session
        self._item = item
        self._server = server
        self._with_unused = with_unused
        self._is_open = True
        self._section: str | None = None
        self._remarks: tuple[str, ...] = ()
        self._is_kept = False
        self._places: list[str] = []
        self._newest_leftovers: Leftovers | None = None

    def add_report(self, report: pytest.TestReport) -> None:
        """Note the outcome of the test's body, and add our section to the report of a failure."""
        if report.when == "call":
            self.outcome = "failed" if hasattr(report, "wasxfail") else report.outcome
        if not report.failed or (self._session.swept is not None and not self._session.swept.has_report):
            return
        if self._is_open and not self._session.is_varied:
            self._keep_what_can_be_looked_at(report.longreprtext)
        if text := self._section or (self._text(self.escapes) if self._is_open else None):
            report.sections.append((TITLE, "\n".join([text, *self._places])))

    def check(self) -> None:
        """Raise what went wrong unnoticed in the test's body, which has not failed itself."""
        __tracebackhide__ = _raised_by_a_responder
        leftovers = self._leftovers()
        if not self._item.config.getini(VIRTUAL_SLEEP) and self._session.swept is None:
            self._session.add_slept(leftovers.slept)
        self._raise(Problems.of(leftovers, self.escapes, with_unused=False))

    def raise_outcome(self, of: tuple[type[BaseException], ...]) -> None:
        """Raise the first of pytest's own outcomes, of these kinds, that a responder raised in the test's body."""
        __tracebackhide__ = True
        failures = self._leftovers().failures
        for index, failure in enumerate(failures):
            if isinstance(failure.error, of):
                del failures[index]
                raise without_own_frames(failure.error)

    def _leftovers(self) -> Leftovers:
        """Waits for what is under way, but not twice for the same blocked responder."""
        if self._newest_leftovers is None or self._newest_leftovers.is_settled:
            self._newest_leftovers = self.handle.leftovers()
        return self._newest_leftovers

    def finish(self) -> None:
        """Raise what went wrong since, and rules that were left over. A test that has failed does not fail twice."""
        __tracebackhide__ = _raised_by_a_responder
        if self.outcome != "failed" and not self._session.is_varied:
            with_unused = self._with_unused and self.outcome == "passed"
            leftovers = self._leftovers()
            fail_open = self._item.config.getini("assistants_open_runs") == "error" and with_unused
            left_open = [f"{line}, and the test ended without it" for line in leftovers.open_runs]
            earlier = self._calls_of_earlier_tests(leftovers)
            self._remarks = (*leftovers.remarks, *([] if fail_open else left_open), *earlier)
            problems = Problems.of(leftovers, self.escapes, with_unused=with_unused)
            problems.texts += left_open if fail_open else []
            self._raise(problems)

    def _calls_of_earlier_tests(self, leftovers: Leftovers) -> list[str]:
        """A line for each id of an earlier test that a call has named."""
        if not leftovers.is_missing_ids:
            return []
        return list(of_earlier_tests(self._session.server().earlier(missing_ids(self.handle.requests))))

    def close(self) -> None:
        """Close the project; a test that passed gets the server's remarks."""
        self._is_open = False
        if self._is_kept:
            return
        if self.outcome == "passed":
            remarks = (*self._server.remarks(), *self._remarks)
            self._item.user_properties += [(REMARK, text) for text in remarks]
        self._server.close(self.handle.name, self._item.nodeid)

    def _raise(self, problems: Problems) -> None:
        __tracebackhide__ = _raised_by_a_responder
        if problems:
            self._section = self._text(None)
            self._keep_what_can_be_looked_at("\n\n".join([*map(text_of, problems.errors), *problems.texts]))
            problems.fail()

    def _keep_what_can_be_looked_at(self, error: str) -> None:
        """Keep the project of the failing test for the inspector, and write its trace, where the options say so."""
        self._places = []
        server = self._session.server()
        if self._session.inspects and self._server is server:
            self._is_kept = True
            self._session.kept[self._item.nodeid] = url = server.inspector_url(self.handle.name)
            self._places.append(f"inspector: {url}")
        if (folder := self._session.trace_folder) is not None:
            from pytest_assistants_emulator.trace import write_trace

            self._places.append(f"trace: {write_trace(folder, self._item.nodeid, error, self.handle)}")

    def _text(self, escapes: list[str] | None) -> str:
        return section(self.handle, escapes, self._session.server().earlier)


def _raised_by_a_responder(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Hide our frame from a responder's error, which has frames of its own; `pytest.fail` needs one to be shown."""
    return not excinfo.errisinstance(pytest.fail.Exception)


@contextmanager
def open_test(item: pytest.Item, session: Session) -> Iterator[ActiveTest]:
    """The item's project, with the variables set and the guard on until the block ends; an unusable script fails the
    test. The project stays open until the test's teardown is over."""
    running = session.begin(item)
    settings = settings_of(item)
    server = server_for(session, settings)
    try:
        handle = server.open(running.name, settings.seed or item.nodeid, settings)
    except EmulatorError as error:
        server.close(running.name, item.nodeid)
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    if session.swept is not None:
        session.swept.begin(session.swept.handle)
    with_unused = settings.cassette is None  # a cassette need not be used up
    test = running.active = ActiveTest(session, item, server, handle, with_unused=with_unused)
    with pytest.MonkeyPatch.context() as patch, _sleeps(session, handle):
        set_variables(handle.base_url, handle.api_key, patch)
        if item.config.getini("assistants_guard") and not server.calls_upstream:
            guard.install(patch, test.escapes, ADVICE)
        yield test


def _sleeps(session: Session, handle: Handle) -> AbstractContextManager[None]:
    """Virtual sleeps where the ini file asks for them; a sweep has its own."""
    if not session.config.getini(VIRTUAL_SLEEP) or session.swept is not None:
        return nullcontext()
    from pytest_assistants_emulator.sleeps import install, virtual_sleeps

    install(session.config)
    return virtual_sleeps(handle)


@contextmanager
def open_module(node: pytest.Item | pytest.Collector, session: Session) -> Iterator[Handle]:
    """A project for a module's wider-scoped fixtures, with the variables set until the block ends. Tests that begin
    meanwhile start from a copy of its objects."""
    server = session.server()
    settings = Settings(**ini_settings(session.config, {}))
    name = project_name(node.nodeid)
    handle = server.open(name, node.nodeid, settings)
    session.set_module(name)
    try:
        with pytest.MonkeyPatch.context() as patch:
            set_variables(handle.base_url, session.key if session.is_whole else handle.api_key, patch)
            yield handle
        if problems := Problems.of(handle.leftovers(), [], with_unused=False):
            problems.fail()
    finally:
        session.set_module(None)
        server.close(name, node.nodeid)


def unrequested_test(running: RunningTest, session: Session) -> ActiveTest:
    """The test without a fixture of ours, of which a call has opened the project."""
    server = session.server()
    running.active = ActiveTest(session, running.item, server, server.handle(running.name), with_unused=True)
    return running.active


def server_for(session: Session, settings: Settings) -> Server:
    """The session's server, or for a test with a cassette one of its own."""
    server = session.server()
    if settings.cassette is None:
        return server
    try:
        from pytest_assistants_emulator.cassettes import CassetteServer, SemanticServer
    except ImportError as error:
        pytest.fail(NO_CASSETTES.format(error.name), pytrace=False)

    cassette_server = CassetteServer(session, settings.cassette)
    semantic = settings.replay == "semantic" and not cassette_server.calls_upstream
    return SemanticServer(server, settings.cassette) if semantic else cassette_server


def make_async_client(handle: Handle) -> AsyncOpenAI:
    """An async client for several event loops: the fixture is set up outside of any, and tests run their own.

    It keeps no connection after an answer, because a connection belongs to a loop that may be closed before it.
    """
    if handle.in_process is not None:
        return handle.async_client()
    from openai import _base_client
    from openai._constants import DEFAULT_TIMEOUT

    wrapper: Any = _base_client.AsyncHttpxClientWrapper
    limits = httpx_of(wrapper).Limits(max_keepalive_connections=0)
    http_client = wrapper(timeout=DEFAULT_TIMEOUT, follow_redirects=True, verify=False, trust_env=False, limits=limits)
    return handle.async_client(http_client=http_client)


def close_async_client(client: AsyncOpenAI) -> None:
    """Close it on a new loop, which will do since no connection is open. Where this thread's loop runs right now no
    other can, and none is needed."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(client.close())
        finally:
            loop.close()
