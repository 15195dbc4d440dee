"""Events of a project as they are committed, for one client: the API's stream of a run, and the base of all feeds."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from assistants_emulator.project.faults import Fault, InjectedError
from assistants_emulator.project.project import Project
from assistants_emulator.resources import views
from assistants_emulator.resources.route import Version
from assistants_emulator.resources.run_states import TERMINAL
from assistants_emulator.responses import events as response_events
from assistants_emulator.runs.events import ERROR
from assistants_emulator.store import Event, Object
from assistants_emulator.v1 import views as v1_views
from assistants_emulator.web.fault_effects import DropConnection, malformed
from assistants_emulator.web.responses import DONE_FRAME, EVENT_VIEWS, frame

LAST = {f"thread.run.{status}" for status in (*TERMINAL, "requires_action")}
SHOWN_PREFIX = "thread."
RESPONSE_PREFIXES = ("response.", "error")
PADDED_TO = 16
NOT_SHOWN = {"thread.modified", "thread.deleted"}  # the store's own events of threads

OLD_NODE_VERSION = re.compile(rb"4\.(\d|[1-4]\d|5[0-2])\.")
OLD_NODE_PACE = 0.005  # real seconds: at 0.002 some texts are still doubled


class EventFeed:
    """Subscriptions to a project's events for one client. A subclass queues them, and calls `notify` for each.

    The project ends the feeds that are open when it is emptied. Whoever opens a feed closes it.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.has_ended = False
        self._changed = asyncio.Event()
        self._unsubscribe: list[Callable[[], None]] = []

    def subscribe(self, topic: str, listener: Callable[[Event], None]) -> None:
        self._unsubscribe.append(self.project.context.store.subscribe(topic, listener))
        self.project.open_streams.add(self.end)

    def notify(self) -> None:
        """Wake `wait`: there is something to send."""
        self._changed.set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for `notify` or `end`; return False if neither came within the given time."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def end(self) -> None:
        """Send what is queued and no more."""
        self.has_ended = True
        self._changed.set()

    def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self.project.open_streams.discard(self.end)


class EventStream(EventFeed):
    """A run's events as the API streams them: from its creation or continuation until it rests.

    It listens from before the operation that begins or continues the run, so that no event is missed. With a `pace`
    each event is sent by itself, that many real seconds after the one before it.
    """

    last_frame = DONE_FRAME

    def __init__(
        self, project: Project, fault: Fault | None = None, version: Version = "v2", pace: float = 0.0
    ) -> None:
        super().__init__(project)
        self._pace = pace
        self.subject_id = ""
        self._version = version
        self._fault = fault
        self._view = EVENT_VIEWS[project.context.config.fidelity]
        self._count = 0  # of the frames so far
        self._shows_content = False
        self._queue: deque[Event] = deque()
        self.on_error_event: Callable[[], None] | None = None
        """Set for a stream that an `error` event is to end; called as that is sent."""
        self.cuts: list[int] = []
        """The numbers of its events, but for those between the first and the last of equal names in a row."""
        self._names = ("", "")  # of the last two events

    def begin(self, operation: Callable[[], Object]) -> None:
        """Run the operation, which returns the run; its events begin the stream, and what it raises is raised."""
        stop_collecting = self.project.context.store.subscribe("*", self._queue.append)
        try:
            subject = operation()
        finally:
            stop_collecting()
        self.listen(subject)

    def listen(self, subject: Object) -> None:
        """Hear the further events of the run or response."""
        self.subject_id = subject["id"]
        self._shows_content = bool(subject.get("_include"))
        for topic in (subject["id"], *([subject["thread_id"]] if "thread_id" in subject else [])):
            self.subscribe(topic, self._add)

    async def frames(self) -> AsyncIterator[bytes]:
        """The frames; those that are ready go out together, unless there is a pace."""
        try:
            while True:
                ready, is_last = self._take()
                if self._pace:
                    for one_frame in ready:
                        yield one_frame
                        await asyncio.sleep(self._pace)
                elif ready:
                    yield b"".join(ready)
                if self._is_broken():
                    raise DropConnection
                if is_last or self.has_ended:
                    if self.last_frame:
                        yield self.last_frame
                    return
                await self.wait()
        finally:
            self.close()

    def _add(self, event: Event) -> None:
        if event.name == "thread.deleted":
            self.end()
        self._queue.append(event)
        self.notify()

    def _take(self) -> tuple[list[bytes], bool]:
        """The frames of the queued events, and whether these are the last."""
        frames: list[bytes] = []
        while self._queue and not self._is_broken():
            event = self._queue.popleft()
            if self.is_shown(event):
                self._count += 1
                self._note(event.name)
                if self._is_end_in_error(event):
                    return [*frames, *self._ended_in_error(event)], True
                whole = self.frame(event)
                is_malformed = self._fault is not None and self._fault.malformed
                frames.append(malformed(whole) + b"\n\n" if is_malformed else whole)
            if self._count == self._limit and self._fault is not None and self._fault.error is not None:
                return [*frames, frame(ERROR, self._fault.error.body())], True
            if self.is_last(event):
                return frames, True
        return frames, False

    def _note(self, name: str) -> None:
        if self._names == (name, name):
            self.cuts[-1] = self._count
        else:
            self.cuts.append(self._count)
        self._names = (self._names[1], name)

    def _is_end_in_error(self, event: Event) -> bool:
        """True for the first delta, or for the last event of a stream that had none, if an error is to end it."""
        return self.on_error_event is not None and (event.name.endswith(".delta") or self.is_last(event))

    def _ended_in_error(self, event: Event) -> list[bytes]:
        assert self.on_error_event is not None
        self.on_error_event()
        before = [] if self.is_last(event) else [self.frame(event)]
        return [*before, frame(ERROR, InjectedError(500, None, None).body())]

    @property
    def _limit(self) -> int | None:
        return self._fault.drop_after if self._fault is not None else None

    def _is_broken(self) -> bool:
        """Return whether a fault closes the connection here; one with an error ends the stream by an event."""
        return self._count == self._limit and self._fault is not None and self._fault.error is None

    def is_shown(self, event: Event) -> bool:
        return event.name.startswith(SHOWN_PREFIX) and event.name not in NOT_SHOWN

    def is_last(self, event: Event) -> bool:
        return event.name in LAST

    def frame(self, event: Event) -> bytes:
        name, data = event.name, self._view(event.data)
        if self._version == "v1":
            name, data = v1_views.streamed(self.project.context, name, event.data)
        if data["object"] == "thread.run.step" and not self._shows_content:
            data = views.without_search_content(data)
        return frame(name, data)


