"""The forms of objects in a state file: which keys each may have, what missing ones are, what values must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assistants_emulator.errors import EmulatorError
from assistants_emulator.object_kinds import (
    ASSISTANT,
    FILE,
    FILE_BATCH,
    MESSAGE,
    RUN,
    STEP,
    THREAD,
    UPLOAD,
    VECTOR_STORE,
    VECTOR_STORE_FILE,
    ObjectKind,
)
from assistants_emulator.resources import assistants, fields, files, threads, vector_stores, views
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import AUTO_TRUNCATION
from assistants_emulator.resources.route import View
from assistants_emulator.resources.run_states import EXPIRES_AFTER, TERMINAL, TRANSITIONS
from assistants_emulator.resources.vector_store_changes import NO_FILES
from assistants_emulator.store import Object

Defaults = Callable[[Context, Object], Object]


@dataclass(frozen=True, slots=True)
class StateForm:
    """A kind of object as a state file has it. `also` are keys beside the kind's own that the file may hold: those of
    the published schema, of v1, of streams, and those that only a state file has."""

    kind: ObjectKind
    view: View
    defaults: Defaults
    also: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        return self.kind.table

    @property
    def keys(self) -> tuple[str, ...]:
        return self.kind.keys


def _message(context: Context, sent: Object) -> Object:
    status = {"status": "completed", "incomplete_details": None, "incomplete_at": None}
    completed = {"completed_at": sent.get("created_at", context.clock.now())}
    own: Object = {"assistant_id": None, "run_id": None, "role": "user", "content": [], "attachments": []}
    asked_in = sent["thread_id"] if sent.get("role", "user") == "user" else None
    own |= {"metadata": {}, "_asked_in": asked_in}
    return status | completed | own


def _run(context: Context, sent: Object) -> Object:
    status = sent.get("status", "completed")
    over = status in TERMINAL
    created = sent.get("created_at", context.clock.now())
    nulls = ("started_at", "cancelled_at", "failed_at", "completed_at", "required_action", "last_error", "usage")
    more = ("instructions", "reasoning_effort", "max_completion_tokens", "max_prompt_tokens", "incomplete_details")
    return {
        **dict.fromkeys((*nulls, *more)),
        "assistant_id": "",
        "status": status,
        "model": "",
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "expires_at": None if over else created + EXPIRES_AFTER,
        "temperature": 1.0,
        "top_p": 1.0,
        "truncation_strategy": AUTO_TRUNCATION,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "_tool_resources": {},
        "_include": [],
    }


def _step(context: Context, sent: Object) -> Object:
    details = sent.get("step_details") or {"type": "tool_calls", "tool_calls": []}
    nulls = dict.fromkeys(("cancelled_at", "completed_at", "expires_at", "failed_at", "last_error", "usage"))
    return {**nulls, "type": details.get("type"), "status": "completed", "step_details": details}


def _upload(context: Context, sent: Object) -> Object:
    created = sent.get("created_at", context.clock.now())
    named = {"filename": sent["id"], "purpose": "assistants", "status": "pending"}
    return {"bytes": 0, **named, "expires_at": created + 3600, "_expires_after": None}


def _file(context: Context, sent: Object) -> Object:
    return {"purpose": "assistants", "filename": sent["id"], "bytes": 0, "expires_at": None, **files.DEFAULTS}


def _store(context: Context, sent: Object) -> Object:
    return {**vector_stores.DEFAULTS, "last_active_at": sent.get("created_at", context.clock.now())}


def _store_file(context: Context, sent: Object) -> Object:
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}
    return {
        "usage_bytes": 0,
        "status": "completed",
        "last_error": None,
        "chunking_strategy": chunking,
        "attributes": {},
    }


def _batch(context: Context, sent: Object) -> Object:
    return {"status": "completed", "file_counts": NO_FILES}


def _constant(defaults: Object) -> Defaults:
    return lambda context, sent: defaults


FORMS = (
    StateForm(ASSISTANT, views.assistant, _constant(assistants.DEFAULTS), ("file_ids",)),
    StateForm(THREAD, views.thread, _constant(threads.DEFAULTS)),
    StateForm(MESSAGE, views.streamed_message, _message, ("file_ids",)),
    StateForm(RUN, views.run, _run, ("file_ids",)),
    StateForm(STEP, views.step, _step, ("expired_at", "metadata")),
    StateForm(FILE, views.file, _file, ("content_base64",)),
    StateForm(UPLOAD, views.upload, _upload, ("file", "parts")),
    StateForm(VECTOR_STORE, views.vector_store, _store),
    StateForm(VECTOR_STORE_FILE, views.vector_store_file, _store_file, ("batch_id",)),
    StateForm(FILE_BATCH, views.file_batch, _batch),
)

_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "thread_id", "role", "status", "model", "filename", "purpose"), (str,)),
    **dict.fromkeys(("vector_store_id", "object", "type", "content_base64", "batch_id"), (str,)),
    **dict.fromkeys(("assistant_id", "run_id", "name", "description", "instructions"), (str, type(None))),
    **dict.fromkeys(("created_at", "bytes", "usage_bytes"), (int,)),
    **dict.fromkeys(("metadata", "tool_resources", "truncation_strategy", "step_details", "file_counts"), (dict,)),
    **dict.fromkeys(("attributes", "chunking_strategy"), (dict, type(None))),
    **dict.fromkeys(("required_action", "last_error", "incomplete_details", "usage"), (dict, type(None))),
    "expires_after": (dict, type(None)),
    **dict.fromkeys(("tools", "attachments", "file_ids", "parts"), (list,)),
    **dict.fromkeys(("temperature", "top_p"), (int, float, type(None))),
    "content": (list, str),
}
_WORDS = {
    str: "a string",
    int: "an integer",
    float: "a number",
    dict: "an object",
    list: "an array",
    type(None): "null",
}


def check_value(where: str, name: str, value: Any) -> None:
    """EmulatorError for a value that no object of the API has in that field."""
    kinds = (int, type(None)) if name.endswith("_at") and name not in _KINDS else _KINDS.get(name)
    if kinds is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
        expected = " or ".join(dict.fromkeys(_WORDS[kind] for kind in kinds))
        raise EmulatorError(f"state: {where}.{name} must be {expected}, not {value!r}")
    if name == "content" and isinstance(value, list):
        for index, part in enumerate(value):
            _check_part(f"{where}.content[{index}]", part)
    if name == "step_details":
        calls = value.get("tool_calls", [])
        if not isinstance(calls, list) or not all(isinstance(call, dict) and "id" in call for call in calls):
            raise EmulatorError(f"state: {where}.step_details.tool_calls must be objects with an id, not {calls!r}")
    if name in ("tools", "attachments") and not all(isinstance(item, dict) for item in value):
        raise EmulatorError(f"state: {where}.{name} must be an array of objects, not {value!r}")


def check_status(where: str, form: StateForm, status: str) -> None:
    if form.table == "runs" and status not in TRANSITIONS:
        raise EmulatorError(f"state: {where}.status must be one of {', '.join(TRANSITIONS)}, not {status!r}")


def normalised(form: StateForm, sent: Object) -> Object:
    """A message's text may be a plain string, and v1's `file_ids` are not stored with v2's attachments."""
    taken = {name: value for name, value in sent.items() if name in (*form.keys, "batch_id") and name != "object"}
    if isinstance(taken.get("content"), str):
        taken["content"] = fields.content(taken["content"])
    if form.table == "vector_stores" and taken.get("name") == "":
        taken["name"] = None  # how the published schema's form says that there is none
    if form.table == "runs" and taken.get("instructions") == "":
        taken["instructions"] = None
    return taken


def _check_part(where: str, part: Any) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    wanted = {"text": dict, "image_file": dict, "image_url": dict, "refusal": str}
    if kind not in wanted or not isinstance(part.get(kind), wanted[kind]):
        raise EmulatorError(f"state: {where} must be a content part like {{'type': 'text', 'text': ...}}, not {part!r}")
    if kind == "text" and not isinstance(part["text"].get("value"), str):
        raise EmulatorError(f"state: {where}.text.value must be a string")
