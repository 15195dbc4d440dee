"""The forms of objects in a state file: their keys, the defaults of missing ones, the types of values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from assistants_emulator.contract.unions import ByKind, ByType
from assistants_emulator.contract.violations import Violation, violations
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
from assistants_emulator.resources import (
    assistants,
    fields,
    files,
    messages,
    threads,
    uploads,
    vector_store_file_batches,
    vector_stores,
    views,
)
from assistants_emulator.resources.context import Context
from assistants_emulator.resources.fields import AUTO_TRUNCATION
from assistants_emulator.resources.models import default_effort
from assistants_emulator.resources.route import View
from assistants_emulator.resources.run_states import EXPIRES_AFTER, TERMINAL, TRANSITIONS
from assistants_emulator.resources.vector_store_indexing import DEFAULTS as STORE_FILE_DEFAULTS
from assistants_emulator.store import Object

Defaults = Callable[[Context, Object], Object]


@dataclass(frozen=True, slots=True)
class StateForm:
    """One kind of object in state files.

    `also` are keys beside the kind's own: those of the published schema, of v1, of streams, and of state files alone.
    """

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


def _assistant(context: Context, entry: Object) -> Object:
    return {**assistants.DEFAULTS, "reasoning_effort": default_effort(context, entry.get("model", ""))}


def _message(context: Context, entry: Object) -> Object:
    asked_in = entry["thread_id"] if entry.get("role", "user") == "user" else None
    return {**messages.DEFAULTS, "completed_at": _created(context, entry), "_asked_in": asked_in}


def _run(context: Context, entry: Object) -> Object:
    status = entry.get("status", "completed")
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
        "expires_at": None if status in TERMINAL else _created(context, entry) + EXPIRES_AFTER,
        "temperature": 1.0,
        "top_p": 1.0,
        "truncation_strategy": AUTO_TRUNCATION,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "_tool_resources": {},
        "_include": [],
    }


def _step(context: Context, entry: Object) -> Object:
    details = entry.get("step_details") or {"type": "tool_calls", "tool_calls": []}
    nulls = dict.fromkeys(("cancelled_at", "completed_at", "expires_at", "failed_at", "last_error", "usage"))
    return {**nulls, "type": details.get("type"), "status": "completed", "step_details": details}


def _upload(context: Context, entry: Object) -> Object:
    expires_at = _created(context, entry) + uploads.LIFETIME
    return {**uploads.DEFAULTS, "filename": entry["id"], "purpose": "assistants", "expires_at": expires_at}


def _file(context: Context, entry: Object) -> Object:
    lifetime = files.LIFETIMES.get(entry.get("purpose", ""))
    expires_at = None if lifetime is None else _created(context, entry) + lifetime
    return {"purpose": "assistants", "filename": entry["id"], "bytes": 0, "expires_at": expires_at, **files.DEFAULTS}


def _store(context: Context, entry: Object) -> Object:
    return {**vector_stores.DEFAULTS, "last_active_at": _created(context, entry)}


def _created(context: Context, entry: Object) -> int:
    created_at: int = entry.get("created_at", context.clock.now())
    return created_at


def _completed(defaults: Object) -> Defaults:
    return _constant({**defaults, "status": "completed"})


def _constant(defaults: Object) -> Defaults:
    return lambda context, entry: defaults


FORMS = (
    StateForm(ASSISTANT, views.assistant, _assistant, ("file_ids",)),
    StateForm(THREAD, views.thread, _constant(threads.DEFAULTS)),
    StateForm(MESSAGE, views.streamed_message, _message, ("file_ids",)),
    StateForm(RUN, views.run, _run, ("file_ids",)),
    StateForm(STEP, views.step, _step, ("expired_at", "metadata")),
    StateForm(FILE, views.file, _file, ("content_base64",)),
    StateForm(UPLOAD, views.upload, _upload, ("file", "parts")),
    StateForm(VECTOR_STORE, views.vector_store, _store),
    StateForm(
        VECTOR_STORE_FILE,
        views.vector_store_file,
        _completed(STORE_FILE_DEFAULTS),
        ("batch_id",),
    ),
    StateForm(FILE_BATCH, views.file_batch, _completed(vector_store_file_batches.DEFAULTS)),
)

JsonObject = dict[Any, Any]


class _Value(BaseModel):
    """Values are checked as they stand; what a model does not name is taken as it is."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Text(_Value):
    value: str


class _TextPart(_Value):
    type: Literal["text"]
    text: _Text


class _ImageFilePart(_Value):
    type: Literal["image_file"]
    image_file: JsonObject


class _ImageUrlPart(_Value):
    type: Literal["image_url"]
    image_url: JsonObject


