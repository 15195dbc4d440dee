"""Rows as a table, as JSON, and as a small chart of the ratios that have a target."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from os import cpu_count
from typing import Any
from xml.sax.saxutils import escape

from tests.benchmarks.measure import PROCESSOR, Row

LIBRARIES = ("openai", "starlette", "uvicorn", "pydantic", "orjson", "tinydb")
LEFT, SCALE, LINE, MOST = 430, 150, 22, 2.5  # pixels: of the names, of one target, of a line; targets that are drawn


def machine() -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.machine()}, {cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:6.2f} x {row.against}"
    target = "" if row.target is None else f"{'>=' if row.at_least else '<='} {row.target:g}"
    met = {None: "", True: "met", False: "MISSED"}[row.is_met]
    return f"{row.name:38.38} {row.value:10,.2f} {row.unit:9} {ratio:22} {target:8} {met}".rstrip()


def table(rows: Iterable[Row]) -> str:
    sections: dict[str, list[str]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(line(row))
    return "\n".join(part for name, lines in sections.items() for part in (f"\n{name}", *lines))


def as_json(rows: Iterable[Row]) -> dict[str, Any]:
    return {"machine": machine(), "figures": [row.as_json() for row in rows]}


def chart(rows: Sequence[Row]) -> str:
    """One bar per row; its length is the share of the target that was used, the line is the target."""
    drawn = [row for row in rows if row.target is not None and not row.section.endswith(PROCESSOR)]
    width, height = LEFT + int(MOST * SCALE) + 60, LINE * len(drawn) + 40
    bars = "\n".join(_bar(row, 10 + LINE * number) for number, row in enumerate(drawn))
    at = LEFT + SCALE
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" \
font-size="12">
<rect width="100%" height="100%" fill="white"/>
{bars}
<line x1="{at}" y1="4" x2="{at}" y2="{height - 24}" stroke="black" stroke-dasharray="3 3"/>
<text x="{at}" y="{height - 8}" text-anchor="middle">target</text>
</svg>
"""


def _bar(row: Row, y: int) -> str:
    judged, target = row.judged or 0.0, row.target or 1.0
    used = (target / judged if judged else MOST) if row.at_least else judged / target
    length = int(min(used, MOST) * SCALE)
    shown = f"{judged:.2f}" + (" x" if row.ratio is not None else f" {row.unit}")
    name = escape(f"{row.section}: {row.name}")
    colour = "#3a7d44" if row.is_met else "#b3412e"
    return (
        f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{name}</text>'
        f'<rect x="{LEFT}" y="{y + 2}" width="{length}" height="{LINE - 6}" fill="{colour}"/>'
        f'<text x="{LEFT + max(length, SCALE) + 6}" y="{y + 13}">{shown}</text>'
    )
