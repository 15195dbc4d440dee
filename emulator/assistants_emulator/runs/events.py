"""The events of runs: the objects that each persists, and the data that a stream shows.

Names are the API's. Deltas persist nothing: the message or step that they build is written whole when it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from assistants_emulator.resources.run_states import HELD_END
from assistants_emulator.store import Event, Object

ERROR = "error"  # a stream's own event; its wire form was never recorded (docs/reference/behaviour.md#stream-errors)

END_HELD = "run.end_held"


def run_created(run: Object, puts: Iterable[tuple[str, Object]] = ()) -> Event:
    """`puts` are objects that came with the run: additional messages."""
    return Event("thread.run.created", run, (*puts, ("runs", run)), topic=run["id"])


def run_queued(run: Object) -> Event:
    """Shows a run that is stored already: with its creation, or with the step that its outputs ended."""
    return Event("thread.run.queued", run, topic=run["id"])


def run_entered(run: Object, also: Iterable[tuple[str, Object]] = ()) -> Event:
    """`also` are objects that change together with the run: the step whose outputs it now requires."""
    return Event(f"thread.run.{run['status']}", run, (*also, ("runs", run)), topic=run["id"])


def run_end_held(run: Object, ended: Object) -> Event:
    """The run's work is done, and what ends it is kept for the first request that names it; no stream shows this."""
    held = {**run, HELD_END: {key: value for key, value in ended.items() if value != run.get(key)}}
    return Event(END_HELD, held, (("runs", held),), topic=run["id"])


def step_created(step: Object, also: Iterable[tuple[str, Object]] = ()) -> Event:
    """`also` are the files that the step makes."""
    return Event("thread.run.step.created", step, (*also, ("steps", step)), topic=step["run_id"])


def step_in_progress(step: Object) -> Event:
    return Event("thread.run.step.in_progress", step, topic=step["run_id"])


def step_ended(step: Object, also: Iterable[tuple[str, Object]] = ()) -> Event:
    return Event(f"thread.run.step.{step['status']}", step, (("steps", step), *also), topic=step["run_id"])


def step_delta(step: Object, calls: list[Object]) -> Event:
    delta = {"step_details": {"type": "tool_calls", "tool_calls": calls}}
    data = {"id": step["id"], "object": "thread.run.step.delta", "delta": delta}
    return Event("thread.run.step.delta", data, topic=step["run_id"])


def message_created(message: Object) -> Event:
    return Event("thread.message.created", message, (("messages", message),), topic=message["run_id"])


def message_in_progress(message: Object) -> Event:
    return Event("thread.message.in_progress", message, topic=message["run_id"])


def message_begun(step: Object, message: Object, also: Iterable[tuple[str, Object]] = ()) -> Iterator[Event]:
    """A step that creates a message; `also` are files that are stored with it."""
    yield step_created(step, also)
    yield step_in_progress(step)
    yield message_created(message)
    yield message_in_progress(message)


def message_ended(message: Object) -> Event:
    return Event(f"thread.message.{message['status']}", message, (("messages", message),), topic=message["run_id"])


def message_delta(message: Object, part: Object) -> Event:
    data = {"id": message["id"], "object": "thread.message.delta", "delta": {"content": [part]}}
    return Event("thread.message.delta", data, topic=message["run_id"])
