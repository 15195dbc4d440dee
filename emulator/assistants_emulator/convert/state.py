"""A recorded session as a state file: the objects that were there when it ended, in the form of `--state`.

v1 becomes v2: files of assistants and messages become tool resources and attachments, `retrieval` `file_search`.
Parents that the recording does not show have their id alone.
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

_V2_TOOLS = {"retrieval": "file_search"}


@dataclass(slots=True)
class StateOf:
    state: dict[str, list[Object]]
    warnings: list[str] = field(default_factory=list)


def state_of(exchanges: Iterable[Exchange]) -> StateOf:
    session = ObservedSession.of(exchanges)
    result = StateOf({form.table: [] for form in FORMS})
    _name_posts(session)
    for form in FORMS:
        items = sorted(session.tables[form.table].values(), key=session.age)
        result.state[form.table] = [
            _object(form, item, session, result.warnings) for item in items if _exists(item, session)
        ]
    _add_parents(result.state)
    active = [run["id"] for run in result.state["runs"] if run.get("status") not in TERMINAL]
    result.warnings += [f"{id} was not over when the recording ended: its thread is busy" for id in active]
    return result


def _exists(item: Object, session: ObservedSession) -> bool:
    """True unless it, or its parent, was deleted."""
    owners = (item["id"], *(item.get(key) for key in ("thread_id", "vector_store_id")))
    return session.deleted.isdisjoint(owners)


def _name_posts(session: ObservedSession) -> None:
    """Give an id to messages that came with a thread or a run: the recording has theirs only if they were listed."""
    messages = session.tables["messages"]
    number = 0
    for thread_id, posts in session.posts.items():
        seen = [
            message
            for message in messages.values()
            if message.get("thread_id") == thread_id and not message.get("run_id")
        ]
        if seen and any(post.id is None for post in posts) and len(seen) >= len(posts):
            continue
        for post in posts:
            if post.id is None:
                number += 1
                id = f"msg_recorded{number}"
                messages[id] = {**post.message, "id": id, "thread_id": thread_id, "created_at": int(post.when)}
                session.order[id] = -len(posts) + number


def _object(form: StateForm, item: Object, session: ObservedSession, warnings: list[str]) -> Object:
    clean: Object = {}
    for name, value in _as_v2(form, item, session).items():
        if name not in (*form.keys, *form.also):
            warnings.append(f"{item['id']}: its {name} is left out: no object of the API has it")
            continue
        try:
            check_value(item["id"], name, value)
        except EmulatorError:
            if value is not None:  # a null where the API has none means that the field is missing
                warnings.append(f"{item['id']}: its {name} is left out: no object of the API has {value!r:.60}")
            continue
        clean[name] = value
    return clean


def _as_v2(form: StateForm, item: Object, session: ObservedSession) -> Object:
    view = {name: value for name, value in item.items() if name not in ("file_ids", "status_details")}
    ids = item.get("file_ids")
    file_ids = [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []
    if isinstance(item.get("tools"), list):
        view["tools"] = [_tool(tool) for tool in item["tools"] if isinstance(tool, dict)]
    match form.table:
        case "assistants" if file_ids and {"type": "code_interpreter"} in view.get("tools", []):
            view.setdefault("tool_resources", {"code_interpreter": {"file_ids": file_ids}})
        case "messages":
            if isinstance(item.get("content"), list):
                view["content"] = [_part(part) for part in item["content"]]
            if file_ids:
                view.setdefault("attachments", [{"file_id": id, "tools": [{"type": "file_search"}]} for id in file_ids])
        case "files" if (content := session.contents.get(item["id"])) is not None:
            view["content_base64"] = encode_base64(content)
    return view


def _tool(tool: Object) -> Object:
    """As the API answers it today, with what an older one left out."""
    kind = _V2_TOOLS.get(str(tool.get("type")), tool.get("type"))
    if kind == "function" and not isinstance(tool.get("function"), dict):
        return tool
    is_known = kind in ("function", "file_search", "code_interpreter")
    return fields.tools([{**tool, "type": kind}])[0] if is_known else tool


def _part(part: Any) -> Any:
    """A part that a client sent, in the form in which it is answered."""
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return fields.content(part["text"])[0]
    return part


def _add_parents(state: dict[str, list[Object]]) -> None:
    """Add the parents that are only named, and drop what names none."""
    for form in reversed(FORMS):
        if (parent := form.kind.parent) is None:
            continue
        ids, key = {item["id"] for item in state[parent.table]}, form.kind.parent_field
        for item in state[form.table]:
            if (id := item.get(key)) and id not in ids:
                ids.add(id)
                state[parent.table].append(_parent(parent.table, id, item))
    for form in FORMS:
        if form.kind.parent is not None:
            state[form.table] = [item for item in state[form.table] if item.get(form.kind.parent_field)]


def _parent(table: str, id: str, child: Object) -> Object:
    ids: dict[str, Any] = {key: child[key] for key in ("thread_id", "assistant_id") if table == "runs" and key in child}
    return {"id": id, **ids, **({"created_at": child["created_at"]} if "created_at" in child else {})}
