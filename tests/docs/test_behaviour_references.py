"""The rules in docs/reference/behaviour.md: each heading is an anchor, and what code and tests refer to is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "behaviour.md"
PLACES = [ROOT / "emulator", ROOT / "pytest_plugin", ROOT / "tests"]
REFERENCE = re.compile(r"behaviour\.md#([\w-]*)")


def slug(heading: str) -> str:
    """As Python-Markdown makes it of a heading without accents."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def anchors() -> list[str]:
    without_code = re.sub(r"^```.*?^```$", "", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [slug(heading) for heading in re.findall(r"^#+ (.+)$", without_code, re.MULTILINE)]


def references() -> list[tuple[str, str]]:
    """File and anchor."""
    paths = [path for place in PLACES for path in sorted(place.rglob("*.py")) if path != Path(__file__)]
    found = ((str(path.relative_to(ROOT)), REFERENCE.findall(path.read_text())) for path in paths)
    return [(path, anchor) for path, anchors in found for anchor in anchors]


def test_every_rule_that_is_referred_to_is_there() -> None:
    known = set(anchors())
    assert [(path, anchor) for path, anchor in references() if anchor not in known] == []


def test_no_two_headings_have_the_same_anchor() -> None:
    found = anchors()
    assert [anchor for anchor in found if found.count(anchor) > 1] == []


def test_an_anchor_is_what_the_documentation_makes_of_a_heading() -> None:
    assert [slug(heading) for heading in ("Run states", "v1", "Files: limits")] == ["run-states", "v1", "files-limits"]
