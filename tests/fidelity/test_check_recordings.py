"""The check that replays recordings: parsing of a report, and reviewed differences."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_recordings import KNOWN, KNOWN_OF_RESPONSES, Difference, Known, parse, read_known, unreviewed

REPORT = """\
   4x GET /files/{id}  status 404, recorded 200: {
  "error": {

        first in one.yml (2023-04)
   1x POST /threads/{id}/runs (stream)  event order [], recorded ['done']
        first in two.yml (2024-04)
skipped: {'status 401': 9}
855 compared, 845 the same (98.8%), 10 differ, 414 skipped
"""
FOUND = [
    Difference(4, "GET /files/{id}", 'status 404, recorded 200: {\n  "error": {\n', "one.yml (2023-04)"),
    Difference(1, "POST /threads/{id}/runs (stream)", "event order [], recorded ['done']", "two.yml (2024-04)"),
]


def test_a_report_is_read() -> None:
    assert parse(REPORT) == FOUND


@pytest.mark.parametrize(
    ("count", "endpoint", "pattern", "told"),
    [
        (4, "GET /files/{id}", "^status 404", 0),
        (5, "GET /files/{id}", "^status 404", 0),
        (3, "GET /files/{id}", "^status 404", 1),
        (4, "GET /files/{id}", "^status 400", 1),
        (4, "GET /files", "^status 404", 1),
    ],
)
def test_unreviewed_differences_are_reported(count: int, endpoint: str, pattern: str, told: int) -> None:
    assert len(unreviewed(FOUND[:1], [Known(endpoint, pattern, count, "because")])) == told


@pytest.mark.parametrize("path", [KNOWN, KNOWN_OF_RESPONSES], ids=lambda path: path.stem)
def test_every_known_difference_has_a_reason(path: Path) -> None:
    assert all(len(known.reason) > 20 for known in read_known(path))
