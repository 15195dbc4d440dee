"""The section of a failing test's report: the requests that the emulator received, and the threads' transcripts."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_assistants_emulator.teardown import without_own_frames

if TYPE_CHECKING:
    from pytest_assistants_emulator.servers import Handle

TITLE = "assistants emulator"
REMARK = "assistants_emulator"  # the user property of a test's report
MOST_REQUESTS = 50
MOST_THREADS = 5
MOST_CHARACTERS = 4_000  # of one transcript


def section(handle: Handle, escapes: list[str] | None) -> str:
    """The section's text; never raises, so that the test's own error is seen. `escapes` None leaves out the problems,
    where the error itself is about them."""
    try:
        problems = [] if escapes is None else _problems(handle, escapes)
        return "\n".join([*_requests(handle), *_threads(handle), *problems])
    except Exception as error:
        return f"the emulator did not answer: {error!r}"


def _requests(handle: Handle) -> Iterator[str]:
    requests = handle.requests
    older = requests.total - len(requests[-MOST_REQUESTS:])
    yield f"requests ({older} older ones are not shown):" if older else f"requests ({requests.total}):"
    yield from (f"  {request}" for request in requests[-MOST_REQUESTS:])


def _threads(handle: Handle) -> Iterator[str]:
    for thread_id, text in handle.transcripts(MOST_THREADS).items():
        yield f"{thread_id}:"
        yield from (f"  {line}" for line in _end_of(text).splitlines())


def _problems(handle: Handle, escapes: list[str]) -> Iterator[str]:
    for failure in handle.failures:
        yield f"a responder raised, in {failure.run_id}:"
        yield "".join(traceback.format_exception(without_own_frames(failure.error))).rstrip()
    yield from escapes


def _end_of(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"...{text[-MOST_CHARACTERS:]}"


def remarks_of(reports: Iterable[object]) -> Iterator[str]:
    """`test: remark` for each in the reports of the session, xdist workers' included."""
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "teardown":
            yield from (f"{report.nodeid}: {text}" for name, text in report.user_properties if name == REMARK)
