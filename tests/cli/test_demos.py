"""The demos that are played in the browser, played through the API; and `demo NAME`, as a process."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from click.testing import Result

from assistants_emulator import Emulator
from assistants_emulator.cli.demos import DEMOS, demo_named, prepare, shipped


def play(name: str, said: str) -> tuple[Any, Any, str]:
    """The client, the run that answers `said`, and what it wrote."""
    with Emulator(script=shipped(f"scripts/{name}.yaml")) as emulator:
        client = emulator.client()
        assistant_id, thread_id = prepare(client, name)
        client.beta.threads.messages.create(thread_id, role="user", content=said)
        run = client.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant_id)
        while run.status == "requires_action":
            calls = run.required_action.submit_tool_outputs.tool_calls
            outputs = [{"tool_call_id": call.id, "output": f"<{call.function.name}>"} for call in calls]
            run = client.beta.threads.runs.submit_tool_outputs_and_poll(
                run_id=run.id, thread_id=thread_id, tool_outputs=outputs
            )
        parts = client.beta.threads.messages.list(thread_id, order="asc", run_id=run.id)
        written = "\n".join(part.text.value for message in parts for part in message.content if part.type == "text")
        return client, run, written


@pytest.mark.parametrize(("name", "said"), [(name, said) for name, demo in DEMOS.items() for said in demo.tries])
def test_every_offered_message_is_answered_by_a_rule_of_its_own(name: str, said: str) -> None:
    _, run, written = play(name, said)
    assert run.status == ("failed" if said.startswith("Cancel") else "completed"), run.last_error
    assert "Ask " not in written
    assert "Try: " not in written


def test_the_travel_desk_uses_the_submitted_outputs() -> None:
    _, _, written = play("travel_desk", "Please book SK4711 for me")
    assert "Booking: <book_flight>" in written
    assert "Ticket: <send_ticket>" in written


def test_the_handbook_cites() -> None:
    _, _, written = play("handbook", "How do I get into the wireless?")
    assert "†employee_handbook.pdf】" in written
    assert "†office_guide.md】" in written


def test_the_beginning_of_a_name_will_do() -> None:
    assert [demo_named(name) for name in ("travel", "math", "Handbook", "data-analyst")] == [
        "travel_desk",
        "math_tutor",
        "handbook",
        "data_analyst",
    ]


def test_a_demo_is_not_made_twice() -> None:
    with Emulator() as emulator:
        client = emulator.client()
        first, second = prepare(client, "handbook"), prepare(client, "handbook")
        assert first[0] == second[0]
        assert first[1] != second[1]


def test_it_is_served_until_it_is_stopped() -> None:
    command = [sys.executable, "-m", "assistants_emulator", "demo", "travel", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        (url,) = re.findall(r"http://\S+", process.stdout.readline())
        assert "Find me a flight to Lisbon" in httpx2.get(url).text
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[1] == ""
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_a_demo_that_there_is_not_is_one_line(command_line: Callable[..., Result]) -> None:
    ran = command_line("demo", "chess")
    assert ran.exit_code == 1
    assert ran.stderr == (
        "Error: there is no demo 'chess'; there are: math_tutor, travel_desk, handbook, data_analyst\n"
    )
