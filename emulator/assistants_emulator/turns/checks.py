"""Checks of replies that both APIs share: function calls and texts against the schemas of the request.

A reply that the real model could not have made is the author's mistake: a ScriptError, since a test that relies on it
would pass here and nowhere else. `subject` is "run" or "response", for the error's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from assistants_emulator.errors import ScriptError
from assistants_emulator.processes import schemas
from assistants_emulator.responders.replies import FunctionCall
from assistants_emulator.store import Object

Parameters = Mapping[str, Object]
"""The schemas of a request's functions, by their names."""


def check_calls(subject: str, calls: Sequence[FunctionCall], parameters: Parameters, is_parallel: bool) -> None:
    """ScriptError for arguments that do not fit, for ids that come twice, and for several calls where one is allowed.

    A function that the request does not declare has no schema to fit.
    """
    for call in calls:
        if call.name in parameters:
            _check_arguments(call, parameters[call.name])
    ids = [call.id for call in calls if call.id is not None]
    if len(set(ids)) < len(ids):
        raise ScriptError(f"parallel calls need ids of their own, and these have {', '.join(ids)}")
    if len(calls) > 1 and not is_parallel:
        problem = f"its responder makes {len(calls)} calls at once; yield them one by one"
        raise ScriptError(f"the {subject} has parallel_tool_calls false, but {problem}")


def _check_arguments(call: FunctionCall, parameters: Object) -> None:
    try:
        arguments = orjson.loads(call.arguments_json())
    except orjson.JSONDecodeError:
        return  # models do produce broken JSON, and programs are tested against it
    if (problem := schema_problem(parameters, arguments)) is not None:
        raise ScriptError(f"the arguments of {call.name} do not fit its parameters: {problem}")


def check_allowed(subject: str, tool_choice: object, reply: str) -> None:
    if tool_choice == "none":
        raise ScriptError(
            f"the {subject} has tool_choice 'none', but its responder replies with {reply}; reply with Text"
        )


def check_format(stated: str, kind: object, schema: Object | None, text: str) -> None:
    """ScriptError for a text that is no JSON, or none of the schema, where the format asks for it.

    `stated` is the beginning of its text: `the run has response_format json_schema`.
    """
    if kind not in ("json_object", "json_schema"):
        return
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ScriptError(f"{stated}, but its responder says {text[:60]!r}: {error}") from None
    required = schema if kind == "json_schema" else {"type": "object"}
    if required and (problem := schema_problem(required, value)) is not None:
        raise ScriptError(f"{stated}, but its responder's text does not fit it: {problem}")


def are_slow(calls: Sequence[FunctionCall], parameters: Parameters) -> bool:
    """True if checking the calls may take long: then not on the server's loop."""
    length = sum(len(call.arguments_json()) for call in calls)
    return any(schemas.is_slow(schema, length) for schema in parameters.values())


def is_slow_format(schema: Object | None, text: str) -> bool:
    return schema is not None and schemas.is_slow(schema, len(text))


def schema_problem(schema: Object, value: object) -> str | None:
    """The best-matching error of the value; None if it fits the schema, or if the schema itself is broken.

    ScriptError if the validation takes too long.
    """
    try:
        return schemas.problem(schema, value)
    except schemas.SchemaTookTooLong as error:
        raise ScriptError(str(error)) from None
