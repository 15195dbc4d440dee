"""Cursor pages: limit, order, after and before, the same for every list."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest


@pytest.fixture
def made(client: openai.OpenAI, thread: Any) -> list[str]:
    """Ids of seven messages of one thread, oldest first."""
    return [client.beta.threads.messages.create(thread.id, role="user", content=str(n)).id for n in range(7)]


@pytest.fixture
def page(wire: httpx2.Client, thread: Any) -> Any:
    """`page(**query)`: the ids of a page and whether there is more."""

    def page(**query: Any) -> tuple[list[str], bool]:
        body = wire.get(f"/threads/{thread.id}/messages", params=query).json()
        return [message["id"] for message in body["data"]], body["has_more"]

    return page


def test_a_page_has_its_keys_in_wire_order(wire: httpx2.Client, thread: Any, made: list[str]) -> None:
    body = wire.get(f"/threads/{thread.id}/messages", params={"limit": 2}).json()
    assert list(body) == ["object", "data", "first_id", "last_id", "has_more"]
    assert (body["object"], body["first_id"], body["last_id"]) == ("list", made[6], made[5])


def test_has_more_is_true_until_the_last_page(page: Any, made: list[str]) -> None:
    assert page(limit=2, order="asc") == (made[:2], True)
    assert page(limit=2, order="asc", after=made[1]) == (made[2:4], True)
    assert page(limit=2, order="asc", after=made[3]) == (made[4:6], True)
    assert page(limit=2, order="asc", after=made[5]) == (made[6:], False)


def test_an_empty_page_has_no_ids(wire: httpx2.Client) -> None:
    body = wire.get("/assistants").json()
    assert body == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_a_page_after_the_last_object_is_empty(page: Any, made: list[str]) -> None:
    assert page(after=made[0]) == ([], False)


def test_the_sdk_walks_all_pages(client: openai.OpenAI, thread: Any, made: list[str]) -> None:
    walked = [message.id for message in client.beta.threads.messages.list(thread.id, limit=3)]
    assert walked == made[::-1]


def test_limit_1_is_the_newest(page: Any, made: list[str]) -> None:
    assert page(limit=1) == ([made[6]], True)


def test_without_a_limit_there_are_20(client: openai.OpenAI, thread: Any, page: Any) -> None:
    for number in range(21):
        client.beta.threads.messages.create(thread.id, role="user", content=str(number))
    ids, more = page()
    assert (len(ids), more) == (20, True)


def test_limit_100_is_allowed(page: Any, made: list[str]) -> None:
    assert page(limit=100) == (made[::-1], False)


def test_before_in_descending_order_has_the_newer_objects(page: Any, made: list[str]) -> None:
    assert page(order="desc", before=made[4]) == ([made[6], made[5]], False)


def test_after_with_limit_1_has_the_next_older_object(page: Any, made: list[str]) -> None:
    assert page(order="desc", after=made[4], limit=1) == ([made[3]], True)


def test_before_in_ascending_order_begins_at_the_start_of_the_list(page: Any, made: list[str]) -> None:
    assert page(order="asc", before=made[2]) == (made[:2], False)


def test_after_and_before_together_are_what_lies_between(page: Any, made: list[str]) -> None:
    assert page(order="asc", after=made[1], before=made[4]) == (made[2:4], False)


def test_unknown_query_keys_and_empty_values_are_ignored(page: Any, made: list[str]) -> None:
    assert page(limit="", order="", after="", before="", bogus="1") == (made[::-1], False)


QUERY_ERRORS = {
    "limit above": (
        {"limit": "101"},
        "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead.",
        ("limit", "integer_above_max_value"),
    ),
    "limit below": (
        {"limit": "0"},
        "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead.",
        ("limit", "integer_below_min_value"),
    ),
    "limit not a number": (
        {"limit": "ten"},
        "Invalid type for 'limit': expected an integer, but got a string instead.",
        ("limit", "invalid_type"),
    ),
    "order bad": (
        {"order": "up"},
        "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
        ("order", "invalid_value"),
    ),
    "after, bad prefix": (
        {"after": "x"},
        "Invalid 'after': 'x'. Expected an ID that begins with 'asst'.",
        ("after", "invalid_value"),
    ),
    "before, bad prefix": (
        {"before": "msg_1"},
        "Invalid 'before': 'msg_1'. Expected an ID that begins with 'asst'.",
        ("before", "invalid_value"),
    ),
}


@pytest.mark.parametrize(("query", "message", "fault"), QUERY_ERRORS.values(), ids=QUERY_ERRORS)
def test_a_bad_limit_order_or_cursor_is_refused(refused: Any, query: Any, message: str, fault: tuple[str, str]) -> None:
    error = {"message": message, "type": "invalid_request_error", "param": fault[0], "code": fault[1]}
    assert refused("GET", "/assistants", params=query) == (400, error)


def test_an_unknown_cursor_is_not_found(refused: Any) -> None:
    error = {"message": "No assistant found with id 'asst_x'.", "type": "invalid_request_error"}
    assert refused("GET", "/assistants", params={"after": "asst_x"}) == (404, {**error, "param": None, "code": None})


@pytest.mark.parametrize("below", ["messages", "runs", "runs/{run}/steps"])
def test_every_list_of_a_thread_has_pages(wire: httpx2.Client, ask: Any, below: str) -> None:
    run = ask()
    path = f"/threads/{run.thread_id}/{below.format(run=run.id)}"
    (newest,) = wire.get(path, params={"limit": 1}).json()["data"]
    assert newest["id"] not in wire.get(path, params={"after": newest["id"]}).text
