"""The section of a failing test's report: the requests that the emulator received, and the threads' transcripts."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from pytest_assistants_emulator.teardown import is_told_by_its_text, without_own_frames

if TYPE_CHECKING:
    from assistants_emulator.project.request_log import LoggedRequest, RequestLog
    from pytest_assistants_emulator.servers import Handle

Earlier = Callable[[Iterable[str]], Mapping[str, str]]
TITLE = "assistants emulator"
REMARK = "assistants_emulator"  # the user property of a test's report
MOST_REQUESTS = 50
MOST_THREADS = 5
MOST_CHARACTERS = 4_000  # of one transcript
MISSING_ID = re.compile(r"found with id '([^']+)'|with id '([^']+)' not found")
ADDERS = {"asst": "add_assistant", "thread": "add_thread", "vs": "add_vector_store"}


def section(handle: Handle, escapes: list[str] | None, earlier: Earlier) -> str:
    """The section's text; never raises, so that the test's own error is seen. `escapes` None leaves out the problems,
    where the error itself is about them; `earlier` finds the test of each object of tests that have ended."""
    try:
        requests = handle.requests
        problems = [] if escapes is None else _problems(handle, escapes)
        return "\n".join([*_requests(requests), *_threads(handle), *problems, *missing_objects(requests, earlier)])
    except Exception as error:
        return f"the emulator did not answer: {error!r}"


def missing_objects(requests: RequestLog, earlier: Earlier) -> Iterator[str]:
    """A line for each id that was asked for and does not exist: the earlier test that had it, or how to provide it."""
    ids = missing_ids(requests)
    tests = earlier(ids) if ids else {}
    yield from of_earlier_tests(tests)
    for id in ids:
        kind = id.partition("_")[0]
        if id not in tests and kind in ADDERS:
            yield (
                f"{id} does not exist in this test. To provide it: assistants_emulator.{ADDERS[kind]}({id!r}, ...); "
                "in all tests: `assistants_state = FILE` in pytest's ini file, or `assistants_adopt_ids = true`."
            )


def missing_ids(requests: RequestLog) -> list[str]:
    """The ids that were asked for and do not exist."""
    messages = (_message(call) for call in requests if call.status in (400, 404))
    matches = (MISSING_ID.search(message) for message in messages if message)
    return list(dict.fromkeys(match[1] or match[2] for match in matches if match))


def of_earlier_tests(tests: Mapping[str, str]) -> Iterator[str]:
    """A line for each id that was asked for and is one of an earlier test."""
    for id, test in tests.items():
        yield f"{id} was made in {test}, a test that has ended: each test has objects of its own."


def _requests(requests: RequestLog) -> Iterator[str]:
    older = requests.total - len(requests[-MOST_REQUESTS:])
    yield f"requests ({older} older ones are not shown):" if older else f"requests ({requests.total}):"
    yield from (_line(request) for request in requests[-MOST_REQUESTS:])


def _line(call: LoggedRequest) -> str:
    message = _message(call) if call.status >= 400 else None
    return f"  {call}" if message is None else f"  {call}: {message}"


def _message(call: LoggedRequest) -> str | None:
    """The message of an error's envelope; None for an answer that is none."""
    try:
        return str(json.loads(call.answer or b"")["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return None


def _threads(handle: Handle) -> Iterator[str]:
    for thread_id, text in handle.transcripts(MOST_THREADS).items():
        yield f"{thread_id}:"
        yield from (f"  {line}" for line in _end_of(text).splitlines())


def _problems(handle: Handle, escapes: list[str]) -> Iterator[str]:
    for failure in handle.failures:
        yield f"a responder raised, in {failure.run_id}:"
        error = without_own_frames(failure.error)
        is_text = is_told_by_its_text(error)
        yield "".join((traceback.format_exception_only if is_text else traceback.format_exception)(error)).rstrip()
    yield from map(str, handle.unmatched)
    yield from handle.leftovers().remarks
    yield from escapes


def _end_of(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"...{text[-MOST_CHARACTERS:]}"


def remarks_of(reports: Iterable[object]) -> Iterator[str]:
    """`test: remark` for each in the reports of the session, xdist workers' included."""
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "teardown":
            yield from (f"{report.nodeid}: {text}" for name, text in report.user_properties if name == REMARK)
