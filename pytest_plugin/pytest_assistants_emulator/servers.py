"""The server that holds the tests' projects: an in-memory emulator of this session, or one in another process."""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Unpack
from urllib.parse import quote

import pytest

from assistants_emulator.config import TRANSPORTS
from assistants_emulator.emulator import Emulator
from assistants_emulator.errors import EmulatorError
from assistants_emulator.responders.scripts.load import Script, load_script
from pytest_assistants_emulator.marker import Settings

if TYPE_CHECKING:
    import openai

    from assistants_emulator.handle import Leftovers, ProjectHandle
    from assistants_emulator.project.request_log import RequestLog
    from assistants_emulator.server.inprocess import InProcessServer
    from assistants_emulator.server.sdk_clients import ClientOptions
    from assistants_emulator.turns.invocation import Failure

LONGEST_NAME = 200  # characters of a project's name before it is shortened


class Handle(Protocol):
    """The part of a ProjectHandle that every test has, with `--assistants-url` and with a cassette too."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str: ...
    @property
    def in_process(self) -> InProcessServer | None: ...
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
    """Opens an empty project for each test; `seed` is what the project's ids are derived from.

    `calls_upstream`: calls are forwarded to another server, so the guard stays off. `remarks`: lines about a test that
    passed.
    """

    @property
    def calls_upstream(self) -> bool: ...
    def open(self, name: str, seed: str, settings: Settings) -> Handle: ...
    def close(self, name: str) -> None: ...
    def remarks(self) -> list[str]: ...
    def stop(self) -> None: ...


class LocalServer:
    """An emulator in this process, for the whole session.

    `left_behind` describes the user code that was still at work after `stop`.
    """

    calls_upstream = False

    def __init__(self, transport: str) -> None:
        self.left_behind: list[str] = []
        self._emulator = Emulator().start()
        self._transport = transport

    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle:
        project = self._emulator.project(name)
        clock = "system" if settings.clock == "system" else "manual"
        transport = settings.transport or self._transport
        project.configure(seed=seed, clock=clock, autojump=clock == "manual", transport=transport)
        if settings.clock is not None and not isinstance(settings.clock, str):
            project.clock.set(settings.clock)
        if settings.script is not None:
            project.load_script(_load(settings.script))
        if settings.state is not None:
            project.load_state(settings.state)
        return project

    def close(self, name: str) -> None:
        self._emulator.close_project(name)

    def remarks(self) -> list[str]:
        return []

    def stop(self) -> None:
        self._emulator.stop()
        self.left_behind = self._emulator.left_behind


def start(url: str | None, transport: str) -> Server:
    """The emulator at `url`, or a new one whose clients use `transport` unless a marker says otherwise; a mistake in
    either fails the test."""
    if transport not in TRANSPORTS:
        raise pytest.fail.Exception(
            f"assistants_transport is 'socket' or 'inprocess', not {transport!r}", pytrace=False
        )
    if url is None:
        return LocalServer(transport)
    from pytest_assistants_emulator.attached import AttachedServer

    try:
        return AttachedServer(url)
    except EmulatorError as error:
        raise pytest.fail.Exception(f"--assistants-url: {error}", pytrace=False) from None


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


def _load(script: Path | Mapping[str, Any]) -> Script:
    """Read a file once a session: a module's tests share its marker, and YAML takes longer than a test."""
    return load_script(script) if isinstance(script, Mapping) else _load_file(script, script.stat().st_mtime_ns)


@functools.cache
def _load_file(path: Path, mtime: int) -> Script:
    return load_script(path)
