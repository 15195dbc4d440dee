"""The server that holds the tests' projects: an in-memory emulator of this process, or one in another.

Imports neither: the one in this process needs the server's libraries, which need not be installed for the other.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from assistants_emulator.config import TRANSPORTS
from assistants_emulator.errors import EmulatorError
from pytest_assistants_emulator.marker import Settings

if TYPE_CHECKING:
    import socket
    from typing import Unpack

    import openai

    from assistants_emulator.errors import Failure
    from assistants_emulator.handle import Leftovers
    from assistants_emulator.project.request_log import RequestLog
    from assistants_emulator.server.inprocess import InProcessServer
    from assistants_emulator.server.sdk_clients import ClientOptions
    from pytest_assistants_emulator.session import RunningTest, Session


class Clock(Protocol):
    """The clock of a test's project, in unix seconds."""

    def now(self) -> int: ...
    def advance(self, seconds: float) -> None: ...
    def set(self, when: float) -> None: ...


class Handle(Protocol):
    """The part of a ProjectHandle that every test has, with a cassette too."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str: ...
    @property
    def in_process(self) -> InProcessServer | None: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def requests(self) -> RequestLog: ...
    @property
    def failures(self) -> list[Failure]: ...
    @property
    def unmatched(self) -> list[Any]: ...
    def client(self, **options: Unpack[ClientOptions]) -> openai.OpenAI: ...
    def async_client(self, **options: Unpack[ClientOptions]) -> openai.AsyncOpenAI: ...
    def transcripts(self, newest: int | None = None, *, portable: bool = False) -> dict[str, str]: ...
    def leftovers(self) -> Leftovers: ...


class Server(Protocol):
    """Opens an empty project for each test; `seed` is what the project's ids are derived from. `close` is given the
    test's name for people.

    `calls_upstream`: calls are forwarded to another server, so the guard stays off. `remarks`: lines about a test that
    passed.
    """

    @property
    def calls_upstream(self) -> bool: ...
    def open(self, name: str, seed: str, settings: Settings) -> Handle: ...
    def close(self, name: str, test: str) -> None: ...
    def remarks(self) -> list[str]: ...
    def stop(self) -> None: ...


class SessionServer(Server, Protocol):
    """The server of all tests but those with a cassette. `left_behind` describes the user code that was still at work
    after `stop`."""

    left_behind: list[str]

    def handle(self, name: str) -> Handle:
        """The handle of a project that is open."""
        ...

    def select(self) -> None:
        """Take in which test is running."""
        ...

    def is_used(self, running: RunningTest) -> bool:
        """True if a call has come for the test's project."""
        ...

    def earlier(self, ids: Iterable[str]) -> Mapping[str, str]:
        """The test that had the object of each id, for tests that have ended."""
        ...

    def inspector_url(self, name: str) -> str:
        """The address of the project's page in the inspector."""
        ...


NOT_INSTALLED = (
    "the emulator cannot run in this environment, which has no {}: install assistants-emulator with its dependencies, "
    "or let it run in another, by `assistants_emulator_command` in pytest's ini file or --assistants-url"
)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Collect no garbage until the block ends: to look at all objects of a program with the SDK takes as long as half
    of our imports, which leave none."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_enabled:
            gc.enable()


def start(session: Session, listener: socket.socket | None) -> SessionServer:
    """The emulator at the session's URL or of its command, or one of this process, which serves on `listener` if there
    is one; a mistake in an option fails the test."""
    transport = session.config.getini("assistants_transport")
    if transport not in TRANSPORTS:
        raise pytest.fail.Exception(
            f"assistants_transport is 'socket' or 'inprocess', not {transport!r}", pytrace=False
        )
    if session.is_apart:
        from pytest_assistants_emulator.attached import RemoteServer

        try:
            return RemoteServer(session, transport)
        except EmulatorError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
    try:
        with _collector_at_rest():
            from pytest_assistants_emulator.local import LocalServer
    except ImportError as error:
        raise pytest.fail.Exception(NOT_INSTALLED.format(error.name), pytrace=False) from None
    return LocalServer(session, transport, listener)
