"""Pages, filters and `include[]` as query strings ask for them (docs/reference/behaviour.md#pagination)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assistants_emulator.contract import ListQuery, files_query, includes, list_query, status_filter
from assistants_emulator.errors import InvalidParameter

CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        ({}, ListQuery(limit=20, descending=True, after=None, before=None)),
        ({"limit": "1", "order": "asc"}, ListQuery(limit=1, descending=False)),
        ({"limit": "100", "order": "desc"}, ListQuery(limit=100)),
        ({"after": "msg_1", "before": "msg_2"}, ListQuery(after="msg_1", before="msg_2")),
        ({"limit": "", "order": "", "after": "", "before": ""}, ListQuery()),
        ({"timeout": "120", "filter": "x"}, ListQuery()),
    ],
)
def test_a_page_is_what_was_asked_for_and_defaults(raw: dict[str, str], query: ListQuery) -> None:
    assert list_query(raw) == query


def test_the_list_of_files_has_its_own_default_and_no_before() -> None:
    query = files_query({"order": "asc", "after": "file-1", "before": "file-2", "purpose": "assistants"})
    assert query == ListQuery(limit=10_000, descending=False, after="file-1", before=None)


@pytest.mark.parametrize("status", ["in_progress", "completed", "failed", "cancelled"])
def test_a_status_filters(status: str) -> None:
    assert status_filter({"filter": status}) == status


@pytest.mark.parametrize("raw", [{}, {"filter": ""}])
def test_without_filter_all_files_are_listed(raw: dict[str, str]) -> None:
    assert status_filter(raw) is None


def test_the_content_of_search_results_can_be_included() -> None:
    assert includes([CONTENT, ""]) == {CONTENT}


def limit_text(side: str, bound: str, got: str) -> str:
    return f"Invalid 'limit': integer {side} value. Expected a value {bound}, but got {got} instead."


NOT_AN_INTEGER = "Invalid type for 'limit': expected an integer, but got a string instead."
REFUSED: list[tuple[Callable[[Any], object], Any, str, str | None, str | None]] = [
    (list_query, {"limit": "101"}, limit_text("above maximum", "<= 100", "101"), "limit", "integer_above_max_value"),
    (list_query, {"limit": "0"}, limit_text("below minimum", ">= 1", "0"), "limit", "integer_below_min_value"),
    (list_query, {"limit": "-1"}, limit_text("below minimum", ">= 1", "-1"), "limit", "integer_below_min_value"),
    (list_query, {"limit": "ten"}, NOT_AN_INTEGER, "limit", "invalid_type"),
    (list_query, {"limit": "9" * 5000}, NOT_AN_INTEGER, "limit", "invalid_type"),
    (
        list_query,
        {"order": "up"},
        "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
        "order",
        "invalid_value",
    ),
    (files_query, {"limit": "10001"}, "limit must be between 1 and 10000.", None, None),
    (files_query, {"limit": "0"}, "limit must be between 1 and 10000.", None, None),
    (files_query, {"limit": "ten"}, "limit must be between 1 and 10000.", None, None),
    (files_query, {"order": "up"}, "order must be asc or desc.", None, None),
    (
        status_filter,
        {"filter": "done"},
        "Invalid value: 'done'. Supported values are: 'in_progress', 'completed', 'failed', and 'cancelled'.",
        "filter",
        "invalid_value",
    ),
    (
        includes,
        [CONTENT, "usage"],
        f"Invalid value: 'usage'. Supported values are: '{CONTENT}'.",
        "include[1]",
        "invalid_value",
    ),
]


@pytest.mark.parametrize(("read", "raw", "message", "param", "code"), REFUSED)
def test_a_query_that_cannot_be_is_refused(
    read: Callable[[Any], object], raw: Any, message: str, param: str | None, code: str | None
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        read(raw)
    assert (caught.value.message, caught.value.param, caught.value.code) == (message, param, code)
