"""Sessions as files: recorded through a proxy, replayed without it. `__all__` has the public names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "Body",
    "Cassette",
    "Event",
    "Exchange",
    "Failure",
    "Part",
    "Player",
    "Recorder",
    "Request",
    "Response",
    "Stored",
]

if TYPE_CHECKING:
    from assistants_emulator.recording.cassette import Cassette
    from assistants_emulator.recording.exchange import Body, Event, Exchange, Failure, Part, Request, Response, Stored
    from assistants_emulator.recording.player import Player
    from assistants_emulator.recording.recorder import Recorder

_HOMES = {
    "Body": "exchange",
    "Cassette": "cassette",
    "Event": "exchange",
    "Exchange": "exchange",
    "Failure": "exchange",
    "Part": "exchange",
    "Player": "player",
    "Recorder": "recorder",
    "Request": "exchange",
    "Response": "exchange",
    "Stored": "exchange",
}


def __getattr__(name: str) -> Any:
    """Import the name when it is first used, as the package's own are."""
    if name not in _HOMES:
        raise AttributeError(f"module 'assistants_emulator.recording' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"assistants_emulator.recording.{_HOMES[name]}"), name)
