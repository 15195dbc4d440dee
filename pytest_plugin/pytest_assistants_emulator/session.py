"""The state of a pytest session: its server, its port, its API key, and the test that is running.

Imports nothing but pytest and the standard library, and `assistants_emulator.environment` where the variables are set
for the whole session, which starts an emulator in another process too. The server's libraries are imported when a call
or a fixture needs the server.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import secrets
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from pytest_assistants_emulator.active import ActiveTest
    from pytest_assistants_emulator.process import EmulatorProcess
    from pytest_assistants_emulator.servers import SessionServer
    from pytest_assistants_emulator.swept_run import SweptRun

SESSION: pytest.StashKey[Session] = pytest.StashKey()
SESSION_KEY = "sk-emulator-running-test"
BEFORE = "ASSISTANTS_EMULATOR_VARIABLES_BEFORE"  # what was set before a session set its own, for its child processes
ENVIRONMENTS = ("test", "session")
VIRTUAL_SLEEP = "assistants_virtual_sleep"
SWEPT_TESTS = "assistants_emulator_sweep"  # the plugin that sweeps, and what a worker of pytest-xdist has swept
COMMAND = "assistants_emulator_command"
LONGEST_NAME = 200  # characters of a project's name before it is shortened


class RunningTest:
    """The test between its setup and its teardown: `name` is that of its project, `children` are the names of others
    that were made for it. `active` is set where the test's project is used."""

    def __init__(self, item: pytest.Item) -> None:
        self.item = item
        self.name = project_name(item.nodeid)
        self.children: set[str] = set()
        self.is_opened = False
        self.active: ActiveTest | None = None


