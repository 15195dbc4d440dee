"""The memory that a sweep's record of calls holds: none of what calls have sent."""

import sys

from assistants_emulator.sweep.calls import RETRY_COUNT, Calls


def test_the_body_of_a_refused_call_is_not_kept() -> None:
    calls, body = Calls(), bytes(100)
    before = sys.getrefcount(body)
    calls.answered(calls.arrive("POST", "/files", "/files", {}, body), 500, body)
    assert sys.getrefcount(body) == before


def test_a_retry_is_known_by_its_body_all_the_same() -> None:
    calls = Calls()
    calls.answered(calls.arrive("POST", "/files", "/files", {RETRY_COUNT: b"0"}, b"one"), 500, b"one")
    assert calls.arrive("POST", "/files", "/files", {RETRY_COUNT: b"1"}, b"other").number == 2
    assert calls.arrive("POST", "/files", "/files", {RETRY_COUNT: b"1"}, b"one").number == 1
