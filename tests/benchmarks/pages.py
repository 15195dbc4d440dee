"""The time of each of the inspector's pages with much stored, and of its searches, client and all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx2
from tests.benchmarks.measure import PROCESSOR, Row, in_turn

from assistants_emulator import Emulator

PAGE_MS, SEARCH_MS = 50.0, 200.0
TIMES = 9
MESSAGES_OF_A_THREAD = 10
STATUSES = ("completed", "completed", "completed", "failed", "expired")
PAGES = (
    *("", "threads", "threads?status=failed", "threads?after=thread_50", "threads/thread_7", "runs"),
    *("runs?status=failed", "threads/thread_7/runs/run_7", "assistants", "files", "requests", "responses"),
    *("conversations", "go?id=run_77", "compare?a=run_7&b=run_8", "playground?thread=thread_7"),
)
SEARCHES = (
    *("threads?text=number 77777", "threads?text=nowhere", "threads?text=user:carol&status=failed"),
    *("runs?text=number 77777", "runs?text=nowhere", "runs?text=question&status=failed", "go?id=msg_77"),
)


def pages(messages: int) -> Iterator[Row]:
    """A row for each page, of a project with a run for each ten messages."""
    with Emulator(clock="manual") as emulator:
        emulator.load_state(state(messages))
        with httpx2.Client(base_url=f"{emulator.inspector_url}projects/default/", trust_env=False) as client:
            client.get("").raise_for_status()
            for paths, target, section in ((PAGES, PAGE_MS, "Pages"), (SEARCHES, SEARCH_MS, "Searches")):
                costs = in_turn([partial(_get, client, path) for path in paths], TIMES)
                for path, cost in zip(paths, costs, strict=True):
                    name = f"/{path}" if path else "overview"
                    yield Row(f"{section} with {messages:,} messages", name, cost.wall, "ms", target=target)
                    processor = f"{section} with {messages:,} messages{PROCESSOR}"
                    yield Row(processor, name, cost.processor, "ms", target=target)


def state(messages: int) -> dict[str, list[dict[str, Any]]]:
    threads = range(messages // MESSAGES_OF_A_THREAD)
    users = ("carol", "dave")
    return {
        "assistants": [{"id": "asst_1", "model": "gpt-4o", "name": "Tutor"}],
        "threads": [{"id": f"thread_{n}", "metadata": {"user": users[n % 2]}} for n in threads],
        "messages": [_message(number) for number in range(messages)],
        "runs": [
            {
                "id": f"run_{n}",
                "thread_id": f"thread_{n}",
                "assistant_id": "asst_1",
                "status": STATUSES[n % len(STATUSES)],
                "model": "gpt-4o",
            }
            for n in threads
        ],
    }


def _message(number: int) -> dict[str, Any]:
    text = f"The question of number {number}, as long as people usually make it when they ask."
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    role = "assistant" if number % 2 else "user"
    return {
        "id": f"msg_{number}",
        "thread_id": f"thread_{number // MESSAGES_OF_A_THREAD}",
        "role": role,
        "content": content,
    }


def _get(client: httpx2.Client, path: str) -> None:
    client.get(path, follow_redirects=True).raise_for_status()
