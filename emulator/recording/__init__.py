"""Sessions as files: recorded through a proxy, replayed without it. The names below are its public ones."""

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
    from emulator.recording.cassette import Cassette
    from emulator.recording.exchange import Body, Event, Exchange, Failure, Part, Request, Response
    from emulator.recording.player import Player
    from emulator.recording.recorder import Recorder
    from emulator.recording.stored import Stored

_HOMES = {"Cassette": "cassette", "Player": "player", "Recorder": "recorder", "Stored": "stored"}


def __getattr__(name: str) -> Any:
    """Imported when first used, as `emulator`'s own names are."""
    if name not in __all__:
        raise AttributeError(f"module 'emulator.recording' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"emulator.recording.{_HOMES.get(name, 'exchange')}"), name)
