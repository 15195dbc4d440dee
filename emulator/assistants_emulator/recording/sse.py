"""Server-sent events: read from chunks as they pass, and written again."""

from __future__ import annotations

import json
from typing import Any

from assistants_emulator.recording.exchange import Event

DONE = "[DONE]"


class EventReader:
    """`feed` bytes cut anywhere; `events` are those whose blank line has come."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._rest: list[bytes] = []  # of a line
        self._name: str | None = None
        self._data: list[str] = []

    @property
    def done(self) -> bool:
        """True after `[DONE]`; nothing of interest follows."""
        return bool(self.events) and self.events[-1].data == DONE

    def feed(self, chunk: bytes, at: float) -> None:
        self._rest.append(chunk)
        if b"\n" not in chunk:
            return
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest = [rest]
        for line in lines:
            self._line(line.removesuffix(b"\r").decode("utf-8", "replace"), at)

    def finish(self, at: float) -> list[Event]:
        """All events, the last one too if upstream left out its blank line."""
        self.feed(b"\n\n", at)
        return self.events

    def _line(self, line: str, at: float) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif not line:
            if self._data:
                self.events.append(Event(self._name, _parsed("\n".join(self._data)), at))
            self._name, self._data = None, []


def frame(event: Event) -> bytes:
    text = (
        event.data if isinstance(event.data, str) else json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
    )
    lines = [f"event: {event.event}"] if event.event is not None else []
    return ("\n".join([*lines, *(f"data: {line}" for line in text.split("\n"))]) + "\n\n").encode()


def _parsed(text: str) -> Any:
    """Objects and lists as JSON, all else as its text, so that `frame` writes `[DONE]` and `"x"` as they were read."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict | list) else text
