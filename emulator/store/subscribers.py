"""Who is told of events, and in which order."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

from emulator.store.event import Event

Callback = Callable[[Event], None]

EVERYTHING = "*"


class Subscribers:
    """Every subscriber sees events in the order of their commits, also when a subscriber commits: that one waits its
    turn. All are called even if one raises; then the exception is raised, or an ExceptionGroup of several.
    """

    def __init__(self) -> None:
        self._callbacks: defaultdict[str, dict[object, Callback]] = defaultdict(dict)
        self._waiting: deque[Event] = deque()
        self._telling = False

    def add(self, topic: str, callback: Callback) -> Callable[[], None]:
        """Subscribe to a topic, or to "*" for every event. What it returns unsubscribes, at once and any time."""
        token = object()
        self._callbacks[topic][token] = callback

        def remove() -> None:
            if topic in self._callbacks:
                self._callbacks[topic].pop(token, None)
                if not self._callbacks[topic]:
                    del self._callbacks[topic]

        return remove

    def has(self, topic: str) -> bool:
        return topic in self._callbacks

    def tell(self, event: Event) -> None:
        """Those of its topic first, then those of everything."""
        self._waiting.append(event)
        if self._telling:
            return
        self._telling = True
        raised: list[Exception] = []
        try:
            while self._waiting:
                self._tell(self._waiting.popleft(), raised)
        finally:
            self._telling = False
        if raised:
            raise raised[0] if len(raised) == 1 else ExceptionGroup("subscribers raised", raised)

    def _tell(self, event: Event, raised: list[Exception]) -> None:
        for topic in (event.topic, EVERYTHING):
            for token, callback in list(self._callbacks.get(topic, {}).items()):
                if token not in self._callbacks.get(topic, {}):
                    continue  # unsubscribed by one that was called before it
                try:
                    callback(event)
                except Exception as error:
                    raised.append(error)
