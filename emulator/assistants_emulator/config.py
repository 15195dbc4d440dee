"""What an emulator was started with. One value, handed down; nothing reads the environment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from assistants_emulator import __version__
from assistants_emulator.errors import EmulatorError

VERSION = __version__
KEY_PREFIX = "sk-emulator-"
DEFAULT_PROJECT = "default"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8106
DEFAULT_LOADED = 100
TRANSPORTS = ("socket", "inprocess")
DEFAULT_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1")


@dataclass(frozen=True, slots=True)
class Config:
    """Options of one emulator; `settle_seconds` are real seconds, everything else is explained by the command line."""

    data_dir: Path | None = None
    seed: int | str = 0
    clock: Literal["system", "manual"] = "system"
    fidelity: Literal["wire", "spec"] = "wire"
    v1: Literal["serve", "sunset"] = "serve"
    api_key: str | None = None
    models: tuple[str, ...] = ()
    reasoning_models: tuple[str, ...] = ()
    settle_seconds: float = 10.0
    tokens_per_second: float | None = None
    allow_code_execution: bool = False
    allow_hosts: tuple[str, ...] = ()
    repair: bool = False
    loaded_projects: int = DEFAULT_LOADED
    """Of how many projects with a directory the objects are in memory; those of others are read when they are used."""
    transport: Literal["socket", "inprocess"] = "socket"
    """How the SDK clients that the emulator makes reach it. The socket is there for everybody else in either case."""

    def __post_init__(self) -> None:
        if self.transport not in TRANSPORTS:
            raise EmulatorError(f"transport is 'socket' or 'inprocess', not {self.transport!r}")
        if self.loaded_projects < 1:
            raise EmulatorError(f"loaded_projects is a whole number from 1 up, not {self.loaded_projects}")


def project_of_key(key: str) -> str:
    """The project that an API key selects: NAME of `sk-emulator-NAME`, `default` for any other key."""
    return key[len(KEY_PREFIX) :] or DEFAULT_PROJECT if key.startswith(KEY_PREFIX) else DEFAULT_PROJECT


def key_of_project(name: str) -> str:
    return KEY_PREFIX + name


@lru_cache(maxsize=256)
def is_loopback(name: str) -> bool:
    """Return whether a host name or address means this machine and nothing else."""
    if name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
