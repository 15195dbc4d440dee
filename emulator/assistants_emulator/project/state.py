"""A project's objects as one JSON value: the content of state files and of the control API's `state`.

Objects are as the API renders them under v2; a file carries its bytes as `content_base64`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from assistants_emulator.errors import EmulatorError, suggestion
from assistants_emulator.object_kinds import PART
from assistants_emulator.project import responses_state
from assistants_emulator.project.state_schema import FORMS, StateForm, check_status, check_value, normalised
from assistants_emulator.project.state_shapes import check_shape, well_formed_value
from assistants_emulator.resources import views_spec
from assistants_emulator.resources.context import Context
from assistants_emulator.store import Event, Object, key
from assistants_emulator.store.blobs import decode_base64, encode_base64
from assistants_emulator.store.model import TABLES
from assistants_emulator.store.steps import OBJECTS_AT_ONCE, RENDERED_AT_ONCE, Steps, run_at_once

State = dict[str, list[Object]]
ADDABLE = ("assistants", "threads", "messages", "files", "vector_stores", "vector_store_files")
NO_CONTENT = b'"content_base64": ""'


@dataclass(frozen=True, slots=True)
class TableState:
    """A table as it was when it was looked at; `state_of(row, is_empty)` renders one of its rows, and `holders(row)`
    are the stored objects whose bytes are part of that, in this order."""

    name: str
    rows: list[Object]
    state_of: Callable[[Object, bool], Object]
    holders: Callable[[Object], Sequence[Object]]


def get_state(context: Context) -> Steps[State]:
    """Every table, oldest object first, as it is when this begins."""
    state: State = {}
    with context.contents.kept():
        for table in _snapshot(context):
            state[table.name] = []
            for row in table.rows:
                state[table.name].append(table.state_of(row, False))
                yield None
    return state


def state_pieces(context: Context) -> Iterator[bytes]:
    """The same as indented JSON in pieces: an object is one, the bytes of a file are many."""
    with context.contents.kept():
        for number, table in enumerate(_snapshot(context)):
            yield b'%b\n  "%b": %b' % (b"," if number else b"{", table.name.encode(), b"[" if table.rows else b"[]")
            for position, row in enumerate(table.rows):
                yield b",\n    " if position else b"\n    "
                yield from _pieces(context, table, row)
            if table.rows:
                yield b"\n  ]"
        yield b"\n}"


def _snapshot(context: Context) -> list[TableState]:
    """The objects of each table, without those of a thread that is being deleted."""
    gone = set(context.store.orphans())
    tables = [_table_state(context, form) for form in FORMS]
    if gone:
        for table in tables:
            table.rows[:] = [row for row in table.rows if (table.name, key(table.name, row)) not in gone]
    return tables + [_table_of_responses(context, name) for name in responses_state.NAMES]


def _table_state(context: Context, form: StateForm) -> TableState:
    return TableState(
        form.table,
        context.store.snapshot(form.table),
        lambda row, is_empty: _state_of(context, form, row, is_empty),
        lambda row: _holders(context, form, row),
    )


def _table_of_responses(context: Context, name: str) -> TableState:
    return TableState(
        name,
        context.store.snapshot(name),
        lambda row, is_empty: responses_state.state_of(context, name, row, is_empty),
        lambda row: [row] if name == "container_files" else [],
    )


def _pieces(context: Context, table: TableState, stored: Object) -> Iterator[bytes]:
    """An object as JSON, and in it the bytes of its contents in base64, in the order of its keys."""
    whole = orjson.dumps(table.state_of(stored, True), option=orjson.OPT_INDENT_2)
    pieces = whole.replace(b"\n", b"\n    ").split(NO_CONTENT)  # a quotation mark in a text would be escaped
    yield pieces[0]
    for holder, piece in zip(table.holders(stored), pieces[1:], strict=True):
        yield NO_CONTENT[:-1]
        yield from _base64(context.contents.chunks(holder.get("_content", ())))
        yield NO_CONTENT[-1:] + piece


def _base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        whole = rest + chunk
        size = len(whole) - len(whole) % 3  # so that no padding comes before the end
        rest = whole[size:]
        yield encode_base64(whole[:size]).encode()
    yield encode_base64(rest).encode()


class NewState:
    """The objects of a state as they come, table by table, for `replace_state`; EmulatorError in one line for those
    that the API cannot have."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tables: State = {form.table: [] for form in FORMS}
        self._forms = {form.table: form for form in FORMS}
        self.names: list[str] = []
        """The names of the bytes that are new in the project's contents."""
        self._of_responses = responses_state.NewResponses(context, self.names)

    def begin(self, table: str, is_array: bool = True) -> None:
        """Begin a table, empty; a table that comes twice counts the second time."""
        names = [*self._forms, *responses_state.NAMES]
        if table not in names:
            raise EmulatorError(f"state: unknown table {table!r}{suggestion(table, names)}")
        if not is_array:
            raise EmulatorError(f"state: {table} must be an array of objects")
        if table in self._forms:
            self._tables[table] = []
        else:
            self._of_responses.begin(table)

    def add(self, table: str, entry: Any) -> None:
        if table not in self._forms:
            self._of_responses.add(table, entry)
            return
        rows = self._tables[table]
        form, where = self._forms[table], f"{table}[{len(rows)}]"
        rows.append(_object(self._context, form, where, entry, self.names))

    def checked(self) -> Steps[State]:
        """The tables, once all objects are there."""
        yield from _check_parents(self._tables, lambda table, id: False)
        yield from _link_steps(self._tables)
        yield from _check_renderings(self._tables)
        self._tables["parts"] = [part for upload in self._tables["uploads"] for part in upload.pop("_parts", [])]
        return {**self._tables, **(yield from self._of_responses.checked())}

    def added(self) -> State:
        """The tables that have objects, for `add_state`."""
        exists = self._context.store.get
        run_at_once(_check_parents(self._tables, lambda table, id: exists(table, id) is not None))
        run_at_once(_check_renderings(self._tables))
        return {table: rows for table, rows in self._tables.items() if rows}


