"""The section of a failing test's report: what was asked of the emulator, and what became of the threads."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_assistants_emulator.teardown import as_raised

if TYPE_CHECKING:
    from assistants_emulator.handle import ProjectHandle

TITLE = "assistants emulator"
REMARK = "assistants_emulator"  # the user property of a test's report
MOST_REQUESTS = 50
MOST_THREADS = 5
MOST_CHARACTERS = 4_000


def section(handle: ProjectHandle, escapes: list[str] | None) -> str:
    """Never an error of its own: the test's is the one to be seen. With `escapes` None, only what it is not about."""
    try:
        return "\n".join([*_calls(handle), *_threads(handle), *([] if escapes is None else _troubles(handle, escapes))])
    except Exception as error:
        return f"could not be asked: {error!r}"


def _calls(handle: ProjectHandle) -> Iterator[str]:
    requests = handle.requests
    older = requests.total - len(requests[-MOST_REQUESTS:])
    yield f"requests ({older} older ones are not shown):" if older else f"requests ({requests.total}):"
    yield from (f"  {call}" for call in requests[-MOST_REQUESTS:])


def _threads(handle: ProjectHandle) -> Iterator[str]:
    for thread_id, text in handle.transcripts(MOST_THREADS).items():
        yield f"{thread_id}:"
        yield from (f"  {line}" for line in _end_of(text).splitlines())


def _troubles(handle: ProjectHandle, escapes: list[str]) -> Iterator[str]:
    for failure in handle.failures:
        yield f"a responder raised, in {failure.run_id}:"
        yield "".join(traceback.format_exception(as_raised(failure.error))).rstrip()
    yield from escapes


def _end_of(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"...{text[-MOST_CHARACTERS:]}"


def remarks_of(reports: Iterable[object]) -> Iterator[str]:
    """`test: remark` for each in the reports of the session, of its workers too."""
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "teardown":
            yield from (f"{report.nodeid}: {text}" for name, text in report.user_properties if name == REMARK)
