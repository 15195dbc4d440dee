"""Where the tests' projects are: in an emulator of our own, in memory, or in one that somebody has started."""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import pytest

from assistants_emulator.config import TRANSPORTS
from assistants_emulator.emulator import Emulator
from assistants_emulator.errors import EmulatorError
from assistants_emulator.responders.scripts.load import Script, load_script
from pytest_assistants_emulator.marker import Settings

if TYPE_CHECKING:
    from assistants_emulator.handle import ProjectHandle

LONGEST_NAME = 200


class Server(Protocol):
    """`open` gives the empty project of that name; `seed` is what its ids are made from.

    `reaches_out` says that calls are passed on to another server; `remarks` are about a test that passed.
    """

    @property
    def reaches_out(self) -> bool: ...
    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle: ...
    def close(self, name: str) -> None: ...
    def remarks(self) -> list[str]: ...
    def stop(self) -> None: ...


class OwnServer:
    """An emulator of this process, for the whole session.

    `left_behind` describes the user code that was still at work after `stop`.
    """

    reaches_out = False

    def __init__(self, transport: str) -> None:
        self.left_behind: list[str] = []
        self._emulator = Emulator().start()
        self._transport = transport

    def open(self, name: str, seed: str, settings: Settings) -> ProjectHandle:
        project = self._emulator.project(name)
        system = settings.clock == "system"
        transport = settings.transport or self._transport
        project.configure(seed=seed, clock="system" if system else "manual", autojump=not system, transport=transport)
        if settings.clock is not None and not isinstance(settings.clock, str):
            project.clock.set(settings.clock)
        if settings.script is not None:
            project.load_script(_loaded(settings.script))
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
    """Our own server, whose clients come by that transport unless a marker says otherwise, or the one at `url`; no
    answer there fails the test."""
    if transport not in TRANSPORTS:
        raise pytest.fail.Exception(
            f"assistants_transport is 'socket' or 'inprocess', not {transport!r}", pytrace=False
        )
    if url is None:
        return OwnServer(transport)
    from pytest_assistants_emulator.attached import AttachedServer

    try:
        return AttachedServer(url)
    except EmulatorError as error:
        raise pytest.fail.Exception(f"--assistants-url: {error}", pytrace=False) from None


@functools.cache
def session_token() -> str:
    """What makes this session's projects others than those of the session before, on an emulator that stays."""
    return secrets.token_hex(4)


def project_name(node_id: str) -> str:
    """The node id as a header may hold it, and the session's token."""
    name = quote(node_id, safe="/:[]-_.,=+@")
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}~{hashlib.sha256(node_id.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return f"{name}#{session_token()}"


def _loaded(script: Path | Mapping[str, Any]) -> Script:
    """Read once a session: a module's tests share its marker, and YAML takes longer than a test."""
    return load_script(script) if isinstance(script, Mapping) else _loaded_file(script, script.stat().st_mtime_ns)


@functools.cache
def _loaded_file(path: Path, changed: int) -> Script:
    return load_script(path)