def add_all(new: NewState, state: Mapping[str, Any]) -> Steps[None]:
    for table, entries in state.items():
        new.begin(table, isinstance(entries, list))
        for entry in entries:
            new.add(table, entry)
            yield None


def add_state(context: Context, state: Mapping[str, Any]) -> State:
    """Add objects to those that there are, and return them by table; EmulatorError as for a state."""
    for name in state:
        if name not in ADDABLE:
            raise EmulatorError(f"state: objects can be added to {', '.join(ADDABLE)}, not to {name!r}")
    new = NewState(context)
    with context.contents.dropped_on_error():
        tables = _checked_additions(context, new, state)
    puts = tuple((form.table, row) for form in FORMS for row in tables.get(form.table, ()))
    context.commit(Event("state.added", {}, puts))
    context.forget_derived()
    return tables


def _checked_additions(context: Context, new: NewState, state: Mapping[str, Any]) -> State:
    run_at_once(add_all(new, state))
    tables = new.added()
    for table, rows in tables.items():
        for row in rows:
            if context.store.get(table, key(table, row)) is not None:
                raise EmulatorError(f"state: there is an object {row['id']!r} in {table} already")
    new_files = {file["id"] for file in tables.get("files", ())}
    for row in tables.get("vector_store_files", ()):
        if row["id"] not in new_files and context.store.get("files", row["id"]) is None:
            raise EmulatorError(f"state: for vector store {row['vector_store_id']} there is no file {row['id']!r}")
    return tables


def views_of(context: Context, tables: State) -> State:
    """The objects of each table, as the API renders them now."""
    forms = {form.table: form for form in FORMS}
    return {
        table: [forms[table].view(context.store.get(table, key(table, row)) or row) for row in rows]
        for table, rows in tables.items()
    }


def _check_renderings(tables: State) -> Steps[None]:
    for form in FORMS:
        for index, object in enumerate(tables.get(form.table, ())):
            _check_rendering(form, f"{form.table}[{index}]", object)
            if index % RENDERED_AT_ONCE == 0:
                yield None


def _check_rendering(form: StateForm, where: str, object: Object) -> None:
    """EmulatorError for an object that could be stored and then not be shown; lone surrogates become U+FFFD."""
    try:
        object |= well_formed_value(object)
        orjson.dumps((form.view(object), views_spec.schema_form(object)))
        hash(tuple(object.get(field) for field in TABLES[form.table]))  # by which it is found
    except responses_state.UNSHOWABLE as error:
        raise EmulatorError(f"state: {where} cannot be shown: {error}") from None


def _holders(context: Context, form: StateForm, stored: Object) -> Sequence[Object]:
    """The stored objects whose bytes are part of the object's state."""
    if form.table == "uploads":
        return context.store.of("parts", "upload_id", stored["id"])
    return [stored] if form.table == "files" else []


