"""Filters on the attributes of vector store files: `{type: eq, key, value}` and `{type: and, filters}` (surface.md).

A missing attribute equals nothing: it matches `ne` and `nin` and no other. Values of different types are never equal
and never in an order; numbers are one type, true and false are no numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def matches(filter: Mapping[str, Any], attributes: Mapping[str, Any] | None) -> bool:
    """Whether a file with these attributes is wanted; the filter is one that the contract let through."""
    kind: str = filter["type"]
    if kind not in ("and", "or"):
        return _compares(kind, (attributes or {}).get(filter["key"]), filter["value"])
    for part in filter["filters"]:  # no generator: filters may be nested as deep as the stack allows
        if matches(part, attributes) is (kind == "or"):
            return kind == "or"
    return kind == "and"


def _compares(kind: str, has: Any, wanted: Any) -> bool:
    if kind in ("eq", "ne"):
        return _equal(has, wanted) is (kind == "eq")
    if kind in ("in", "nin"):
        among = any(_equal(has, value) for value in wanted) if isinstance(wanted, list) else False
        return among is (kind == "in")
    ordered = _type(has) == _type(wanted) in ("number", "string")
    return ordered and _ORDERS[kind](has, wanted)


def _equal(has: Any, wanted: Any) -> bool:
    return _type(has) == _type(wanted) and bool(has == wanted)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string" if isinstance(value, str) else "other"
