"""`requests.where(...)`: assertions on the calls that were made."""

from __future__ import annotations

import pytest

from assistants_emulator.project.request_log import OVERHEAD, LogBudget, RequestLog


@pytest.fixture
def log() -> RequestLog:
    log = RequestLog()
    log.add("POST", "/v1/assistants", b'{"model":"gpt-4o"}', 200)
    log.add("POST", "/v1/threads/thread_1/runs", b"", 200)
    log.add("GET", "/v1/threads/thread_1/messages?order=asc", b"", 200)
    log.add("GET", "/v1/threads/thread_2/messages", b"", 404)
    return log


def test_one_gives_the_call(log: RequestLog) -> None:
    assert log.where(method="POST", path="/assistants").one().body == {"model": "gpt-4o"}


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 4),
        ({"method": "get"}, 2),
        ({"path": "/threads/*/messages"}, 2),
        ({"path": "/v1/threads/*/messages"}, 2),
        ({"path": "/threads/thread_1/messages?order=asc"}, 1),
        ({"path": "/threads/*/messages", "status": 404}, 1),
        ({"path": "/threads"}, 0),
        ({"path": "/threads/*"}, 0),
        ({"status": 500}, 0),
    ],
)
def test_all_gives_those_that_fit(log: RequestLog, wanted: dict[str, object], count: int) -> None:
    assert len(log.where(**wanted).all(count)) == count


def test_none_lists_the_calls_that_were_made(log: RequestLog) -> None:
    log.where(method="DELETE").none()
    with pytest.raises(AssertionError) as told:
        log.where(method="GET", path="/threads/*/messages").none()
    assert str(told.value).splitlines() == [
        "expected no request GET /threads/*/messages, but there were 2:",
        "  GET /v1/threads/thread_1/messages?order=asc 200",
        "  GET /v1/threads/thread_2/messages 404",
    ]


def test_one_that_is_missing_shows_what_there_was(log: RequestLog) -> None:
    with pytest.raises(AssertionError) as told:
        log.where(method="POST", path="/threads/*/messages", status=200).one()
    assert str(told.value).splitlines()[:2] == [
        "expected one request POST /threads/*/messages 200, but there was none; the requests were:",
        "  POST /v1/assistants 200",
    ]


def test_an_empty_log_is_reported_as_that() -> None:
    with pytest.raises(AssertionError, match=r"expected 3 requests of any kind, but there was none; there were no"):
        RequestLog().where().all(3)


def test_only_the_newest_are_shown() -> None:
    log = RequestLog()
    for number in range(30):
        log.add("GET", f"/v1/models/{number}", b"", 200)
    with pytest.raises(AssertionError) as told:
        log.where(method="POST").one()
    assert "the requests were (the newest 20 of 30):\n  GET /v1/models/10 200\n" in str(told.value)


def test_a_log_is_bounded_in_bytes() -> None:
    log = RequestLog()
    for number in range(10):
        log.add("POST", f"/v1/threads?{number}", bytes(40_000), 200)
        log.most_bytes = 200_000
    assert [call.path[-1] for call in log] == ["5", "6", "7", "8", "9"][-len(log) :]
    assert 3 <= len(log) <= 5
    assert log.dropped == 10 - len(log)


def test_a_copied_body_is_counted_too() -> None:
    log = RequestLog()
    assert log.bytes == 0
    log.add("POST", "/v1/threads", b"1" * 1000, 200, answer=b"2" * 500)
    assert 1500 <= log.bytes <= 1500 + OVERHEAD + 20
    log.clear()
    assert log.bytes == 0


def test_the_logs_of_a_server_share_a_bound_and_the_longest_gives_way() -> None:
    budget = LogBudget(most_bytes=1_000_000)
    quiet, busy = RequestLog(budget), RequestLog(budget)
    quiet.add("GET", "/v1/threads", b"", 200)
    for _ in range(100):
        busy.add("POST", "/v1/threads", bytes(50_000), 200)
    assert len(quiet) == 1
    assert 0 < busy.bytes <= 1_000_000
    assert budget.bytes == quiet.bytes + busy.bytes


def test_a_forgotten_log_gives_its_share_back() -> None:
    budget = LogBudget(most_bytes=1_000_000)
    log = RequestLog(budget)
    log.add("POST", "/v1/threads", bytes(50_000), 200)
    log.close()
    assert budget.bytes == 0
