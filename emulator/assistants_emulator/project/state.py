"""A project's objects as one JSON value: what GET shows and PUT takes, and what a state file holds.

Objects are as the API renders them under v2; a file carries its bytes as `content_base64`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from assistants_emulator.errors import EmulatorError
from assistants_emulator.project.state_schema import FORMS, StateForm, check_status, check_value, normalised
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import used_contents
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import decode_base64, encode_base64

State = dict[str, list[Object]]


def get_state(context: Context) -> State:
    """Every table, oldest object first."""
    return {form.table: [_shown(context, form, object) for object in context.store.all(form.table)] for form in FORMS}


def read_state(source: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """The state in a JSON file, or the dict itself; EmulatorError for a file that holds none."""
    if isinstance(source, Mapping):
        return source
    try:
        state = orjson.loads(Path(source).read_bytes())
    except OSError as error:
        raise EmulatorError(f"state file {source}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"state file {source}:{error.lineno}: {error.msg}") from error
    if not isinstance(state, dict):
        raise EmulatorError(f"state file {source}: it must hold an object of tables")
    return state


def prepare_state(context: Context, state: Mapping[str, Any]) -> State:
    """What `replace_state` stores; EmulatorError in one line for what no form of the API has."""
    known = {form.table: form for form in FORMS}
    for name in state:
        if name not in known:
            raise EmulatorError(f"state: unknown table {name!r}{_meant(name, known)}; there are {', '.join(known)}")
    tables = {form.table: _taken(context, form, state.get(form.table, [])) for form in FORMS}
    _check_parents(tables)
    _link_steps(tables)
    tables["parts"] = [part for upload in tables["uploads"] for part in upload.pop("_parts", [])]
    return tables


def replace_state(context: Context, tables: State) -> None:
    """All objects at once; the clock stays. Runs and streams must have been ended before."""
    clock = context.store.get("emulator", "clock")
    context.store.replace({**tables, "emulator": [clock] if clock is not None else []})
    context.contents.keep_only(used_contents(context.store))
    context.index.close()
    context.indexed.clear()
    context.token_tallies.clear()


def _shown(context: Context, form: StateForm, stored: Object) -> Object:
    shown = form.view(stored)
    if form.table == "files":
        shown = {**shown, "content_base64": _encoded(context, stored)}
    if form.table == "uploads":
        parts = context.store.of("parts", "upload_id", stored["id"])
        shown = {**shown, "parts": [{"id": part["id"], "content_base64": _encoded(context, part)} for part in parts]}
    return {**shown, "batch_id": stored["batch_id"]} if "batch_id" in stored else shown


def _taken(context: Context, form: StateForm, sent: Any) -> list[Object]:
    if not isinstance(sent, list):
        raise EmulatorError(f"state: {form.table} must be an array of objects")
    return [_object(context, form, f"{form.table}[{index}]", object) for index, object in enumerate(sent)]


def _object(context: Context, form: StateForm, where: str, sent: Any) -> Object:
    if not isinstance(sent, dict) or not isinstance(sent.get("id"), str) or not sent["id"]:
        raise EmulatorError(f"state: {where} must be an object with an id")
    for name, value in sent.items():
        if name not in form.keys and name not in form.also:
            raise EmulatorError(f"state: {where}: unknown key {name!r}{_meant(name, (*form.keys, *form.also))}")
        check_value(where, name, value)
    if form.kind.parent is not None and form.kind.parent_field not in sent:
        raise EmulatorError(f"state: {where}: {form.kind.parent_field} is missing")
    made = {"id": sent["id"], "object": form.kind.object, "created_at": context.clock.now()}
    stored = {**made, **form.defaults(context, sent), **normalised(form, sent)}
    check_status(where, form, stored.get("status", ""))
    if form.table == "files":
        stored |= _content(context, where, sent.get("content_base64", ""))
    if form.table == "uploads":
        parts = [_part(context, where, sent, part) for part in sent.get("parts", [])]
        stored |= {"file": sent.get("file"), "_parts": parts}
    return stored


def _content(context: Context, where: str, encoded: str) -> Object:
    try:
        content = decode_base64(encoded)
    except ValueError as error:
        raise EmulatorError(f"state: {where}.content_base64 is no base64: {error}") from None
    return {"_content": context.contents.add(content)} | ({"bytes": len(content)} if content else {})


def _part(context: Context, where: str, upload: Object, part: Any) -> Object:
    if not isinstance(part, dict) or not isinstance(part.get("id"), str):
        raise EmulatorError(f"state: {where}.parts must be objects with id and content_base64")
    content = _content(context, f"{where}.parts", part.get("content_base64", ""))
    made = {"id": part["id"], "object": "upload.part", "created_at": context.clock.now(), "upload_id": upload["id"]}
    return {**made, "bytes": 0, **content}


def _check_parents(tables: State) -> None:
    ids = {table: {object["id"] for object in objects} for table, objects in tables.items()}
    for form in FORMS:
        if (parent := form.kind.parent) is None:
            continue
        for index, object in enumerate(tables[form.table]):
            if (id := object[form.kind.parent_field]) not in ids[parent.table]:
                where = f"{form.table}[{index}].{form.kind.parent_field}"
                raise EmulatorError(f"state: {where}: there is no {id!r} in {parent.table}")


def _link_steps(tables: State) -> None:
    """A run that goes on replays its responder: its steps count as the replies that were played, in their order."""
    runs = {run["id"]: run for run in tables["runs"]}
    played = dict.fromkeys(runs, 0)
    for step in tables["steps"]:
        run = runs[step["run_id"]]
        calls = step["step_details"].get("tool_calls", [])
        step |= {"assistant_id": run["assistant_id"], "thread_id": run["thread_id"]}
        step |= {"_reply": played[run["id"]], "_calls": [call["id"] for call in calls]}
        played[run["id"]] += 1


def _encoded(context: Context, stored: Object) -> str:
    return encode_base64(context.contents.whole(stored.get("_content", ())))


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