class ResponseStream(EventStream):
    """A response's events: from its creation, or from one that the client has not had, until it has ended.

    Deltas are padded by `obfuscation` to a multiple of 16 characters unless the request declines that.
    """

    last_frame = b""  # this API sends no [DONE]

    def __init__(self, project: Project, fault: Fault | None = None, obfuscates: bool = True) -> None:
        super().__init__(project, fault)
        self._obfuscates = obfuscates

    def resume(self, response: Object, rows: Iterable[Object]) -> None:
        """Send what was recorded, then what comes."""
        self._queue += [Event(row["name"], row["data"]) for row in rows]
        if response["status"] in response_events.ENDINGS:
            self.subject_id = response["id"]
            self._queue.append(Event(response_events.CANCELLED, {}))
        else:
            self.listen(response)

    def is_shown(self, event: Event) -> bool:
        return event.name.startswith(RESPONSE_PREFIXES) and event.name not in response_events.UNSEEN

    def is_last(self, event: Event) -> bool:
        return event.name in response_events.LAST

    def frame(self, event: Event) -> bytes:
        data = event.data
        if self._obfuscates and "delta" in data:
            missing = PADDED_TO - len(data["delta"]) % PADDED_TO
            ids, number = self.project.context.ids, data["sequence_number"]
            padding = ids.letters(f"obfuscation\0{self.subject_id}", number, missing)
            kind, *others = data.items()
            data = dict([kind, *sorted([*others, ("obfuscation", padding)])])
        return frame(event.name, data)


def pace_of(headers: Mapping[bytes, bytes]) -> float:
    """The pace of a stream for this client, in real seconds; 0 for none.

    The stream helper of openai-node up to 4.52 adds the deltas of a text to the first one, which it doubles where that
    was not read yet (openai/openai-node#1315).
    """
    if headers.get(b"x-stainless-helper-method") != b"stream" or headers.get(b"x-stainless-lang") != b"js":
        return 0.0
    return OLD_NODE_PACE if OLD_NODE_VERSION.match(headers.get(b"x-stainless-package-version", b"")) else 0.0
