"""Failures and unmatched runs of a long session: the newest stay, the others are counted."""

from __future__ import annotations

import traceback

from assistants_emulator.errors import Failure
from assistants_emulator.turns.invocation import MOST_KEPT, MOST_WITH_LOCALS, Failures, Newest


def failure(number: int) -> Failure:
    responder_local = f"local {number}"
    try:
        raise ValueError(number, responder_local)
    except ValueError as error:
        return Failure(f"run_{number}", error)


def local_of(failure: Failure) -> str | None:
    frame, _ = list(traceback.walk_tb(failure.error.__traceback__))[-1]
    return frame.f_locals.get("responder_local")


def test_the_newest_are_kept_and_the_others_counted() -> None:
    texts: Newest[int] = Newest()
    for number in range(MOST_KEPT + 5):
        texts.append(number)
    assert (len(texts), texts[0], texts[-1], texts.dropped) == (MOST_KEPT, 5, MOST_KEPT + 4, 5)


def test_old_failures_keep_their_traceback_without_the_locals() -> None:
    failures = Failures()
    for number in range(MOST_WITH_LOCALS + 1):
        failures.append(failure(number))
    assert (local_of(failures[0]), local_of(failures[1])) == (None, "local 1")
    assert "in failure" in "".join(traceback.format_exception(failures[0].error))
