"""One change of state, as the store persists it and as subscribers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""An API object as it is stored. Stored objects are never changed in place: a change is a new dict."""


@dataclass(frozen=True, slots=True)
class Event:
    """`name` and `data` are what a stream would show; `puts` and `drops` are what it does to the tables.

    `puts` are (table, whole new object), `drops` are (table, object id), applied in this order: puts, then drops.
    `topic` is the id that subscribers listen to (a run's id, for run events); "" for nobody.
    """

    name: str
    data: Object
    puts: tuple[tuple[str, Object], ...] = ()
    drops: tuple[tuple[str, str], ...] = ()
    topic: str = ""
