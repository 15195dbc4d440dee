"""The pytest plugin: a fresh project of a running emulator for each test that requests it.

    def test_tutor(assistants_emulator, openai_client):
        assistants_emulator.respond("x = 1")
        assistant = openai_client.beta.assistants.create(model="gpt-4o")
        ...

This file imports nothing but pytest, and the rest is imported when a test uses a fixture: every pytest run in an
environment that has this package pays for the imports here.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_assistants_emulator.session import COMMAND, SWEPT_TESTS, VIRTUAL_SLEEP, session_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

    from pytest_assistants_emulator.active import ActiveTest
    from pytest_assistants_emulator.servers import Handle, SessionServer

IniKind = Literal["string", "linelist", "bool"]
PACKAGES = ("assistants_emulator", "pytest_assistants_emulator")
INI_OPTIONS: tuple[tuple[str, str, IniKind, Any], ...] = (
    ("assistants_upstream", "base URL, with its /v1, of the server that --assistants-record records", "string", ""),
    (
        "assistants_scrub",
        "names of headers and keys, or /PATTERN/s, to keep out of cassettes besides credentials; one a line",
        "linelist",
        [],
    ),
    (
        "assistants_guard",
        "fail a test that uses the assistants emulator and looks up the hosted API's address (default: true)",
        "bool",
        True,
    ),
    (
        "assistants_silence_deprecations",
        (
            "silence the SDK's warnings that the Assistants API is deprecated, under -W error too: true in all tests, "
            "false in none (default: in tests that use the assistants emulator)"
        ),
        "bool",
        None,
    ),
    (
        "assistants_transport",
        "transport of the fixtures' clients: 'socket' or 'inprocess', which is faster (default: socket)",
        "string",
        "socket",
    ),
    (
        "assistants_environment",
        (
            "'session': set OPENAI_BASE_URL and the like before conftest files and applications are imported, so that "
            "clients made on import use the emulator, and give every test a project; 'test' (the default): only while "
            "a test uses a fixture"
        ),
        "string",
        "test",
    ),
    (
        VIRTUAL_SLEEP,
        "time.sleep and asyncio.sleep in tests that use the assistants emulator move its clock instead of waiting",
        "bool",
        False,
    ),
    (
        "assistants_strict_tools",
        "fail a run whose responder uses a tool that it does not declare (default: true)",
        "bool",
        True,
    ),
    (
        "assistants_open_runs",
        "'error': fail a test that leaves a run waiting for tool outputs; 'remark' (the default): tell",
        "string",
        "remark",
    ),
    (
        "assistants_adopt_ids",
        "make unknown assistants, threads and vector stores with defaults at their first use (default: false)",
        "bool",
        False,
    ),
    (
        COMMAND,
        (
            "command that runs the emulator in another environment, as `uvx assistants-emulator`: it is started with "
            "`serve --port 0`, as a process of the session's own"
        ),
        "string",
        "",
    ),
    ("assistants_script", "script, a YAML or JSON file, for all tests; from the ini file's folder", "string", ""),
    ("assistants_state", "objects, in a YAML or JSON file, for all tests; from the ini file's folder", "string", ""),
)
MARKER = (
    "assistants(script=, cassette=, replay=, state=, clock=, seed=, transport=, keys=, strict_tools=, sweep=): set it "
    "up for this test. script and state are a path (from the test file's folder, else from the rootdir) or a dict; "
    "clock is 'manual', 'system' or a unix time; seed replaces the test's name as the source of ids; cassette is a "
    "path from the test file's folder: a recorded session that answers instead (see --assistants-record), with "
    "replay='semantic' its replies only; transport='inprocess' calls the emulator without a socket; keys='separate' "
    "gives each API key a project of its own; strict_tools=False lets replies use tools that a run does not declare; "
    "sweep=True runs the test again with each failure of the service, as --assistants-sweep does with all."
)
DEPRECATIONS = r"(deprecated|The Assistants API is deprecated in favor of the Responses API)\Z"
# The SDK's two texts. They are reported at the line that calls the SDK, so a filter by module would not match.
FIXTURE, MARK = "assistants_emulator", "assistants"
ON_IMPORT = (
    "A client that is made on import needs the emulator's variables before: set `assistants_environment = session` in "
    "pytest's ini file."
)
WORKER_COUNTS = "assistants_emulator"

ENDED_TEST: pytest.StashKey[ActiveTest] = pytest.StashKey()


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
    group.addoption(
        "--assistants-adopt-ids",
        action="store_true",
        help="make unknown assistants, threads and vector stores with defaults at their first use, as the ini option "
        "assistants_adopt_ids",
    )
    group.addoption(
        "--assistants-inspect",
        action="store_true",
        help="keep the projects of failing tests, print the inspector's links to them, and on a terminal wait for "
        "Ctrl-C at the end",
    )
    group.addoption(
        "--assistants-trace",
        metavar="DIR",
        help="write an HTML file for each failing test: conversations, runs, rules and requests",
    )
    group.addoption(
        "--assistants-sweep",
        action="store_true",
        help="run each test that passes again, once for each failure of the service that its calls can meet",
    )
    group.addoption(
        "--assistants-sweep-limit",
        type=int,
        metavar="N",
        default=200,
        help="run at most so many variants of a test (default: 200)",
    )
    group.addoption(
        "--assistants-sweep-report",
        metavar="FILE",
        help="write the sweep's table and traces to this HTML file, and its verdicts to a JSON file beside it",
    )
    group.addoption(
        "--assistants-variant",
        metavar="NAME",
        help="after each test, run this variant of it alone: 'POST /threads/*/runs 1: expired'",
    )
    for name, help, kind, default in INI_OPTIONS:
        parser.addini(name, help, type=kind, default=default)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the variables of `assistants_environment = session` before any conftest file is imported."""
    _leave_as_written(early_config)
    session_of(early_config)


