"""The project's clock and its faults, and its script."""

from __future__ import annotations

import datetime
import math
from typing import Any

from starlette.responses import Response

from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.project.faults import METHODS, Fault

MOST_SECONDS = 10 * 365 * 86400.0
STEPS = ((60, "1 minute"), (600, "10 minutes"), (3600, "1 hour"), (86400, "1 day"), (7 * 86400, "1 week"))
FORM = "%Y-%m-%dT%H:%M"


def controls(ask: PageRequest, error: str | None = None) -> Response:
    clock = ask.context.clock
    return ask.render(
        "controls.html",
        status=400 if error else 200,
        clock=clock,
        steps=STEPS,
        faults=list(ask.project.faults),
        methods=METHODS,
        script=ask.project.script,
        error=error,
    )


async def advance(ask: PageRequest) -> Response:
    seconds = _number(ask.field("seconds"))
    if seconds is None or not 0 <= seconds <= MOST_SECONDS:
        return controls(ask, "The clock is moved by a number of seconds, from 0 up to ten years.")
    await ask.project.advance(seconds)
    return ask.to("controls")


async def set_clock(ask: PageRequest) -> Response:
    try:
        when = datetime.datetime.strptime(ask.field("when")[:16], FORM).replace(tzinfo=datetime.UTC)
    except ValueError:
        return controls(ask, "The clock is set to a date and time such as 2025-01-31T12:00, in UTC.")
    await ask.project.driver.move_clock(when.timestamp())
    return ask.to("controls")


def add_fault(ask: PageRequest) -> Response:
    try:
        ask.project.faults.add(_fault(ask))
    except (EmulatorError, ApiError, ValueError) as error:
        return controls(ask, f"No fault was added: {message_of(error)}.".replace("..", "."))
    return ask.to("controls")


def clear_faults(ask: PageRequest) -> Response:
    ask.project.faults.clear()
    return ask.to("controls")


def _fault(ask: PageRequest) -> Fault:
    options: dict[str, Any] = {name: ask.field(name) for name in ("message", "code") if ask.field(name)}
    options |= {name: int(ask.field(name)) for name in ("status", "drop_after", "times") if ask.field(name)}
    options |= {name: float(ask.field(name)) for name in ("delay", "probability") if ask.field(name)}
    options |= {name: True for name in ("stuck", "malformed") if ask.field(name)}
    if not options.keys() - {"times", "probability"}:
        raise EmulatorError(
            "a fault needs an effect: status, delay, drop after, message, code, stuck or malformed JSON"
        )
    return Fault(f"{ask.field('method')} {ask.field('path')}", **options)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
