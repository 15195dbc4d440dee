"""`--assistants-sweep-report`: one HTML file whose cells open their traces, which needs nothing else to be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from assistants_emulator.sweep import EFFECTS
from pytest_assistants_emulator.sweep_table import SYMBOLS, Cell, SweptTest, as_json, summary, worst
from pytest_assistants_emulator.trace import STYLE
from pytest_assistants_emulator.verdicts import VERDICTS

OWN_STYLE = """
table.sweep { width: auto; font-family: ui-monospace, monospace } table.sweep td, table.sweep th { padding: 0 .25rem }
table.sweep td:first-child { padding-right: 1rem; white-space: nowrap } table.sweep a { text-decoration: none }
.fails { color: #b00020; font-weight: bold } .plain { color: inherit; opacity: .6 } .other { color: #946200 }
section.trace { display: none } section.trace:target { display: block; border-top: 3px solid; margin-top: 2rem }
@media (prefers-color-scheme: dark) { .fails { color: #ff8a80 } .other { color: #ffd180 } }
"""


def write_report(path: Path, tests: list[SweptTest]) -> None:
    """Write `path` and the JSON beside it; a path that ends in .json is that alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(as_json(tests), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if path != beside:
        path.write_text("\n".join(_page(tests)) + "\n", encoding="utf-8")


def _page(tests: list[SweptTest]) -> Iterator[str]:
    yield '<!doctype html>\n<meta charset="utf-8">\n<title>Sweep</title>'
    yield f"<style>{STYLE}{OWN_STYLE}</style>\n<h1>Sweep</h1>"
    yield from (f"<p>{escape(line)}</p>" for line in summary(tests))
    yield from _legend()
    for number, test in enumerate(tests):
        yield from _table(number, test)
    for number, test in enumerate(tests):
        yield from (_trace(f"{number}-{index}", test, cell) for index, cell in enumerate(test.cells))


def _legend() -> Iterator[str]:
    yield "<details><summary>legend</summary><table>"
    rows = [(verdict.symbol, verdict.name, verdict.description) for verdict in VERDICTS.values()]
    rows += [(effect.symbol, effect.name, effect.description) for effect in EFFECTS.values()]
    yield from (f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    yield "</table></details>"


def _table(number: int, test: SweptTest) -> Iterator[str]:
    ids = {cell.variant: f"{number}-{index}" for index, cell in enumerate(test.cells)}
    yield f'<h2>{escape(test.test)}</h2>\n<table class="sweep"><tr><th></th>'
    yield "".join(f'<th title="{escape(name)}">{escape(SYMBOLS[name])}</th>' for name in test.effects) + "</tr>"
    for call, effects in test.rows().items():
        cells = "".join(f"<td>{_links(effects.get(name, []), ids)}</td>" for name in test.effects)
        yield f"<tr><td>{escape(call)}</td>{cells}</tr>"
    yield "</table>"


def _links(cells: list[Cell], ids: dict[str, str]) -> str:
    return "".join(
        f'<a class="{_kind(cell)}" title="{escape(f"{cell.variant}: {cell.verdict}")}" href="#v{ids[cell.variant]}">'
        f"{escape(worst([cell]).symbol)}</a>"
        for cell in cells
    )


def _kind(cell: Cell) -> str:
    return "fails" if cell.judged.fails else "other" if cell.verdict == "other" else "plain"


def _trace(id: str, test: SweptTest, cell: Cell) -> str:
    about = EFFECTS[cell.effect].description
    return (
        f'<section class="trace" id="v{id}"><h2>{escape(f"{test.test}[{cell.variant}]")}</h2>'
        f"<p>{escape(about)}</p><p><b>{escape(cell.verdict)}</b>: {escape(cell.detail or cell.judged.description)}</p>"
        f"{cell.trace}</section>"
    )