class _RefusalPart(_Value):
    type: Literal["refusal"]
    refusal: str


class _CodeFiles(_Value):
    file_ids: list[str] | None = None


class _Stores(_Value):
    vector_store_ids: list[str] | None = None


class _ToolResources(_Value):
    code_interpreter: _CodeFiles | None = None
    file_search: _Stores | None = None


class _ToolCall(_Value):
    id: Any


class _StepDetails(_Value):
    tool_calls: list[_ToolCall] = []


_Part = Annotated[_TextPart | _ImageFilePart | _ImageUrlPart | _RefusalPart, ByType()]
_CONTENT_WORDS = {"array": "an array", "string": "a string"}
_FIELDS: dict[str, Any] = {
    **dict.fromkeys(("id", "object", "type", "thread_id", "vector_store_id", "batch_id", "role", "status"), str),
    **dict.fromkeys(("model", "filename", "purpose", "content_base64"), str),
    **dict.fromkeys(("assistant_id", "run_id", "name", "description", "instructions"), str | None),
    **dict.fromkeys(("created_at", "bytes", "usage_bytes"), int),
    **dict.fromkeys(("started_at", "completed_at", "incomplete_at", "cancelled_at", "failed_at"), int | None),
    **dict.fromkeys(("expires_at", "expired_at", "last_active_at"), int | None),
    **dict.fromkeys(("temperature", "top_p"), float | None),
    **dict.fromkeys(("metadata", "truncation_strategy", "file_counts"), JsonObject),
    **dict.fromkeys(("attributes", "chunking_strategy", "required_action", "last_error"), JsonObject | None),
    **dict.fromkeys(("incomplete_details", "usage", "expires_after"), JsonObject | None),
    **dict.fromkeys(("tools", "attachments"), list[JsonObject]),
    **dict.fromkeys(("file_ids", "parts"), list[Any]),
    "content": Annotated[list[_Part] | str, ByKind(_CONTENT_WORDS)],
    "step_details": _StepDetails,
    "tool_resources": _ToolResources,
}
"""The type of each field, which is the same in every kind of object that has it."""
_definitions: dict[str, Any] = {name: (hint, None) for name, hint in _FIELDS.items()}
_Fields = create_model("_Fields", __base__=_Value, **_definitions)
_WORDS: dict[Any, str] = {str: "a string", int: "an integer", float: "a number", list: "an array"}


def check_value(where: str, name: str, value: Any) -> None:
    """EmulatorError for a value that no object of the API has in that field; `where` is the object's place."""
    try:
        _Fields.__pydantic_validator__.validate_python({name: value})
    except ValidationError as error:
        violation = next(violations(_Fields, error))
        raise EmulatorError(f"state: {where}.{_sentence(violation)}") from None


def _sentence(violation: Violation) -> str:
    if violation.type == "missing":
        return f"{violation.path} is missing"
    if violation.type == "wrong_tag" and isinstance(violation.value, dict):
        types = ", ".join(violation.context["listed"].split("\n"))
        return f"{violation.path}.type must be one of {types}, not {violation.value.get('type')!r}"
    return f"{violation.path} must be {_expected(violation)}, not {violation.value!r}"


def _expected(violation: Violation) -> str:
    if violation.type == "string_unicode":
        return "valid Unicode"
    if violation.type == "wrong_kind":
        return " or ".join(_CONTENT_WORDS.values())
    words = _WORDS.get(get_origin(violation.declared) or violation.declared, "an object")
    if get_args(violation.declared) == (JsonObject,):
        words = "an array of objects"
    nullable = violation.path in _FIELDS and type(None) in get_args(_FIELDS[violation.path])
    return f"{words} or null" if nullable else words


def check_status(where: str, form: StateForm, status: str) -> None:
    """EmulatorError for a status that no run has."""
    if form.kind is RUN and status not in TRANSITIONS:
        raise EmulatorError(f"state: {where}.status must be one of {', '.join(TRANSITIONS)}, not {status!r}")


def normalised(form: StateForm, entry: Object) -> Object:
    """The fields to store: a message's text may be a plain string, and keys that only other forms have are left out."""
    values = {name: value for name, value in entry.items() if name in (*form.keys, "batch_id") and name != "object"}
    if isinstance(values.get("content"), str):
        values["content"] = fields.content(values["content"])
    if form.kind is ASSISTANT:
        values["tool_resources"] = fields.assistant_resources(values.get("tool_resources", {}), values.get("tools", []))
    if form.kind is VECTOR_STORE and values.get("name") == "":
        values["name"] = None  # the published schema's form has "" for null
    if form.kind is RUN and values.get("instructions") == "":
        values["instructions"] = None
    return values
