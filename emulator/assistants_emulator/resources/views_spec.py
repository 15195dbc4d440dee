"""Stored objects as the published schema describes them (`--fidelity spec`), for clients that check every answer.

The service never kept to its schema: it left out required fields, answered null where the schema has none, and had
keys of its own. Each kind of object has a form of the schema's here. Requests and errors are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assistants_emulator.object_kinds import ASSISTANT, FILE, FILE_BATCH, KINDS, RUN, STEP, UPLOAD, VECTOR_STORE
from assistants_emulator.store import Object

USAGE_KEYS = ("prompt_tokens", "completion_tokens", "total_tokens")
RANKING_KEYS = ("ranker", "score_threshold")
RESULT_KEYS = ("file_id", "file_name", "score", "content")
INCOMPLETE_REASONS = ("max_completion_tokens", "max_prompt_tokens")
STEP_ERRORS = ("server_error", "rate_limit_exceeded")


@dataclass(frozen=True, slots=True)
class Form:
    """The schema's form of one kind of object.

    `nulls` are the values in place of null, `inside` changes other values; a null among `optional` is left out, as the
    schema lets a field be absent more often than null.
    """

    keys: tuple[str, ...]
    nulls: Mapping[str, Any] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    inside: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def of(self, stored: Object) -> Object:
        values = {key: stored.get(key) for key in self.keys}
        return {
            key: self.nulls.get(key) if value is None else self.inside.get(key, _same)(value)
            for key, value in values.items()
            if value is not None or key not in self.optional
        }


def schema_form(stored: Object) -> Object:
    """The schema's form of any object, page of results or event's data."""
    form = _FORMS.get(stored.get("object", ""))
    return stored if form is None or "deleted" in stored else form.of(stored)


def _same(value: Any) -> Any:
    return value


def _only(*keys: str) -> Callable[[Object], Object]:
    return lambda value: {key: value[key] for key in keys if key in value}


def _each(change: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [change(value) for value in values]


def _changed(key: str, change: Callable[[Any], Any]) -> Callable[[Object], Object]:
    """A function that changes the value of that key, where there is one."""
    return lambda value: {**value, key: change(value[key])} if value.get(key) is not None else value


def _without(keys: tuple[str, ...], *others: str) -> tuple[str, ...]:
    return tuple(key for key in keys if key not in others)


_ranked = _changed("ranking_options", _only(*RANKING_KEYS))
_tools = _each(_changed("file_search", _ranked))
_search = _changed("results", _each(_only(*RESULT_KEYS)))
_call = _changed("file_search", lambda value: _search(_ranked(value)))
_details = _changed("tool_calls", _each(_call))
_usage = _only(*USAGE_KEYS)


def _incomplete(details: Object) -> Object:
    """The schema has no word for `content_filter` here, but lets the reason be absent."""
    return details if details.get("reason") in INCOMPLETE_REASONS else {}


def _step_error(error: Object) -> Object:
    return error if error["code"] in STEP_ERRORS else {**error, "code": "server_error"}


def _purpose(purpose: str) -> str:
    """Files may be created for `evals`, which the schema's answer does not know."""
    return "user_data" if purpose == "evals" else purpose


_FILE = Form(FILE.keys, optional=("expires_at", "status_details"), inside={"purpose": _purpose})
_FORMS: dict[str, Form] = {
    **{kind.object: Form(kind.keys) for kind in KINDS if kind.keys},
    ASSISTANT.object: Form(_without(ASSISTANT.keys, "reasoning_effort"), inside={"tools": _tools}),
    RUN.object: Form(
        _without(RUN.keys, "reasoning_effort", "tool_resources"),
        nulls={"instructions": ""},
        inside={"tools": _tools, "usage": _usage, "incomplete_details": _incomplete},
    ),
    STEP.object: Form(
        (*_without(STEP.keys, "expires_at"), "expired_at", "metadata"),
        nulls={"metadata": {}},
        inside={"step_details": _details, "usage": _usage, "last_error": _step_error},
    ),
    FILE.object: _FILE,
    UPLOAD.object: Form((*UPLOAD.keys, "file"), optional=("file",), inside={"file": _FILE.of}),
    VECTOR_STORE.object: Form(
        _without(VECTOR_STORE.keys, "description"), nulls={"name": ""}, optional=("expires_after",)
    ),
    FILE_BATCH.object: Form(FILE_BATCH.keys, inside={"object": lambda _: FILE_BATCH.schema_object}),
    "vector_store.search_results.page": Form(
        ("object", "search_query", "data", "has_more", "next_page"),
        inside={"search_query": lambda query: [query] if isinstance(query, str) else query},
    ),
}
