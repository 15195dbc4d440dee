"""A run's timeline: each state at its own time, between the steps."""

import re
from typing import Any

import httpx2
from tests.inspector.inspector_helpers import Ask, page_of

from assistants_emulator import Emulator, FunctionCall, Text

WEATHER = {"type": "function", "function": {"name": "get_weather"}}


def entries(page: str) -> list[str]:
    """`in progress at once`, `Called functions` and so on, in the order of the page."""
    timeline = page[page.index('id="timeline"') :]
    pattern = (
        r'<span class="status[^>]*>([^<]+)</span>\s*<span class="dim"><time[^>]*>([^<]+)<|<strong>([^<]+)</strong>'
    )
    return [" ".join(filter(None, match)) for match in re.findall(pattern, timeline)]


def weather_run(emulator: Emulator, ask: Ask) -> Any:
    emulator.respond([FunctionCall("get_weather", {}), Text("Rain.")])
    run = ask("Oslo?", tools=[WEATHER])
    emulator.clock.advance(5)
    (call,) = run.required_action.submit_tool_outputs.tool_calls
    runs = emulator.client().beta.threads.runs
    outputs = [{"tool_call_id": call.id, "output": "rain"}]
    return runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs)


def test_a_run_that_goes_on_keeps_the_time_of_its_first_start(
    emulator: Emulator, ask: Ask, browser: httpx2.Client
) -> None:
    run = weather_run(emulator, ask)
    assert entries(browser.get(page_of(run)).text)[1:] == [
        *("in progress at once", "Called functions", "requires action at once"),
        *("queued after 5 s", "in progress after 5 s", "Wrote a message", "completed after 5 s"),
    ]


def test_a_run_of_a_state_file_has_the_times_that_its_objects_tell(
    emulator: Emulator, ask: Ask, browser: httpx2.Client
) -> None:
    run = weather_run(emulator, ask)
    emulator.load_state(emulator.state())
    page = browser.get(page_of(run)).text
    assert entries(page)[1:] == [
        *("Called functions", "requires action at once"),
        *("queued after 5 s", "in progress after 5 s", "Wrote a message", "completed after 5 s"),
    ]
    assert page.count("status-in_progress") == 2


def test_the_api_does_not_show_the_transitions(emulator: Emulator, ask: Ask) -> None:
    run = weather_run(emulator, ask)
    assert "_entered" not in run.model_dump()
    assert "_entered" not in emulator.state()["runs"][0]
