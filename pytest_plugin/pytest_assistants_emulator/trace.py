"""`--assistants-trace`: one HTML file for each failing test, which needs nothing else to be read.

It has the conversations, each run with its steps and what each rule said to it, and the requests with their bodies.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistants_emulator.errors import EmulatorError

if TYPE_CHECKING:
    from assistants_emulator.project.request_log import LoggedRequest
    from pytest_assistants_emulator.servers import Handle

MOST_THREADS = 50
MOST_REQUESTS = 500
LONGEST_NAME = 120  # characters of a file's name before it is shortened
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
pre { background: #f5f5f4; padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
h1 { font-size: 1.3rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .2rem .8rem .2rem 0 }
summary { cursor: pointer; font-family: ui-monospace, monospace } .bad { color: #b00020 }
@media (prefers-color-scheme: dark) { body { background: #1c1c1c; color: #ddd } pre { background: #2a2a2a }
.bad { color: #ff8a80 } }
"""


def write_trace(folder: Path, test: str, error: str, handle: Handle) -> Path:
    """Write the file and return its path."""
    name = re.sub(r"[^\w.-]+", "_", test).strip("_")
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(test.encode()).hexdigest()[:8]}"
    path = folder / f"{name}.html"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_page(test, error, handle)), encoding="utf-8")
    return path


def _page(test: str, error: str, handle: Handle) -> Iterator[str]:
    yield f'<!doctype html>\n<meta charset="utf-8">\n<title>{escape(test)}</title>\n<style>{STYLE}</style>'
    yield f"<h1>{escape(test)}</h1>\n<pre>{escape(error)}</pre>"
    yield trace_of(handle, MOST_REQUESTS)


def trace_of(handle: Handle, most_requests: int) -> str:
    """The HTML of what happened in the project, without a page around it; of its newest requests."""
    return "\n".join(_parts(handle, most_requests))


def _parts(handle: Handle, most_requests: int) -> Iterator[str]:
    def requests(handle: Handle) -> Iterator[str]:
        yield from (_request(call) for call in handle.requests[-most_requests:])

    for title, part in (("Conversations", _conversations), ("Runs", _runs), ("Requests", requests)):
        yield f"<h2>{title}</h2>"
        try:
            yield from list(part(handle)) or ["<p>None.</p>"]
        except EmulatorError as problem:  # a cassette has none
            yield f"<p>{escape(str(problem))}</p>"


def _conversations(handle: Handle) -> Iterator[str]:
    for thread_id, text in handle.transcripts(MOST_THREADS).items():
        yield f"<h3>{escape(thread_id)}</h3>\n<pre>{escape(text)}</pre>"


def _runs(handle: Any) -> Iterator[str]:
    state = handle.state()
    verdicts: Callable[[], dict[str, list[str]]] = handle.rule_verdicts
    lines = verdicts()
    for run in state["runs"]:
        yield f"<h3>{escape(run['id'])}: {escape(run['status'])}</h3>"
        if run["last_error"] is not None:
            yield f'<p class="bad">{escape(run["last_error"]["message"])}</p>'
        yield "".join(f"<p>{escape(line)}</p>" for line in lines.get(run["id"], ()))
        steps = [step for step in state["steps"] if step["run_id"] == run["id"]]
        yield "<table><tr><th>time</th><th>step</th><th>status</th><th></th></tr>"
        yield from (_step(run, step) for step in steps)
        yield "</table>"


def _step(run: dict[str, Any], step: dict[str, Any]) -> str:
    details = _details("details", _json(step["step_details"]))
    seconds = f"+{step['created_at'] - run['created_at']} s"
    cells = (seconds, escape(step["type"]), escape(step["status"]), details)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _request(call: LoggedRequest) -> str:
    kind = ' class="bad"' if call.status >= 400 or call.status == 0 else ""
    answer = (call.answer or b"").decode("utf-8", "replace")
    body = "" if call.body is None else f"<pre>{escape(_json(call.body))}</pre>"
    return f"<details><summary{kind}>{escape(str(call))}</summary>{body}<pre>{escape(answer)}</pre></details>"


def _details(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary><pre>{escape(text)}</pre></details>"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