def state_entry(context: Context, table: str, stored: Object) -> Object:
    """One stored object of the Assistants API as its table in a state file has it."""
    return _state_of(context, next(form for form in FORMS if form.table == table), stored)


def _state_of(context: Context, form: StateForm, stored: Object, is_empty: bool = False) -> Object:
    """With `is_empty` each `content_base64` is an empty text."""
    state = form.view(stored)
    holders = _holders(context, form, stored)
    encoded = ["" if is_empty else _encoded(context, holder) for holder in holders]
    if form.table == "files":
        state = {**state, "content_base64": encoded[0]}
    if form.table == "uploads":
        parts = zip(holders, encoded, strict=True)
        state = {**state, "parts": [{"id": part["id"], "content_base64": text} for part, text in parts]}
    return {**state, "batch_id": stored["batch_id"]} if "batch_id" in stored else state


def _object(context: Context, form: StateForm, where: str, entry: Any, names: list[str]) -> Object:
    """The object to store; the names of its bytes are added to `names`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        raise EmulatorError(f"state: {where} must be an object with an id")
    for name, value in entry.items():
        if name not in form.keys and name not in form.also:
            raise EmulatorError(f"state: {where}: unknown key {name!r}{suggestion(name, (*form.keys, *form.also), '')}")
        check_value(where, name, value)
        check_shape(where, name, value)
    if form.kind.parent is not None and form.kind.parent_field not in entry:
        raise EmulatorError(f"state: {where}: {form.kind.parent_field} is missing")
    new = {"id": entry["id"], "object": form.kind.object, "created_at": context.clock.now()}
    stored = {**new, **form.defaults(context, entry), **normalised(form, entry)}
    check_status(where, form, stored.get("status", ""))
    if form.table == "files":
        stored |= _content(context, where, entry.get("content_base64", ""), names)
    if form.table == "uploads":
        parts = [_part(context, where, entry, part, names) for part in entry.get("parts", [])]
        stored |= {"file": entry.get("file"), "_parts": parts}
    return stored


def _content(context: Context, where: str, encoded: str, names: list[str]) -> Object:
    try:
        content = decode_base64(encoded)
    except ValueError as error:
        raise EmulatorError(f"state: {where}.content_base64 is no base64: {error}") from None
    added = context.contents.add(content)
    names += added
    return {"_content": added} | ({"bytes": len(content)} if content else {})


def _part(context: Context, where: str, upload: Object, part: Any, names: list[str]) -> Object:
    if not isinstance(part, dict) or not isinstance(part.get("id"), str):
        raise EmulatorError(f"state: {where}.parts must be objects with id and content_base64")
    content = _content(context, f"{where}.parts", part.get("content_base64", ""), names)
    new = {"id": part["id"], "object": PART.object, "created_at": context.clock.now(), "upload_id": upload["id"]}
    return {**new, "bytes": 0, **content}


def _check_parents(tables: State, exists: Callable[[str, str], bool]) -> Steps[None]:
    ids: dict[str, set[str]] = {}
    for table, objects in tables.items():
        yield None
        ids[table] = {object["id"] for object in objects}
    for form in FORMS:
        if (parent := form.kind.parent) is None:
            continue
        for index, object in enumerate(tables[form.table]):
            id = object[form.kind.parent_field]
            if id not in ids[parent.table] and not exists(parent.table, id):
                where = f"{form.table}[{index}].{form.kind.parent_field}"
                raise EmulatorError(f"state: {where}: there is no {id!r} in {parent.table}")
            if index % OBJECTS_AT_ONCE == 0:
                yield None


def _link_steps(tables: State) -> Steps[None]:
    """Number the steps of each run: a run that continues takes them as the replies that its responder gave already."""
    runs = {run["id"]: run for run in tables["runs"]}
    played = dict.fromkeys(runs, 0)
    for index, step in enumerate(tables["steps"]):
        if index % OBJECTS_AT_ONCE == 0:
            yield None
        run = runs[step["run_id"]]
        calls = step["step_details"].get("tool_calls", [])
        step |= {"assistant_id": run["assistant_id"], "thread_id": run["thread_id"]}
        step |= {"_reply": played[run["id"]], "_calls": [call["id"] for call in calls]}
        played[run["id"]] += 1


def _encoded(context: Context, stored: Object) -> str:
    return encode_base64(context.contents.whole(stored.get("_content", ())))
