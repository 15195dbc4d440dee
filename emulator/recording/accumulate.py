"""Deltas of a recorded stream put together, as the SDKs do it: texts are joined, lists go by their `index`."""

from __future__ import annotations

import json
from typing import Any

Object = dict[str, Any]

_FULLEST = ("content", "step_details")  # later views may say less: without `include`, or when something was created
_WHOLE = ("id", "index", "type", "name")  # said once, never in pieces


def accumulate(told: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add one delta to what was told before it."""
    for key, value in delta.items():
        held = told.get(key)
        if isinstance(value, list):
            told[key] = _listed(held if isinstance(held, list) else [], value)
        elif isinstance(value, dict):
            told[key] = held if isinstance(held, dict) else {}
            accumulate(told[key], value)
        elif isinstance(value, str) and isinstance(held, str) and key not in _WHOLE:
            told[key] = held + value
        elif value is not None or key not in told:
            told[key] = value


def _listed(held: list[Any], delta: list[Any]) -> list[Any]:
    for item in delta:
        if not isinstance(item, dict) or not isinstance(item.get("index"), int):
            held.append(item)
            continue
        known = next((old for old in held if isinstance(old, dict) and old.get("index") == item["index"]), None)
        if known is None:
            held.append(known := {})
        accumulate(known, item)
    return held


def without_index(value: Any) -> Any:
    """The same as an object that was retrieved has it."""
    if isinstance(value, dict):
        return {key: without_index(item) for key, item in value.items() if key != "index"}
    return [without_index(item) for item in value] if isinstance(value, list) else value


def fuller(known: Object, told: Object, only_if_empty: bool = False) -> Object:
    """Of the fields that may be told of in part, the fuller version."""
    return {
        name: known[name] if known.get(name) and _size(known[name]) >= _size(told.get(name)) else told.get(name)
        for name in _FULLEST
        if name in told and (not only_if_empty or _size(known.get(name)) < _size(told[name]))
    }


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))
