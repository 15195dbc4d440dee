"""A page with the project's clock, faults and script, and forms for the clock and the faults."""

from __future__ import annotations

import datetime
import math
from typing import Any

from starlette.responses import Response

from assistants_emulator.convert.script import yaml_text
from assistants_emulator.errors import ApiError, EmulatorError
from assistants_emulator.inspector.request import PageRequest, message_of
from assistants_emulator.project.faults import METHODS, Fault
from assistants_emulator.responders.scripts.load import Script

MOST_SECONDS = 10 * 365 * 86400.0
STEPS = ((60, "1 minute"), (600, "10 minutes"), (3600, "1 hour"), (86400, "1 day"), (7 * 86400, "1 week"))
TIME_FORMAT = "%Y-%m-%dT%H:%M"


def controls(
    request: PageRequest, error: str | None = None, *, script_error: str | None = None, script_text: str | None = None
) -> Response:
    """`script_text` is what was posted, with its mistake; else the form has the project's script."""
    clock = request.context.clock
    return request.render(
        "controls.html",
        status=400 if error or script_error else 200,
        clock=clock,
        steps=STEPS,
        faults=list(request.project.faults),
        methods=METHODS,
        script=request.project.script,
        script_text=_text_of(request.project.script) if script_text is None else script_text,
        script_error=script_error,
        error=error,
    )


async def advance(request: PageRequest) -> Response:
    seconds = _number(request.field("seconds"))
    if seconds is None or not 0 <= seconds <= MOST_SECONDS:
        return controls(
            request, f"Seconds are a number from 0 to {MOST_SECONDS:.0f} (ten years), not {request.field('seconds')!r}."
        )
    await request.project.advance(seconds)
    return request.to("controls")


async def set_clock(request: PageRequest) -> Response:
    try:
        when = datetime.datetime.strptime(request.field("when")[:16], TIME_FORMAT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return controls(request, f"The time is one like 2025-01-31T12:00, in UTC, not {request.field('when')!r}.")
    await request.project.scheduler.move_clock(when.timestamp())
    return request.to("controls")


def add_fault(request: PageRequest) -> Response:
    try:
        request.project.faults.add(_fault(request))
    except (EmulatorError, ApiError, ValueError) as error:
        return controls(request, f"No fault was added: {message_of(error)}.".replace("..", "."))
    return request.to("controls")


def clear_faults(request: PageRequest) -> Response:
    request.project.faults.clear()
    return request.to("controls")


def _text_of(script: Script | None) -> str:
    """The script as YAML; comments of its file are not kept."""
    return "" if script is None else yaml_text(script.raw)


def _fault(request: PageRequest) -> Fault:
    options: dict[str, Any] = {name: request.field(name) for name in ("message", "code") if request.field(name)}
    options |= {name: int(request.field(name)) for name in ("status", "drop_after", "times") if request.field(name)}
    options |= {name: float(request.field(name)) for name in ("delay", "probability") if request.field(name)}
    options |= {name: True for name in ("stuck", "malformed") if request.field(name)}
    if not options.keys() - {"times", "probability"}:
        raise EmulatorError(
            "a fault needs an effect: status, delay, drop after, message, code, stuck or malformed JSON"
        )
    return Fault(f"{request.field('method')} {request.field('path')}", **options)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
