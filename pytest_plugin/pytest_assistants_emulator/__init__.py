"""The pytest plugin: a fresh project of a running emulator for each test that requests it.

    def test_tutor(assistants_emulator, openai_client):
        assistants_emulator.respond("x = 1")
        assistant = openai_client.beta.assistants.create(model="gpt-4o")
        ...

This file imports nothing but pytest, and the rest is imported when a test uses a fixture: every pytest run in an
environment that has this package pays for the imports here.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from pytest_assistants_emulator.per_test import ActiveTest
    from pytest_assistants_emulator.servers import Handle, Server

MARKER = (
    "assistants(script=, cassette=, replay=, state=, clock=, seed=, transport=): set up the assistants emulator for "
    "this test. script and state are a path (from the test file's folder, else from the rootdir) or a dict; clock is "
    "'manual', 'system' or a unix time; seed replaces the test's name as the source of ids; cassette is a path from "
    "the test file's folder: a recorded session that answers instead (see --assistants-record), with "
    "replay='semantic' its replies only; transport='inprocess' calls the emulator without a socket."
)
DEPRECATIONS = r"(deprecated|The Assistants API is deprecated in favor of the Responses API)\Z"
# The SDK's two texts. They are reported at the line that calls the SDK, so a filter by module would not match.

LEFT_BEHIND: pytest.StashKey[list[str]] = pytest.StashKey()
THIS_TEST: pytest.StashKey[ActiveTest] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("assistants", "assistants emulator")
    group.addoption(
        "--assistants-url",
        metavar="URL",
        help="use the assistants emulator that is running at this address, instead of starting one",
    )
    group.addoption(
        "--assistants-record",
        choices=("none", "once", "new_episodes", "all"),
        default="none",
        help="record the cassettes of tests: none (the default); once: those that do not exist yet; new_episodes: add "
        "exchanges that are missing; all: replace them",
    )
    group.addoption(
        "--assistants-upstream",
        metavar="URL",
        help="base URL, with its /v1, of the server to record (default: the ini option assistants_upstream, else "
        "OPENAI_BASE_URL); the key is that of OPENAI_API_KEY",
    )
    parser.addini("assistants_upstream", "base URL, with its /v1, of the server that --assistants-record records")
    parser.addini(
        "assistants_scrub",
        "names of headers and keys, or /PATTERN/s, to keep out of cassettes besides credentials; one a line",
        type="linelist",
    )
    parser.addini(
        "assistants_guard",
        "fail a test that uses the assistants emulator and looks up the hosted API's address (default: true)",
        type="bool",
        default=True,
    )
    parser.addini(
        "assistants_silence_deprecations",
        "silence the SDK's warnings that the Assistants API is deprecated, under -W error too (default: false)",
        type="bool",
        default=False,
    )
    parser.addini(
        "assistants_transport",
        "transport of the fixtures' clients: 'socket' or 'inprocess', which is faster (default: socket)",
        default="socket",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Report a mistake in a marker even if the test uses no fixture of ours."""
    if item.get_closest_marker("assistants") is not None:
        from pytest_assistants_emulator.marker import settings_of

        settings_of(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Filter deprecations inside pytest's own wrapper, so before the filters of the ini file, `-W` and marks."""
    if not item.config.getini("assistants_silence_deprecations"):
        return (yield)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATIONS, DeprecationWarning)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """`fail` and `skip` in a responder have their effect on its test: a failed test stays that, but may be skipped."""
    __tracebackhide__ = True
    try:
        result = yield
    except (Exception, pytest.fail.Exception):
        if (test := item.stash.get(THIS_TEST, None)) is not None:
            test.raise_outcome(of=(pytest.skip.Exception,))
        raise
    if (test := item.stash.get(THIS_TEST, None)) is not None:
        test.raise_outcome(of=(pytest.skip.Exception, pytest.fail.Exception))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if (test := item.stash.get(THIS_TEST, None)) is not None:
        test.add_report(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from pytest_assistants_emulator.report import remarks_of

    remarks = list(remarks_of(report for reports in terminalreporter.stats.values() for report in reports))
    remarks += [f"left behind, still at work: {name}" for name in terminalreporter.config.stash.get(LEFT_BEHIND, [])]
    if remarks:
        terminalreporter.section("assistants emulator")
        for remark in remarks:
            terminalreporter.line(remark)


@pytest.fixture(scope="session")
def _assistants_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server of the session, or of a pytest-xdist worker."""
    from pytest_assistants_emulator.servers import start

    server = start(pytestconfig.getoption("--assistants-url"), pytestconfig.getini("assistants_transport"))
    yield server
    server.stop()
    pytestconfig.stash[LEFT_BEHIND] = getattr(server, "left_behind", [])


@pytest.fixture
def assistants_emulator(request: pytest.FixtureRequest, _assistants_server: Server) -> Iterator[Handle]:
    """An empty project of the emulator, a `ProjectHandle`: `respond`, `client()`, `clock`, `requests`, `transcript`...

    `OPENAI_BASE_URL` and `OPENAI_API_KEY` point at it, and the variables that `AzureOpenAI()` reads do too, so code
    under test that calls either uses it. Ids and times are the same each time the test is run. When the test ends,
    exceptions that responders raised, runs that no rule matched and rules with `times` left over fail it. A test that
    expects the first two takes them out of `assistants_emulator.failures` (items have `error` and `run_id`) and
    `assistants_emulator.unmatched`. With `--assistants-url` or a cassette the parts of a `ProjectHandle` that cannot be
    had raise EmulatorError.
    """
    __tracebackhide__ = _raised_by_a_responder
    from pytest_assistants_emulator.per_test import open_test

    with open_test(request.node, _assistants_server) as test:
        request.node.stash[THIS_TEST] = test
        yield test.handle
        test.finish()


def _raised_by_a_responder(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Hide our frame from a responder's error, which has frames of its own; `pytest.fail` needs one to be shown."""
    return not excinfo.errisinstance(pytest.fail.Exception)


@pytest.fixture
def openai_client(assistants_emulator: Handle) -> Iterator[OpenAI]:
    """An `openai.OpenAI` for the test's project."""
    with assistants_emulator.client() as client:
        yield client


@pytest.fixture
def async_openai_client(assistants_emulator: Handle) -> Iterator[AsyncOpenAI]:
    """An `openai.AsyncOpenAI` for the test's project, usable on any event loop of the test, one after another."""
    from pytest_assistants_emulator.per_test import close_async_client, make_async_client

    client = make_async_client(assistants_emulator)
    yield client
    close_async_client(client)
