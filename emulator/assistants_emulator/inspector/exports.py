"""A thread, or a thread up to a run, as text to take along: a rule, a test, a transcript, a curl command, a cassette.

Each form is plain text of its own, which a button copies; a browser without scripts shows it. A cassette is a download.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from assistants_emulator.convert.pytest_test import kept, pytest_of
from assistants_emulator.convert.script import script_of, script_text
from assistants_emulator.convert.stored import StoredRun, StoredThread, message_body
from assistants_emulator.errors import NotFound, TooLarge
from assistants_emulator.inspector.request import PageRequest
from assistants_emulator.project.transcript import transcript
from assistants_emulator.recording.cassette import render
from assistants_emulator.resources.lookup import require_run, require_thread

MOST_BYTES = 16 * 1024 * 1024  # of the files that an export holds


@dataclass(frozen=True, slots=True)
class Form:
    """`label` is what the button says; `suffix` the end of a download's name, for one that is not copied."""

    label: str
    write: Callable[[PageRequest, StoredThread, str | None], str]
    suffix: str = ""


def thread_export(request: PageRequest, thread_id: str, form: str) -> Response:
    require_thread(request.context, thread_id)
    return _export(request, form, thread_id, None)


def run_export(request: PageRequest, thread_id: str, run_id: str, form: str) -> Response:
    require_run(request.context, thread_id, run_id)
    return _export(request, form, thread_id, run_id)


def _export(request: PageRequest, name: str, thread_id: str, run_id: str | None) -> Response:
    form = FORMS.get(name)
    if form is None:
        raise NotFound(f"There is no export {name!r}; there are {', '.join(FORMS)}.")
    stored = StoredThread.of(request.context, thread_id, run_id)
    size = sum(map(len, stored.contents.values()))
    if size > MOST_BYTES:
        raise TooLarge(f"Its files have {size} bytes, and an export holds {MOST_BYTES}; a state file holds them all.")
    text = form.write(request, stored, run_id)
    headers = {}
    if form.suffix:
        headers["Content-Disposition"] = f'attachment; filename="{run_id or thread_id}{form.suffix}"'
    return Response(text.encode("utf-8", "replace"), media_type="text/plain", headers=headers)


def _rule(request: PageRequest, stored: StoredThread, run_id: str | None) -> str:
    """A script: one rule for each run, or that of the run alone."""
    script = script_of(stored.exchanges(with_quotes=True))
    chosen = [number for number, id in enumerate(script.runs) if run_id in (None, id)]
    script.runs = [script.runs[number] for number in chosen]
    script.script["replies"] = [_without_usage(script.script["replies"][number]) for number in chosen]
    return script_text(script, as_json=False)


def _without_usage(rule: Mapping[str, object]) -> dict[str, object]:
    """The emulator counts tokens itself."""
    actions = rule["do"]
    assert isinstance(actions, list)
    return {**rule, "do": [action for action in actions if "usage" not in action]}


def _pytest(request: PageRequest, stored: StoredThread, run_id: str | None) -> str:
    return pytest_of(stored, request.context.store)


def _transcript(request: PageRequest, stored: StoredThread, run_id: str | None) -> str:
    return transcript(kept(request.context.store, stored), stored.thread["id"])


def _cassette(request: PageRequest, stored: StoredThread, run_id: str | None) -> str:
    exchanges = stored.exchanges()
    for exchange in exchanges:
        for file in exchange.files():
            file.is_inline = True
    return render(exchange.as_json() for exchange in exchanges).decode()


def _curl(request: PageRequest, stored: StoredThread, run_id: str | None) -> str:
    """The messages and runs, posted to the thread again; of a run itself and the message before it."""
    entries = stored.entries
    if run_id is not None:
        before = max((n for n, entry in enumerate(entries[:-1]) if isinstance(entry, StoredRun)), default=-1)
        entries = entries[before + 1 :]
    place = f"{request.origin}/v1/threads/{stored.thread['id']}"
    commands = []
    for entry in entries:
        is_run = isinstance(entry, StoredRun)
        body = entry.body if isinstance(entry, StoredRun) else message_body(entry)
        commands.append(_command(f"{place}/{'runs' if is_run else 'messages'}", request.key, body))
    return "".join(f"{command}\n" for command in commands)


def _command(url: str, key: str, body: Mapping[str, object]) -> str:
    lines = [f"curl {shlex.quote(url)}", f"-H {shlex.quote(f'Authorization: Bearer {key}')}"]
    lines += ["-H 'OpenAI-Beta: assistants=v2'", "-H 'Content-Type: application/json'"]
    return " \\\n  ".join([*lines, f"--data-raw {shlex.quote(json.dumps(body, ensure_ascii=False))}"])


FORMS: Mapping[str, Form] = {
    "rule": Form("Copy as script rule", _rule),
    "pytest": Form("Copy as pytest", _pytest),
    "transcript": Form("Copy transcript", _transcript),
    "curl": Form("Copy as curl", _curl),
    "cassette": Form("Save as cassette", _cassette, ".cassette.json"),
}
