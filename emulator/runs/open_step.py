"""The step that a run is at: begun, and its end still to be told.

A newcomer would end it with the reply that made it: the next reply may be its usage, or that it was cut short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.runs import content, tokens
from emulator.store import Object

Links = Callable[[str], tuple[str, list[Object]]]


@dataclass(slots=True)
class Open:
    """`message` is whole, but for a text that is told chunk by chunk: that has `links`, which gives the finished text
    and its annotations. `said` are the deltas so far, None when all has been said."""

    step: Object
    message: Object | None
    said: list[Object] | None
    completion_tokens: int = 0
    cut_short: str | None = None
    usage: Object | None = None
    links: Links | None = None

    @property
    def half_told(self) -> bool:
        """Whether its text would have gone on."""
        return self.links is not None

    def told(self) -> list[Object]:
        """The content of the message as far as it has been told."""
        if self.message is None:
            return []
        whole: list[Object] = self.message["content"]
        return whole if self.said is None else content.accumulate(self.said)

    def ending(self, cut_short: str | None) -> Object | None:
        """End a text that was told chunk by chunk: its message is whole then. A last delta, where there is one."""
        if self.message is None or self.links is None:
            return None
        said = self.said or []
        last = None
        if cut_short is None and said and said[-1]["type"] == "text":
            index = said[-1]["index"]
            text = "".join(delta["text"]["value"] for delta in said if delta["index"] == index)
            linked, annotations = self.links(text)
            last = content.closing_delta(index, linked[len(text) :], annotations)
        whole = content.accumulate([*said, last] if last else said)
        self.message = {**self.message, "content": whole}
        self.completion_tokens = tokens.of_message(self.message) - tokens.PER_MESSAGE
        self.said = self.links = None
        return last
