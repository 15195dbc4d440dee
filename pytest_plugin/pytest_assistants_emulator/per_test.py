"""One test that uses the emulator: its project, its environment, and its report when it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from assistants_emulator.errors import EmulatorError
from assistants_emulator.server.sdk_clients import httpx_of
from pytest_assistants_emulator import guard
from pytest_assistants_emulator.marker import Settings, settings_of
from pytest_assistants_emulator.report import REMARK, TITLE, section
from pytest_assistants_emulator.servers import Handle, Server, project_name
from pytest_assistants_emulator.teardown import Problems

if TYPE_CHECKING:
    from openai import AsyncOpenAI

AZURE_API_VERSION = "2025-03-01-preview"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class ActiveTest:
    """A test from the setup of the fixture to its report; `outcome` is that of the test's body, None until it ran."""

    def __init__(self, handle: Handle, escapes: list[str], *, with_unused: bool) -> None:
        self.handle = handle
        self.outcome: str | None = None
        self.is_open = True
        self._with_unused = with_unused
        self._escapes = escapes
        self._section: str | None = None

    def add_report(self, report: pytest.TestReport) -> None:
        """Note the outcome of the test's body, and add our section to the report of a failure."""
        if report.when == "call":
            self.outcome = "failed" if hasattr(report, "wasxfail") else report.outcome
        if report.failed and (text := section(self.handle, self._escapes) if self.is_open else self._section):
            report.sections.append((TITLE, text))

    def finish(self) -> None:
        """Raise what went wrong unnoticed. A test that has failed shows it in its section, and does not fail twice."""
        __tracebackhide__ = True
        if self.outcome == "failed":
            return
        with_unused = self._with_unused and self.outcome == "passed"
        problems = Problems.of(self.handle.leftovers(), self._escapes, with_unused=with_unused)
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
            set_environment(handle, patch)
            if item.config.getini("assistants_guard") and not server.calls_upstream:
                guard.install(patch, escapes)
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


def set_environment(handle: Handle, patch: pytest.MonkeyPatch) -> None:
    """Set the variables that `OpenAI()` and `AzureOpenAI()` read, and keep our address from going through a proxy.

    The SDK's module-level client refuses to choose between credentials of both kinds, so the choice is made for it.
    """
    patch.setenv("OPENAI_BASE_URL", handle.base_url)
    patch.setenv("OPENAI_API_KEY", handle.api_key)
    patch.setenv("AZURE_OPENAI_ENDPOINT", handle.base_url.removesuffix("/v1"))
    patch.setenv("AZURE_OPENAI_API_KEY", handle.api_key)
    patch.setenv("OPENAI_API_VERSION", AZURE_API_VERSION)
    if "OPENAI_API_TYPE" not in os.environ:
        patch.setenv("OPENAI_API_TYPE", "openai")
        if (sdk := sys.modules.get("openai")) is not None and getattr(sdk, "api_type", "") is None:
            patch.setattr(sdk, "api_type", "openai")
    if any(os.environ.get(proxy) or os.environ.get(proxy.upper()) for proxy in PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            patch.setenv(name, ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost,::1"))))


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
