from __future__ import annotations

from typing import Any

import pytest

from assistants_emulator.retrieval.index import matches

ATTRIBUTES = {"city": "Oslo", "year": 2024, "share": 0.5, "draft": False}


def compare(kind: str, key: str, value: Any) -> bool:
    return matches({"type": kind, "key": key, "value": value}, ATTRIBUTES)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("eq", "city", "Oslo"),
        ("eq", "year", 2024.0),
        ("eq", "draft", False),
        ("ne", "city", "oslo"),
        ("gt", "year", 2023),
        ("gte", "year", 2024),
        ("lt", "share", 1),
        ("lte", "share", 0.5),
        ("gt", "city", "Bergen"),
        ("in", "city", ["Bergen", "Oslo"]),
        ("nin", "city", ["Bergen"]),
        ("nin", "city", []),
    ],
)
def test_a_comparison_that_holds(kind: str, key: str, value: Any) -> None:
    assert compare(kind, key, value)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("eq", "city", "Bergen"),
        ("ne", "city", "Oslo"),
        ("gt", "year", 2024),
        ("gte", "year", 2024.5),
        ("lt", "share", 0.5),
        ("lte", "share", 0.4),
        ("in", "city", []),
        ("nin", "city", ["Oslo"]),
    ],
)
def test_a_comparison_that_does_not_hold(kind: str, key: str, value: Any) -> None:
    assert not compare(kind, key, value)


@pytest.mark.parametrize("kind", ["eq", "gt", "gte", "lt", "lte"])
@pytest.mark.parametrize(
    ("key", "value"), [("year", "2024"), ("city", 1), ("draft", 0), ("share", True), ("city", ["Oslo"])]
)
def test_values_of_different_types_do_not_compare(kind: str, key: str, value: Any) -> None:
    assert not compare(kind, key, value)


@pytest.mark.parametrize("kind", ["gt", "gte", "lt", "lte"])
def test_true_and_false_are_in_no_order(kind: str) -> None:
    assert not compare(kind, "draft", False)


@pytest.mark.parametrize(("key", "value"), [("draft", 0), ("year", "2024")])
def test_values_of_different_types_are_unequal(key: str, value: Any) -> None:
    assert compare("ne", key, value)
    assert compare("nin", key, [value])


@pytest.mark.parametrize("attributes", [{}, None])
def test_a_missing_attribute_matches_ne_and_nin_only(attributes: dict[str, Any] | None) -> None:
    kinds = ["eq", "ne", "gt", "gte", "lt", "lte"]
    found = [kind for kind in kinds if matches({"type": kind, "key": "x", "value": 1}, attributes)]
    found += [kind for kind in ("in", "nin") if matches({"type": kind, "key": "x", "value": [1]}, attributes)]
    assert found == ["ne", "nin"]


YES = {"type": "eq", "key": "city", "value": "Oslo"}
NO = {"type": "ne", "key": "city", "value": "Oslo"}


@pytest.mark.parametrize(
    ("parts", "all_hold", "any_holds"),
    [
        ([YES, YES], True, True),
        ([YES, NO], False, True),
        ([NO, YES], False, True),
        ([NO], False, False),
        ([], True, False),
    ],
)
def test_and_wants_all_and_or_wants_one(parts: list[dict[str, Any]], all_hold: bool, any_holds: bool) -> None:
    assert matches({"type": "and", "filters": parts}, ATTRIBUTES) is all_hold
    assert matches({"type": "or", "filters": parts}, ATTRIBUTES) is any_holds


def test_filters_nest() -> None:
    nested: dict[str, Any] = {"type": "and", "filters": [YES, {"type": "or", "filters": [NO, YES]}]}
    for _ in range(200):
        nested = {"type": "or", "filters": [NO, nested]}
    assert matches(nested, ATTRIBUTES)
