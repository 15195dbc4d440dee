"""The options that an emulator was started with: one value, passed down; nothing reads the environment."""

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
DEFAULT_SETTLE_SECONDS = 10.0
ANY = "*"  # of the names and origins that are allowed
TOKEN_VARIABLE = "ASSISTANTS_EMULATOR_TOKEN"
RUN_HEADER = b"x-assistants-emulator-run"  # the run whose responder sends the request, which never waits for it
PROJECT_HEADER = b"x-assistants-emulator-project"  # the project of a control call, in the place of its key
TOKEN_HEADER = b"x-assistants-emulator-token"
TRANSPORTS = ("socket", "inprocess")
CHOICES = {
    "clock": ("system", "manual"),
    "fidelity": ("wire", "spec"),
    "v1": ("serve", "sunset"),
    "transport": TRANSPORTS,
}
DEFAULT_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-4.1")


@dataclass(frozen=True, slots=True)
class Config:
    """Options of one emulator, explained by the command line's help; `settle_seconds` are real seconds."""

    data_dir: Path | None = None
    seed: int | str = 0
    clock: Literal["system", "manual"] = "system"
    fidelity: Literal["wire", "spec"] = "wire"
    v1: Literal["serve", "sunset"] = "serve"
    api_key: str | None = None
    models: tuple[str, ...] = ()
    reasoning_models: tuple[str, ...] = ()
    """Models to add to the table in `resources/models.py`."""
    context_window: int | None = None
    """Tokens that the input of any model may have; by default those of the table in `resources/token_estimates.py`."""
    settle_seconds: float = DEFAULT_SETTLE_SECONDS
    tokens_per_second: float | None = None
    allow_code_execution: bool = False
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    token: str = ""
    """The token of this start, beside the API key; empty: a new one each time."""
    repair: bool = False
    strict_tools: bool = True
    """Fail a run whose responder uses a tool that the run does not declare."""
    allow_callbacks: tuple[str, ...] = ()
    """Hosts, besides this machine, that a script's `call` may name."""
    adopt_ids: bool = False
    """Make unknown assistants, threads and vector stores with defaults at their first use."""
    loaded_projects: int = DEFAULT_LOADED
    """Number of projects with a directory whose objects are in memory; those of others are read on use."""
    person: bool = False
    """Let a person at the inspector answer the runs of new projects that no rule with a condition answers."""
    transport: Literal["socket", "inprocess"] = "socket"
    """Transport of the SDK clients that the emulator makes; it listens on the socket in either case."""

    def __post_init__(self) -> None:
        for option, choices in CHOICES.items():
            if (value := getattr(self, option)) not in choices:
                raise EmulatorError(f"{option} is {' or '.join(map(repr, choices))}, not {value!r}")
        if self.context_window is not None and self.context_window < 1:
            raise EmulatorError(f"context_window is a whole number of tokens from 1 up, not {self.context_window}")
        if self.loaded_projects < 1:
            raise EmulatorError(f"loaded_projects is a whole number from 1 up, not {self.loaded_projects}")

    @property
    def needs_token(self) -> bool:
        """True if the control API's writes and the inspector need the token: they could run code on this machine, or
        answer as the assistant."""
        return self.allow_code_execution or self.person


def project_of_key(key: str) -> str:
    """Return the project that an API key selects: NAME of `sk-emulator-NAME`, `default` for any other key."""
    return key[len(KEY_PREFIX) :] or DEFAULT_PROJECT if key.startswith(KEY_PREFIX) else DEFAULT_PROJECT


def key_of_project(name: str) -> str:
    return KEY_PREFIX + name


@lru_cache(maxsize=256)
def is_loopback(name: str) -> bool:
    """Return whether a host name or address means this machine and nothing else."""
    if name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # a peer of a socket for both families
    return address.is_loopback if mapped is None else bool(mapped.is_loopback)
