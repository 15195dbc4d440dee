"""One test that uses the emulator: its project, its environment, and what is said about it when it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from assistants_emulator.errors import EmulatorError
from pytest_assistants_emulator import guard
from pytest_assistants_emulator.marker import Settings, settings_of
from pytest_assistants_emulator.report import REMARK, TITLE, section
from pytest_assistants_emulator.servers import Server, project_name
from pytest_assistants_emulator.teardown import Problems, trimmed

if TYPE_CHECKING:
    from assistants_emulator.handle import Leftovers, ProjectHandle

AZURE_API_VERSION = "2025-03-01-preview"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class OneTest:
    """`verdict` is what pytest made of the test's own body: None until it has run."""

    def __init__(self, handle: ProjectHandle, escapes: list[str], *, with_unused: bool) -> None:
        self.handle = handle
        self._with_unused = with_unused
        self.verdict: str | None = None
        self.open = True
        self._escapes = escapes
        self._section: str | None = None
        self._left: Leftovers | None = None

    def reported(self, report: pytest.TestReport) -> None:
        """Keep what became of the test's body; a failure gets our section."""
        if report.when == "call":
            self.verdict = "failed" if hasattr(report, "wasxfail") else report.outcome
        if report.failed and (text := section(self.handle, self._escapes) if self.open else self._section):
            report.sections.append((TITLE, text))

    def raise_outcome(self, of: tuple[type[BaseException], ...]) -> None:
        """Raise the first of pytest's own outcomes, of these kinds, that a responder raised in the test's body."""
        __tracebackhide__ = True
        failures = self._leftovers().failures
        for index, failure in enumerate(failures):
            if isinstance(failure.error, of):
                del failures[index]
                raise trimmed(failure.error)

    def _leftovers(self) -> Leftovers:
        """Waits for what is under way, but not twice for the same blocked responder."""
        if self._left is None or self._left.is_settled:
            self._left = self.handle.leftovers()
        return self._left

    def finish(self) -> None:
        """Raise what went wrong unnoticed. A test that has failed says so in its section, and does not fail twice."""
        __tracebackhide__ = True
        if self.verdict == "failed":
            return
        with_unused = self._with_unused and self.verdict == "passed"
        problems = Problems.of(self._leftovers(), self._escapes, with_unused=with_unused)
        if problems:
            self._section = section(self.handle, None)  # the project is gone by the time the report is made
            problems.fail()


@contextmanager
def open_test(item: pytest.Item, server: Server) -> Iterator[OneTest]:
    """The item's project with clients pointed at it; an unusable script fails the test."""
    settings = settings_of(item)
    server = with_cassette(item, settings, server)
    name = project_name(item.nodeid)
    escapes: list[str] = []
    try:
        handle = server.open(name, settings.seed or item.nodeid, settings)
    except EmulatorError as error:
        server.close(name)
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    test = OneTest(handle, escapes, with_unused=settings.cassette is None)  # what was recorded need not be used
    try:
        with pytest.MonkeyPatch.context() as patch:
            point_clients_at(handle, patch)
            if item.config.getini("assistants_guard") and not server.reaches_out:
                guard.install(patch, escapes)
            yield test
    finally:
        test.open = False
        if test.verdict == "passed":
            item.user_properties += [(REMARK, text) for text in server.remarks()]
        server.close(name)


def with_cassette(item: pytest.Item, settings: Settings, server: Server) -> Server:
    """The server of a test that has a cassette is its own, unless what it recorded becomes a script."""
    if settings.cassette is None:
        return server
    from pytest_assistants_emulator.cassettes import CassetteServer, SemanticServer

    own = CassetteServer(item.config, settings.cassette)
    semantic = settings.replay == "semantic" and not own.reaches_out
    return SemanticServer(server, settings.cassette) if semantic else own


def point_clients_at(handle: ProjectHandle, patch: pytest.MonkeyPatch) -> None:
    """What `OpenAI()` and `AzureOpenAI()` read; where a proxy is set, our address must not go through it.

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
