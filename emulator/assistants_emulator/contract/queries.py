"""Query strings: pages of lists, filters, `include[]`. See docs/reference/behaviour.md#pagination.

Unknown keys are ignored, and an empty value counts as missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assistants_emulator.contract import error_texts
from assistants_emulator.errors import unsupported_value, wrong_type

LIMITS = (1, 100)
DEFAULT_LIMIT = 20
FILES_LIMITS = (1, 10_000)
ORDERS = ("asc", "desc")
FILE_STATUSES = ("in_progress", "completed", "failed", "cancelled")
INCLUDABLE = ("step_details.tool_calls[*].file_search.results[*].content",)

# more digits are no number that a page could have, and Python refuses to read thousands of them
_INTEGER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of a list: how many objects, newest first or not, and the ids that it lies between."""

    limit: int = DEFAULT_LIMIT
    descending: bool = True
    after: str | None = None
    before: str | None = None


def list_query(raw: Mapping[str, str]) -> ListQuery:
    """Parse the page that a list is asked for; whether the cursors exist is checked by the list.

    InvalidParameter for a limit that is not 1..100 or an order that is neither asc nor desc.
    """
    limit, order = raw.get("limit"), raw.get("order")
    return ListQuery(
        limit=_limit(limit) if limit else DEFAULT_LIMIT,
        descending=_order(order) == "desc" if order else True,
        after=raw.get("after") or None,
        before=raw.get("before") or None,
    )


def files_query(raw: Mapping[str, str]) -> ListQuery:
    """Parse the page of `GET /files`: 10,000 objects by default, no `before`, and error texts of its own."""
    lowest, highest = FILES_LIMITS
    limit, order = raw.get("limit") or str(highest), raw.get("order") or "desc"
    if not _INTEGER.fullmatch(limit) or not lowest <= int(limit) <= highest:
        raise error_texts.wrong_limit(lowest, highest)
    if order not in ORDERS:
        raise error_texts.wrong_order()
    return ListQuery(limit=int(limit), descending=order == "desc", after=raw.get("after") or None)


def status_filter(raw: Mapping[str, str]) -> str | None:
    """`filter` of a list of vector store files: one of their statuses, or None for all."""
    status = raw.get("filter")
    if status and status not in FILE_STATUSES:
        raise unsupported_value("filter", status, FILE_STATUSES)
    return status or None


def includes(values: Iterable[str], known: Sequence[str] = INCLUDABLE) -> frozenset[str]:
    """The values of `include[]`, one for each key. InvalidParameter for the first that is not `known`."""
    named = [value for value in values if value]
    for index, value in enumerate(named):
        if value not in known:
            raise unsupported_value(f"include[{index}]", value, known)
    return frozenset(named)


def _limit(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise wrong_type("limit", "an integer", error_texts.kind(text))
    lowest, highest = LIMITS
    if int(text) < lowest:
        raise error_texts.below_minimum("limit", lowest, int(text))
    if int(text) > highest:
        raise error_texts.above_maximum("limit", highest, int(text))
    return int(text)


def _order(text: str) -> str:
    if text not in ORDERS:
        raise unsupported_value("order", text, ORDERS)
    return text
