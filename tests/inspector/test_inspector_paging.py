"""Long lists come in pages, by the store's own cursors."""

import html
import re
import time
from typing import Any

import httpx2
import pytest

from assistants_emulator import Emulator


def state(messages: int) -> dict[str, Any]:
    def message(number: int) -> dict[str, Any]:
        content = [{"type": "text", "text": {"value": f"number {number}.", "annotations": []}}]
        return {"id": f"msg_{number}", "thread_id": "thread_1", "role": "user", "content": content}

    return {"threads": [{"id": "thread_1"}], "messages": [message(number) for number in range(messages)]}


def numbers(shown: str) -> list[int]:
    return [int(number) for number in re.findall(r"number (\d+)\.", shown[shown.index('id="conversation"') :])]


def links(answer: httpx2.Response) -> dict[str, httpx2.URL]:
    found = re.findall(r'<a (?:rel="next" )?href="([^"]+)">([\w ]+)</a>', answer.text)
    return {label: answer.url.join(html.unescape(href)) for href, label in found}


def test_a_thread_is_read_upwards_and_downwards(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.load_state(state(100))
    newest = browser.get("threads/thread_1")
    assert numbers(newest.text) == list(range(70, 100))
    older = browser.get(links(newest)["Older messages"])
    assert numbers(older.text) == list(range(40, 70))
    assert numbers(browser.get(links(older)["Newer messages"]).text) == list(range(70, 100))
    first = browser.get(links(older)["First"])
    assert numbers(first.text) == list(range(30))
    assert "Older messages" not in links(first)
    assert "Newest" not in links(newest)


def test_a_cursor_that_is_not_there_is_not_found(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.load_state(state(1))
    assert browser.get("threads/thread_1", params={"before": "msg_x"}).status_code == 404
    assert browser.get("threads", params={"after": "thread_x"}).status_code == 404


def test_lists_go_on(emulator: Emulator, browser: httpx2.Client) -> None:
    emulator.load_state({"threads": [{"id": f"thread_{number}"} for number in range(60)]})
    shown = browser.get("threads")
    assert shown.text.count("<li data-key=") == 50
    older = browser.get(links(shown)["Older"]).text
    assert re.findall(r'data-key="(\w+)"', older[older.index('id="list"') :]) == [
        f"thread_{number}" for number in range(9, -1, -1)
    ]


def test_the_request_log_is_paged_and_filtered(emulator: Emulator, browser: httpx2.Client) -> None:
    client = emulator.client()
    for _ in range(60):
        client.beta.threads.create()
    with pytest.raises(Exception, match="No thread found"):
        client.beta.threads.retrieve("thread_x")
    shown = browser.get("requests")
    assert re.findall(r'<tr data-key="(\d+)"', shown.text)[:2] == ["61", "60"]
    older = browser.get(links(shown)["Older"]).text
    assert re.findall(r'<tr data-key="(\d+)"', older) == [str(number) for number in range(11, 0, -1)]
    assert re.findall(r'<tr data-key="(\d+)"', browser.get("requests?show=errors").text) == ["61"]
    assert re.findall(r'<tr data-key="(\d+)"', browser.get("requests?text=GET").text) == ["61"]


def test_many_messages_are_no_slower(emulator: Emulator, browser: httpx2.Client) -> None:
    """A page that looked at all of them would take far longer."""
    emulator.load_state(state(10_000))
    took: list[float] = []
    for path in ("threads/thread_1", "threads/thread_1?before=msg_5000", "threads/thread_1?after=start") * 3:
        started = time.process_time()  # not affected by the load of the machine
        assert browser.get(path).status_code == 200
        took.append(time.process_time() - started)
    assert min(took) < 0.05
