"""The files that travel with the package: demo scripts and documents."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """`scripts/math_tutor.yaml` and the like: inside the wheel, or in the checkout's `fixtures`."""
    inside = _PACKAGE / "fixtures" / name
    return inside if inside.exists() else _PACKAGE.parent / "fixtures" / name
