"""A recorded session as a state file: the objects that were there when it ended, in the form of `--state`.

What v1 said is said as v2 says it: files of assistants and messages as tool resources and attachments, `retrieval` as
`file_search`. Parents that the recording does not show are there by their id alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.convert.observed import ObservedSession
from assistants_emulator.errors import EmulatorError
from assistants_emulator.project.state_schema import FORMS, StateForm, check_value
from assistants_emulator.recording.exchange import Exchange
from assistants_emulator.resources import fields
from assistants_emulator.resources.run_states import TERMINAL
from assistants_emulator.store import Object
from assistants_emulator.store.blobs import encode_base64

_TOOLS = {"retrieval": "file_search"}
_FOR_SEARCH = [{"type": "file_search"}]
_OF_RUNS = ("thread_id", "assistant_id")


@dataclass(slots=True)
class StateOf:
    state: dict[str, list[Object]]
    warnings: list[str] = field(default_factory=list)


def state_of(exchanges: Iterable[Exchange]) -> StateOf:
    session = ObservedSession.of(exchanges)
    made = StateOf({form.table: [] for form in FORMS})
    _name_posts(session)
    for form in FORMS:
        items = sorted(session.tables[form.table].values(), key=session.age)
        made.state[form.table] = [_object(form, item, session, made) for item in items if _lives(item, session)]
    _add_parents(made.state, session)
    active = [run["id"] for run in made.state["runs"] if run.get("status") not in TERMINAL]
    made.warnings += [f"{id} was not over when the recording ended: its thread is busy" for id in active]
    return made


def _lives(item: Object, session: ObservedSession) -> bool:
    """Neither deleted nor part of something that was."""
    owners = (item["id"], *(item.get(key) for key in ("thread_id", "vector_store_id")))
    return session.deleted.isdisjoint(owners)


def _name_posts(session: ObservedSession) -> None:
    """Messages that came with a thread or a run have no id in the recording, unless a list showed them."""
    messages = session.tables["messages"]
    number = 0
    for thread_id, posts in session.posts.items():
        listed = [one for one in messages.values() if one.get("thread_id") == thread_id and not one.get("run_id")]
        if listed and any(post.id is None for post in posts) and len(listed) >= len(posts):
            continue
        for post in posts:
            if post.id is None:
                number += 1
                id = f"msg_recorded{number}"
                messages[id] = {**post.sent, "id": id, "thread_id": thread_id, "created_at": int(post.when)}
                session.order[id] = -len(posts) + number


def _object(form: StateForm, item: Object, session: ObservedSession, made: StateOf) -> Object:
    kept: Object = {}
    for name, value in _as_v2(form, item, session).items():
        if name not in (*form.keys, *form.also):
            made.warnings.append(f"{item['id']}: its {name} is left out: no object of the API has it")
            continue
        try:
            check_value(item["id"], name, value)
        except EmulatorError:
            if value is not None:  # a null that the form has not means that there is none
                made.warnings.append(f"{item['id']}: its {name} is left out: no object of the API has {value!r:.60}")
            continue
        kept[name] = value
    return kept


def _as_v2(form: StateForm, item: Object, session: ObservedSession) -> Object:
    shown = {name: value for name, value in item.items() if name not in ("file_ids", "status_details")}
    listed = item.get("file_ids")
    file_ids = [id for id in listed if isinstance(id, str)] if isinstance(listed, list) else []
    if isinstance(item.get("tools"), list):
        shown["tools"] = [_tool(tool) for tool in item["tools"] if isinstance(tool, dict)]
    match form.table:
        case "assistants" if file_ids and {"type": "code_interpreter"} in shown.get("tools", []):
            shown.setdefault("tool_resources", {"code_interpreter": {"file_ids": file_ids}})
        case "messages":
            if isinstance(item.get("content"), list):
                shown["content"] = [_part(part) for part in item["content"]]
            if file_ids:
                shown.setdefault(
                    "attachments", [{"file_id": id, "tools": [{"type": "file_search"}]} for id in file_ids]
                )
        case "files" if (content := session.contents.get(item["id"])) is not None:
            shown["content_base64"] = encode_base64(content)
    return shown


def _tool(tool: Object) -> Object:
    """As the API echoes it, whatever an older one left out."""
    kind = _TOOLS.get(str(tool.get("type")), tool.get("type"))
    if kind == "function" and not isinstance(tool.get("function"), dict):
        return tool
    known = kind in ("function", "file_search", "code_interpreter")
    return fields.tools([{**tool, "type": kind}])[0] if known else tool


def _part(part: Any) -> Any:
    """A part as it was sent, in the form in which it is answered."""
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return fields.content(part["text"])[0]
    return part


def _add_parents(state: dict[str, list[Object]], session: ObservedSession) -> None:
    """Steps name their run, everything in a thread its thread, files of a store their store."""
    for form in reversed(FORMS):
        if (parent := form.kind.parent) is None:
            continue
        known, key = {item["id"] for item in state[parent.table]}, form.kind.parent_field
        for item in state[form.table]:
            if (id := item.get(key)) and id not in known:
                known.add(id)
                state[parent.table].append(_parent(parent.table, id, item))
    for form in FORMS:
        if form.kind.parent is not None:
            state[form.table] = [item for item in state[form.table] if item.get(form.kind.parent_field)]


def _parent(table: str, id: str, child: Object) -> Object:
    named: dict[str, Any] = {
        key: child[key] for key in ("thread_id", "assistant_id") if table == "runs" and key in child
    }
    return {"id": id, **named, **({"created_at": child["created_at"]} if "created_at" in child else {})}
