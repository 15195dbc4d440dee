"""A thread, or a thread up to a run, as text to take along: a rule, a test, a transcript, a curl command, a cassette.

Each form is plain text of its own, which a button copies; a browser without scripts shows it. A cassette is a download.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from assistants_emulator.convert.as_pytest import pytest_of
from assistants_emulator.convert.script import script_of, script_text
from assistants_emulator.convert.stored import StoredRun, StoredThread, message_body
from assistants_emulator.errors import NotFound, TooLarge
from assistants_emulator.inspector.calls import curl_command
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.recording.cassette import render
from assistants_emulator.resources.lookup import require_run, require_thread

MOST_BYTES = 16 * 1024 * 1024  # of the files that an export holds
MOST_ENTRIES = 1000  # messages and runs: reading them holds the loop for a twentieth of a second


@dataclass(frozen=True, slots=True)
class Export:
    """A thread up to the run `run_id`, if there is one, to be written in any form by any thread."""

    stored: StoredThread
    run_id: str | None
    transcript: str
    origin: str
    key: str


@dataclass(frozen=True, slots=True)
class Form:
    """`label` is what the button says; `suffix` the end of a download's name, for one that is not copied."""

    label: str
    write: Callable[[Export], str]
    suffix: str = ""


async def thread_export(request: PageRequest, thread_id: str, form: str) -> Response:
    require_thread(request.context, thread_id)
    return await _export(request, form, thread_id, None)


async def run_export(request: PageRequest, thread_id: str, run_id: str, form: str) -> Response:
    require_run(request.context, thread_id, run_id)
    return await _export(request, form, thread_id, run_id)


async def _export(request: PageRequest, name: str, thread_id: str, run_id: str | None) -> Response:
    """The form's text, written by a thread: the server's loop only reads the objects."""
    form = FORMS.get(name)
    if form is None:
        raise NotFound(f"There is no export {name!r}; there are {', '.join(FORMS)}.")
    store = request.context.store
    entries = sum(store.count(table, "thread_id", thread_id) for table in ("messages", "runs"))
    if entries > MOST_ENTRIES:
        raise TooLarge(f"The thread has {entries} messages and runs, and an export holds {MOST_ENTRIES}.")
    stored = StoredThread.of(request.context, thread_id, run_id)
    size = sum(map(len, stored.contents.values()))
    if size > MOST_BYTES:
        raise TooLarge(f"Its files have {size} bytes, and an export holds {MOST_BYTES}; a state file holds them all.")
    export = Export(stored, run_id, stored.transcript(store), request.origin, request.key)
    text = await asyncio.to_thread(form.write, export)
    headers = {}
    if form.suffix:
        headers["Content-Disposition"] = f'attachment; filename="{run_id or thread_id}{form.suffix}"'
    return Response(text.encode("utf-8", "replace"), media_type="text/plain; charset=utf-8", headers=headers)


def _rule(export: Export) -> str:
    """A script: one rule for each run, or that of the run alone."""
    script = script_of(export.stored.exchanges(with_quotes=True))
    chosen = [number for number, id in enumerate(script.runs) if export.run_id in (None, id)]
    script.runs = [script.runs[number] for number in chosen]
    script.script["replies"] = [_without_usage(script.script["replies"][number]) for number in chosen]
    return script_text(script, as_json=False)


def _without_usage(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The emulator counts tokens itself."""
    return {**rule, "do": [action for action in rule["do"] if "usage" not in action]}


def _pytest(export: Export) -> str:
    return pytest_of(export.stored, export.transcript)


def _transcript(export: Export) -> str:
    return export.transcript


def _cassette(export: Export) -> str:
    exchanges = export.stored.exchanges()
    for exchange in exchanges:
        for file in exchange.files():
            file.is_inline = True
    return render(exchange.as_json() for exchange in exchanges).decode()


def _curl(export: Export) -> str:
    """The messages and runs, posted to the thread again; of a run itself and the messages before it."""
    entries = export.stored.entries
    if export.run_id is not None:
        before = max((n for n, entry in enumerate(entries[:-1]) if isinstance(entry, StoredRun)), default=-1)
        entries = entries[before + 1 :]
    place = f"{export.origin}/v1/threads/{export.stored.thread['id']}"
    commands = []
    for entry in entries:
        is_run = isinstance(entry, StoredRun)
        body = entry.body if isinstance(entry, StoredRun) else message_body(entry)
        text = json.dumps(body, ensure_ascii=False)
        commands.append(curl_command("POST", f"{place}/{'runs' if is_run else 'messages'}", export.key, text))
    return "".join(f"{command}\n" for command in commands)


FORMS: Mapping[str, Form] = {
    "rule": Form("Copy as script rule", _rule),
    "pytest": Form("Copy as pytest", _pytest),
    "transcript": Form("Copy transcript", _transcript),
    "curl": Form("Copy as curl", _curl),
    "cassette": Form("Save as cassette", _cassette, ".cassette.json"),
}
