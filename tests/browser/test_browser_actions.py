"""Copying, editing and deleting in the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistants_emulator import Emulator, FunctionCall

WIDTHS = (1280, 390, 360)


WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}


def converse(emulator: Emulator, **options: Any) -> Any:
    """A run of one question; options are the assistant's."""
    beta = emulator.client().beta
    assistant = beta.assistants.create(**{"model": "gpt-4o", "name": "Tutor", **options})
    thread = beta.threads.create(messages=[{"role": "user", "content": "What is the weather?"}])
    return beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)


@pytest.mark.parametrize("of_run", [False, True], ids=["thread", "run"])
def test_a_test_is_copied_from_the_page_and_passes(
    page: Any, emulator: Emulator, pytester: pytest.Pytester, of_run: bool
) -> None:
    emulator.respond("It is sunny.")
    run = converse(emulator)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{emulator.inspector_url}projects/default/threads/{run.thread_id}{f'/runs/{run.id}' * of_run}")
    page.get_by_text("Copy as pytest").click()
    page.get_by_text("Copied").wait_for()
    pytester.makepyfile(page.evaluate("navigator.clipboard.readText()"))
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_mistake_in_a_script_is_selected(page: Any, emulator: Emulator) -> None:
    page.goto(f"{emulator.inspector_url}projects/default/controls")
    page.get_by_label("YAML or JSON").fill("version: 1\nreplies:\n- do:\n  - txt: Hello")
    page.get_by_text("Use this script").click()
    page.get_by_text("unknown action 'txt'").wait_for()
    selected = "(({selectionStart: a, selectionEnd: b, value}) => value.slice(a, b))(document.activeElement)"
    assert page.evaluate(selected).strip() == "- txt: Hello"


def test_a_state_is_saved_and_loaded(page: Any, emulator: Emulator, tmp_path: Path) -> None:
    run = converse(emulator)
    page.goto(f"{emulator.inspector_url}projects/default/controls")
    with page.expect_download() as download:
        page.get_by_text("Download state").click()
    download.value.save_as(tmp_path / "state.json")
    emulator.reset()
    with page.expect_navigation():
        page.locator("input[type=file]").set_input_files(tmp_path / "state.json")
    assert "user: What is the weather?" in emulator.transcript(run.thread_id)


def test_a_wrong_state_is_told_and_changes_nothing(page: Any, emulator: Emulator, tmp_path: Path) -> None:
    before = converse(emulator).thread_id
    (tmp_path / "state.json").write_text(json.dumps({"thread": []}))
    page.goto(f"{emulator.inspector_url}projects/default/controls")
    page.locator("input[type=file]").set_input_files(tmp_path / "state.json")
    page.get_by_text("Nothing was changed: state: unknown table 'thread'").wait_for()
    assert [thread["id"] for thread in emulator.state()["threads"]] == [before]


def test_a_thread_is_deleted_in_two_steps(page: Any, emulator: Emulator) -> None:
    run = converse(emulator)
    page.goto(f"{emulator.inspector_url}projects/default/threads/{run.thread_id}")
    page.locator("summary", has_text="Delete thread").click()
    page.get_by_role("button", name="Delete thread").click()
    page.wait_for_url("**/threads")
    assert emulator.state()["threads"] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_forms_fit_every_width(page: Any, emulator: Emulator, width: int) -> None:
    run = converse(emulator)
    page.set_viewport_size({"width": width, "height": 800})
    paths = (
        f"threads/{run.thread_id}",
        f"threads/{run.thread_id}/runs/{run.id}",
        f"assistants/{run.assistant_id}",
        "controls",
    )
    for path in paths:
        page.goto(f"{emulator.inspector_url}projects/default/{path}")
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_what_a_function_was_called_with_is_copied(page: Any, emulator: Emulator) -> None:
    emulator.respond(FunctionCall("get_weather", {"city": "Oslo"}))
    run = converse(emulator, tools=[WEATHER])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{emulator.inspector_url}projects/default/threads/{run.thread_id}/runs/{run.id}")
    page.locator("#timeline .copyable", has_text="city").get_by_role("button", name="Copy").first.click()
    page.get_by_text("Copied").wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == {"city": "Oslo"}


def test_an_id_is_copied(page: Any, emulator: Emulator) -> None:
    run = converse(emulator)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{emulator.inspector_url}projects/default/threads/{run.thread_id}/runs/{run.id}")
    page.locator(".facts dd", has_text=run.id).get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == run.id
