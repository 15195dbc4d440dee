"""A project's objects as one JSON value: the content of state files and of the control API's `state`.

Objects are as the API renders them under v2; a file carries its bytes as `content_base64`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from assistants_emulator.errors import EmulatorError
from assistants_emulator.object_kinds import PART
from assistants_emulator.project import responses_state
from assistants_emulator.project.state_schema import FORMS, StateForm, check_status, check_value, normalised
from assistants_emulator.project.state_shapes import check_shape
from assistants_emulator.resources import views_spec
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.files import used_contents
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import decode_base64, encode_base64

State = dict[str, list[Object]]


def get_state(context: Context) -> State:
    """Every table, oldest object first."""
    tables = {
        form.table: [_state_of(context, form, object) for object in context.store.all(form.table)] for form in FORMS
    }
    return {**tables, **responses_state.get_tables(context)}


def read_state(source: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """The state in a JSON file, or the dict itself; EmulatorError for a file without one."""
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
    """The objects for `replace_state`; EmulatorError in one line for those that the API cannot have."""
    names = [*(form.table for form in FORMS), *responses_state.NAMES]
    for name in state:
        if name not in names:
            raise EmulatorError(
                f"state: unknown table {name!r}{_suggestion(name, names)}; there are {', '.join(names)}"
            )
    tables = {form.table: _objects(context, form, state.get(form.table, [])) for form in FORMS}
    _check_parents(tables)
    _link_steps(tables)
    for form in FORMS:
        for index, object in enumerate(tables[form.table]):
            _check_rendering(form, f"{form.table}[{index}]", object)
    tables["parts"] = [part for upload in tables["uploads"] for part in upload.pop("_parts", [])]
    return {**tables, **responses_state.prepare_tables(context, state)}


def _check_rendering(form: StateForm, where: str, object: Object) -> None:
    """EmulatorError for an object that could be stored and then not be shown; lone surrogates become U+FFFD."""
    try:
        object |= _well_formed(object)
        orjson.dumps((form.view(object), views_spec.schema_form(object)))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise EmulatorError(f"state: {where} cannot be shown: {error}") from None


def _well_formed(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case list():
            return [_well_formed(item) for item in value]
        case dict():
            return {_well_formed(key): _well_formed(item) for key, item in value.items()}
        case _:
            return value


def replace_state(context: Context, tables: State) -> None:
    """Replace all objects at once; the clock stays. Runs and streams must have been ended before."""
    clock = context.store.get("emulator", "clock")
    context.store.replace({**tables, "emulator": [clock] if clock is not None else []})
    context.contents.keep_only(used_contents(context.store))
    context.forget_derived()


def _state_of(context: Context, form: StateForm, stored: Object) -> Object:
    state = form.view(stored)
    if form.table == "files":
        state = {**state, "content_base64": _encoded(context, stored)}
    if form.table == "uploads":
        parts = context.store.of("parts", "upload_id", stored["id"])
        state = {**state, "parts": [{"id": part["id"], "content_base64": _encoded(context, part)} for part in parts]}
    return {**state, "batch_id": stored["batch_id"]} if "batch_id" in stored else state


def _objects(context: Context, form: StateForm, entries: Any) -> list[Object]:
    if not isinstance(entries, list):
        raise EmulatorError(f"state: {form.table} must be an array of objects")
    return [_object(context, form, f"{form.table}[{index}]", object) for index, object in enumerate(entries)]


def _object(context: Context, form: StateForm, where: str, entry: Any) -> Object:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        raise EmulatorError(f"state: {where} must be an object with an id")
    for name, value in entry.items():
        if name not in form.keys and name not in form.also:
            raise EmulatorError(f"state: {where}: unknown key {name!r}{_suggestion(name, (*form.keys, *form.also))}")
        check_value(where, name, value)
        check_shape(where, name, value)
    if form.kind.parent is not None and form.kind.parent_field not in entry:
        raise EmulatorError(f"state: {where}: {form.kind.parent_field} is missing")
    new = {"id": entry["id"], "object": form.kind.object, "created_at": context.clock.now()}
    stored = {**new, **form.defaults(context, entry), **normalised(form, entry)}
    check_status(where, form, stored.get("status", ""))
    if form.table == "files":
        stored |= _content(context, where, entry.get("content_base64", ""))
    if form.table == "uploads":
        parts = [_part(context, where, entry, part) for part in entry.get("parts", [])]
        stored |= {"file": entry.get("file"), "_parts": parts}
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
    new = {"id": part["id"], "object": PART.object, "created_at": context.clock.now(), "upload_id": upload["id"]}
    return {**new, "bytes": 0, **content}


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
    """Number the steps of each run: a run that continues takes them as the replies that its responder gave already."""
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


def _suggestion(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]!r}?" if close else ""
