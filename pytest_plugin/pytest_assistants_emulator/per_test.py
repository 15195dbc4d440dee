"""One test that uses the emulator: its project, its environment, and its report when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from assistants_emulator import guard
from assistants_emulator.environment import set_variables
from assistants_emulator.errors import EmulatorError
from assistants_emulator.server.sdk_clients import httpx_of
from pytest_assistants_emulator.marker import Settings, settings_of
from pytest_assistants_emulator.report import REMARK, TITLE, section
from pytest_assistants_emulator.servers import Handle, Server, project_name
from pytest_assistants_emulator.teardown import Problems, without_own_frames

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from assistants_emulator.handle import Leftovers

ADVICE = (
    "Point it at the emulator: OpenAI() reads OPENAI_BASE_URL and OPENAI_API_KEY, which this fixture sets, when it is "
    "made (so make it in the test, not on import, and give it no other base_url), or pass "
    "base_url=assistants_emulator.base_url, api_key=assistants_emulator.api_key. "
    "`assistants_guard = false` in pytest's ini file turns this check off."
)


class ActiveTest:
    """A test from the setup of the fixture to its report; `outcome` is that of the test's body, None until it ran."""

    def __init__(self, handle: Handle, escapes: list[str], *, with_unused: bool) -> None:
        self.handle = handle
        self.outcome: str | None = None
        self.is_open = True
        self._with_unused = with_unused
        self._escapes = escapes
        self._section: str | None = None
        self._newest_leftovers: Leftovers | None = None

    def add_report(self, report: pytest.TestReport) -> None:
        """Note the outcome of the test's body, and add our section to the report of a failure."""
        if report.when == "call":
            self.outcome = "failed" if hasattr(report, "wasxfail") else report.outcome
        if report.failed and (text := section(self.handle, self._escapes) if self.is_open else self._section):
            report.sections.append((TITLE, text))

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
        """Raise what went wrong unnoticed. A test that has failed shows it in its section, and does not fail twice."""
        __tracebackhide__ = True
        if self.outcome == "failed":
            return
        with_unused = self._with_unused and self.outcome == "passed"
        problems = Problems.of(self._leftovers(), self._escapes, with_unused=with_unused)
        if problems:
            self._section = section(self.handle, None)  # the project is closed by the time the report is built
            problems.fail()


@contextmanager
def open_test(item: pytest.Item, server: Server) -> Iterator[ActiveTest]:
    """The item's project with clients pointed at it; an unusable script fails the test."""
    settings = settings_of(item)
    server = server_for(item, settings, server)
    name = project_name(item.nodeid)
    escapes: list[str] = []
    try:
        handle = server.open(name, settings.seed or item.nodeid, settings)
    except EmulatorError as error:
        server.close(name)
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    test = ActiveTest(handle, escapes, with_unused=settings.cassette is None)  # a cassette need not be used up
    try:
        with pytest.MonkeyPatch.context() as patch:
            set_variables(handle.base_url, handle.api_key, patch)
            if item.config.getini("assistants_guard") and not server.calls_upstream:
                guard.install(patch, escapes, ADVICE)
            yield test
    finally:
        test.is_open = False
        if test.outcome == "passed":
            item.user_properties += [(REMARK, text) for text in server.remarks()]
        server.close(name)


def server_for(item: pytest.Item, settings: Settings, server: Server) -> Server:
    """The session's server, or for a test with a cassette one of its own."""
    if settings.cassette is None:
        return server
    from pytest_assistants_emulator.cassettes import CassetteServer, SemanticServer

    cassette_server = CassetteServer(item.config, settings.cassette)
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