class Session:
    """One pytest session, or one pytest-xdist worker's.

    With `is_whole` the variables that SDK clients read are set from before collection until the session ends, and every
    test has a project. `refused` counts the calls that came while no test was running.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.is_whole: bool = _environment_of(config) == "session"
        self.running: RunningTest | None = None
        self.swept: SweptRun | None = None
        """The run of a test that is swept, while it goes on."""
        self.module: str | None = None
        """The project of `assistants_emulator_module`, while that fixture is set up."""
        self.wider_fixtures = 0
        """The number of fixtures of a wider scope than a test's that are being set up right now."""
        self.refused: Counter[str] = Counter()
        self.kept: dict[str, str] = {}
        """The inspector's address for each failing test whose project is kept."""
        self.slept = 0.0
        self.slow_tests = 0
        self._before: dict[str, str] = {}
        self._port: Port | None = None
        self._server: SessionServer | None = None
        self._process: EmulatorProcess | None = None
        self._failure = ""
        self.notes: list[str] = []
        """Lines for the end of the session."""
        self._lock = threading.Lock()

    def set_variables(self) -> None:
        """Listen, and set the variables; both end with the configuration."""
        from assistants_emulator.environment import set_variables

        self._before = json.loads(os.environ[BEFORE]) if BEFORE in os.environ else dict(os.environ)
        base_url = self._address()
        patch = pytest.MonkeyPatch()
        self.config.add_cleanup(patch.undo)
        patch.setenv(BEFORE, json.dumps({name: value for name, value in self._before.items() if _is_ours(name)}))
        set_variables(base_url, self.key, patch)

    def variable_before(self, name: str) -> str | None:
        """The variable's value without ours; None for one that was not set."""
        return self._before.get(name) if self.is_whole else os.environ.get(name)

    @property
    def is_varied(self) -> bool:
        """True while a test is run with a variant: what goes wrong then is the variant's effect."""
        return self.swept is not None and self.swept.variant is not None

    @property
    def key(self) -> str:
        """The API key of the session; on an emulator that others use too, one that no other session has."""
        return SESSION_KEY if self.url is None else f"sk-emulator-pytest-{session_token()}"

    @property
    def inspects(self) -> bool:
        """True if projects of failing tests are kept; a worker of pytest-xdist ends before anyone could look."""
        return bool(self.config.getoption("--assistants-inspect")) and not hasattr(self.config, "workerinput")

    @property
    def trace_folder(self) -> Path | None:
        folder: str | None = self.config.getoption("--assistants-trace")
        return None if folder is None else self.config.invocation_params.dir / folder

    def server(self) -> SessionServer:
        """The server, started at the first call; from any thread."""
        with self._lock:
            if self._failure:
                raise pytest.fail.Exception(self._failure, pytrace=False)
            if self._server is None:
                from pytest_assistants_emulator.servers import start

                try:
                    self._server = start(self, None if self._port is None else self._port.listener)
                except pytest.fail.Exception as error:
                    self._failure = str(error)  # a command that does not work may take its time
                    raise
            return self._server

    def close(self) -> None:
        """Stop the server, if it was started, and listen no more."""
        if self._port is not None:
            self._port.close()
        with self._lock:
            if self._server is not None:
                self._server.stop()
            elif self._process is not None:
                self._process.stop()
            elif self._port is not None:
                self._port.listener.close()

    def begin(self, item: pytest.Item) -> RunningTest:
        """Make the item the running test, unless it is."""
        if self.running is None or self.running.item is not item:
            self.running = RunningTest(item)
            if self.kept.pop(item.nodeid, None) is not None and self._server is not None:
                self._server.close(self.running.name, item.nodeid)  # it is run again
            self._select()
        return self.running

    def end(self) -> None:
        """No test is running. Its projects are closed."""
        running, self.running = self.running, None
        if running is None or self._server is None:
            return
        self._select()
        if running.active is not None:
            running.active.close()
        elif self.is_whole:
            self._server.close(running.name, running.item.nodeid)
        for name in running.children:
            self._server.close(name, running.item.nodeid)

    def begin_wider_fixture(self) -> None:
        self.wider_fixtures += 1
        self._select_module()

    def end_wider_fixture(self) -> None:
        self.wider_fixtures -= 1
        self._select_module()

    def set_module(self, name: str | None) -> None:
        """Take in the project of `assistants_emulator_module`, or that it is gone."""
        self.module = name
        self._select()

    def is_used(self, running: RunningTest) -> bool:
        """True if a call has come for the test's project."""
        if self._server is None or not self.is_apart:
            return running.is_opened
        return self.is_whole and self._server.is_used(running)

    def _select_module(self) -> None:
        if self.module is not None:
            self._select()

    def _select(self) -> None:
        if self._server is not None:
            self._server.select()

    def refuse(self, call: str) -> str:
        """Note a call that came while no test was running, and return what to do."""
        self.refused[call] += 1
        return self.refusal

    @property
    def refusal(self) -> str:
        """The answer to a call that comes while no test is running."""
        return NO_TEST_IN_SESSION if self.is_whole else NO_TEST

    def add_slept(self, seconds: float) -> None:
        """Count the seconds that a test has slept between two looks at a run."""
        self.slept += seconds
        self.slow_tests += seconds > 0

    def remarks(self) -> list[str]:
        """A line about refused calls and one about real sleeps, if there were any."""
        lines = [*self.notes]
        if self._server is not None:
            lines += [f"left behind, still at work: {name}" for name in self._server.left_behind]
        if self.refused:
            calls = ", ".join(f"{call} ({count} times)" if count > 1 else call for call, count in self.refused.items())
            lines.append(f"calls that came while no test was running were refused: {calls}")
        if self.slept > 0:
            tests = f"{self.slow_tests} tests" if self.slow_tests > 1 else "one test"
            lines.append(
                f"{tests} slept {self.slept:.1f} s between looks at a run; with `{VIRTUAL_SLEEP} = true` in pytest's "
                "ini file such sleeps move the test's clock instead"
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """The counts, for a pytest-xdist worker to hand to its controller."""
        return {"refused": dict(self.refused), "slept": self.slept, "slow_tests": self.slow_tests}

    def add_worker(self, counts: dict[str, Any]) -> None:
        """Add a worker's counts to this session's."""
        self.refused.update(counts["refused"])
        self.slept += counts["slept"]
        self.slow_tests += counts["slow_tests"]

    @property
    def url(self) -> str | None:
        """The address of `--assistants-url`."""
        url: str | None = getattr(self.config.known_args_namespace, "assistants_url", None)
        return url

    @property
    def is_apart(self) -> bool:
        """True if the emulator is in another process."""
        return self.url is not None or bool(self.config.getini(COMMAND))

    @property
    def adopts_ids(self) -> bool:
        is_option: bool = self.config.known_args_namespace.assistants_adopt_ids
        return is_option or bool(self.config.getini("assistants_adopt_ids"))

    def process(self) -> EmulatorProcess:
        """The emulator of `assistants_emulator_command`, started at the first call."""
        if self._process is None:
            from pytest_assistants_emulator.process import EmulatorProcess

            self._process = EmulatorProcess(self.config.getini(COMMAND))
        return self._process

    def _address(self) -> str:
        """The base URL; opens the port where the server is this process's own."""
        if self.is_apart:
            return f"{self._remote_url()}/v1"
        self._port = Port(self.server)
        return self._port.base_url

    def _remote_url(self) -> str:
        """The address of the emulator in another process, which knows of this session from here on."""
        try:
            self.server()
        except pytest.fail.Exception as error:
            raise pytest.UsageError(str(error)) from None
        return (self.url or self.process().url).rstrip("/").removesuffix("/v1")


class Port:
    """A socket that listens at once, and calls `start` in a thread of its own when the first connection comes."""

    def __init__(self, start: Callable[[], object]) -> None:
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.listener.setblocking(False)
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self._start = start
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._wait, name="assistants-emulator-port", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for no connection any more; the listener stays open."""
        self._waker.close()
        self._thread.join()
        self._woken.close()

    def _wait(self) -> None:
        ready, _, _ = select.select([self.listener, self._woken], [], [])
        if self._woken in ready:
            return
        try:
            self._start()
        except BaseException:
            self.listener.close()  # refuse the clients that wait, so that they do not wait for ever
            raise


NO_TEST = (
    "No test that uses the assistants emulator is running, so this call has no project: make it in a test that "
    "requests the fixture `assistants_emulator`, or set `assistants_environment = session` in pytest's ini file, so "
    "that every test has a project."
)
NO_TEST_IN_SESSION = (
    "No test is running, so this call has no project: make it in a test or in a fixture, not on import, while tests "
    "are collected or after the last one; objects that must exist before come from `assistants_state = FILE`."
)


def session_of(config: pytest.Config) -> Session:
    """The session, begun where it was not."""
    session = config.stash.get(SESSION, None)
    if session is None:
        session = config.stash[SESSION] = Session(config)
        config.add_cleanup(session.close)
        if session.is_whole:
            session.set_variables()
    return session


def _environment_of(config: pytest.Config) -> str:
    environment: str = config.getini("assistants_environment")
    if environment not in ENVIRONMENTS:
        raise pytest.UsageError(f"assistants_environment is 'test' or 'session', not {environment!r}")
    return environment


def _is_ours(name: str) -> bool:
    return name.startswith(("OPENAI_", "AZURE_OPENAI_"))


@functools.cache
def session_token() -> str:
    """Random text that keeps this session's projects apart from earlier ones on an emulator that stays up."""
    return secrets.token_hex(4)


def project_name(node_id: str) -> str:
    """The node id as a header can carry it, and the session's token."""
    name = quote(node_id, safe="/:[]-_.,=+@")
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}~{hashlib.sha256(node_id.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return f"{name}#{session_token()}"