def _leave_as_written(config: pytest.Config) -> None:
    """Take our packages off the list of those whose `assert` statements pytest rewrites.

    It lists all packages of a distribution with a plugin, and importing one through its hook takes a millisecond a
    module. pytest has no public way to leave one out; where this one is gone, the imports are slower.
    """
    marked = getattr(config.pluginmanager.rewrite_hook, "_must_rewrite", None)
    if isinstance(marked, set) and not marked.isdisjoint(PACKAGES):
        marked.difference_update(PACKAGES)
        config.pluginmanager.rewrite_hook.mark_rewrite()  # forgets what it has found out about names


def pytest_configure(config: pytest.Config) -> None:
    _leave_as_written(config)
    config.addinivalue_line("markers", MARKER)
    session_of(config)
    options = ("--assistants-sweep", "--assistants-variant", "lf")
    if any(config.getoption(option, None) for option in options):
        _add_sweep(config)


def _add_sweep(config: pytest.Config) -> None:
    """Register the plugin that sweeps tests, once."""
    from pytest_assistants_emulator.sweep import Sweep

    if not config.pluginmanager.has_plugin(SWEPT_TESTS):
        config.pluginmanager.register(Sweep(config), SWEPT_TESTS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Set a test with a cassette up by the fixture, where it uses clients that were made on import only."""
    if any(mark.kwargs.get("sweep") for item in items for mark in item.iter_markers(MARK)):
        _add_sweep(config)
    if not session_of(config).is_whole:
        return
    for item in items:
        names = getattr(item, "fixturenames", None)
        if names is not None and FIXTURE not in names and any("cassette" in m.kwargs for m in item.iter_markers(MARK)):
            names.insert(0, FIXTURE)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin the test where each has a project, and report a mistake in a marker even if it uses no fixture of ours."""
    session = session_of(item.config)
    if session.is_whole or item.get_closest_marker(MARK) is not None:
        from pytest_assistants_emulator.marker import settings_of

        settings_of(item)
    if session.is_whole:
        session.begin(item)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Note that a fixture of a wider scope is being set up: its calls belong to the module, not to the running test."""
    if fixturedef.scope == "function":
        return (yield)
    session = session_of(request.config)
    session.begin_wider_fixture()
    try:
        return (yield)
    finally:
        session.end_wider_fixture()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose body has passed for what went wrong unnoticed.

    `fail` and `skip` in a responder have their effect on its test: a failed test stays that, but may be skipped.
    """
    __tracebackhide__ = True
    if session_of(item.config).is_varied:
        return (yield)
    try:
        result = yield
    except (Exception, pytest.fail.Exception):
        if (test := _active_test(item)) is not None:
            test.raise_outcome(of=(pytest.skip.Exception,))
        raise
    if (test := _active_test(item)) is not None:
        test.raise_outcome(of=(pytest.skip.Exception, pytest.fail.Exception))
        test.check()
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """End the test after the teardown of all its fixtures."""
    __tracebackhide__ = True
    session = session_of(item.config)
    try:
        result = yield
        if FIXTURE not in getattr(item, "fixturenames", ()) and (test := _active_test(item)) is not None:
            test.finish()
        return result
    finally:
        session.end()


def _active_test(item: pytest.Item) -> ActiveTest | None:
    """The running test whose project is used."""
    session = session_of(item.config)
    running = session.running
    if running is None or running.active is not None or not session.is_used(running):
        return None if running is None else running.active
    from pytest_assistants_emulator.active import unrequested_test

    return unrequested_test(running, session)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Filter deprecations inside pytest's own wrapper, so before the filters of the ini file, `-W` and marks."""
    is_silenced: object = item.config.getini("assistants_silence_deprecations")
    if not isinstance(is_silenced, bool):  # the default: None, of which pytest before 8 makes an empty list
        uses_ours = any(name.startswith(FIXTURE) for name in getattr(item, "fixturenames", ()))
        is_silenced = session_of(item.config).is_whole or uses_ours
    if not is_silenced:
        return (yield)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", DEPRECATIONS, DeprecationWarning)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Name the option that a client made on import needs, where its constructor found no key."""
    report = yield
    if report.failed and "OPENAI_API_KEY" in str(report.longrepr) and not session_of(collector.config).is_whole:
        report.sections.append((FIXTURE.replace("_", " "), ON_IMPORT))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    test = _active_test(item) or item.stash.get(ENDED_TEST, None)
    if test is not None:
        test.add_report(report)
        item.stash[ENDED_TEST] = test
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the server, so that what it leaves behind can be told, and hand a worker's remarks to its controller."""
    ours = session_of(session.config)
    if not ours.kept:
        ours.close()
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[WORKER_COUNTS] = ours.as_json()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    output = getattr(node, "workeroutput", {})
    if (counts := output.get(WORKER_COUNTS)) is not None:
        session_of(node.config).add_worker(counts)
    if output.get(SWEPT_TESTS):
        _add_sweep(node.config)
        node.config.pluginmanager.get_plugin(SWEPT_TESTS).add_worker(output[SWEPT_TESTS])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from pytest_assistants_emulator.report import remarks_of

    remarks = list(remarks_of(report for reports in terminalreporter.stats.values() for report in reports))
    remarks += session_of(terminalreporter.config).remarks()
    if remarks:
        terminalreporter.section("assistants emulator")
        for remark in remarks:
            terminalreporter.line(remark)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Wait for Ctrl-C where projects of failing tests are kept and standard output is a terminal."""
    if session_of(config).kept and sys.stdout.isatty():
        print("Projects of failing tests are kept for the inspector; Ctrl-C ends.")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


@pytest.fixture(scope="session")
def _assistants_server(pytestconfig: pytest.Config) -> SessionServer:
    """The server of the session, or of a pytest-xdist worker; the session stops it."""
    return session_of(pytestconfig).server()


@pytest.fixture
def assistants_emulator(request: pytest.FixtureRequest, _assistants_server: SessionServer) -> Iterator[Handle]:
    """An empty project of the emulator, a `ProjectHandle`: `respond`, `client()`, `clock`, `requests`, `transcript`...

    `OPENAI_BASE_URL` and `OPENAI_API_KEY` point at it, and the variables that `AzureOpenAI()` reads do too, so code
    under test that calls either uses it. Ids and times are the same each time the test is run. When the test ends,
    exceptions that responders raised, runs that no rule matched and rules with `times` left over fail it. A test that
    expects the first two takes them out of `assistants_emulator.failures` (items have `error` and `run_id`) and
    `assistants_emulator.unmatched`. With a cassette the parts of a `ProjectHandle` that cannot be had raise
    EmulatorError.
    """
    __tracebackhide__ = True
    from pytest_assistants_emulator.active import open_test

    with open_test(request.node, session_of(request.config)) as test:
        yield test.handle
        test.finish()


@pytest.fixture(scope="module")
def assistants_emulator_module(request: pytest.FixtureRequest) -> Iterator[Handle]:
    """A project for fixtures of a wider scope than a test's: they make objects once, by this fixture or by any client.

    Each test of the module starts from a copy of its objects, with rules and a clock of its own.
    """
    __tracebackhide__ = True
    from pytest_assistants_emulator.active import open_module

    with open_module(request.node, session_of(request.config)) as handle:
        yield handle


@pytest.fixture
def openai_client(assistants_emulator: Handle) -> Iterator[OpenAI]:
    """An `openai.OpenAI` for the test's project."""
    with assistants_emulator.client() as client:
        yield client


@pytest.fixture
def async_openai_client(assistants_emulator: Handle) -> Iterator[AsyncOpenAI]:
    """An `openai.AsyncOpenAI` for the test's project, usable on any event loop of the test, one after another."""
    from pytest_assistants_emulator.active import close_async_client, make_async_client

    client = make_async_client(assistants_emulator)
    yield client
    close_async_client(client)
