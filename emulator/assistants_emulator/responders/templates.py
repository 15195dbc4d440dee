"""Templates of scripted replies: `{name}` of a group of the pattern, `{message}`, `{outputs[0]}`.

Braces that name none of these stay as they are, so code, JSON and prose need no escaping; values are not expanded
again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from assistants_emulator.responders.replies import CodeInterpreter, Fail, FileSearch, FunctionCall, Refusal, Step, Text

_BRACES = re.compile(r"\{(?:(?P<name>\w+)|outputs\[(?P<index>\d+)\])\}")
Value = TypeVar("Value")


def fill(value: Value, names: Mapping[str, str], outputs: Sequence[str]) -> Value:
    """Fill the braces of every string in the value, through lists and objects; keys stay as they are.

    `names` are the pattern's groups and `message`, `outputs` those of the last calls.
    """
    return _fill(value, names, outputs)  # type: ignore[no-any-return]


def _fill(value: Any, names: Mapping[str, str], outputs: Sequence[str]) -> Any:
    if isinstance(value, str):
        return _BRACES.sub(lambda braces: _value_of(braces, names, outputs), value)
    if isinstance(value, Mapping):
        return {key: _fill(item, names, outputs) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(item, names, outputs) for item in value]
    return value


def _value_of(braces: re.Match[str], names: Mapping[str, str], outputs: Sequence[str]) -> str:
    if braces["name"] is not None:
        return names.get(braces["name"], braces[0])
    index = int(braces["index"])
    return outputs[index] if index < len(outputs) else braces[0]


def fill_step(step: Step, names: Mapping[str, str], outputs: Sequence[str]) -> Step:
    """Fill the texts of the step. Names, ids, files and arguments as a JSON string stay as they are."""
    match step:
        case list():
            return [_fill_call(call, names, outputs) for call in step]
        case FunctionCall():
            return _fill_call(step, names, outputs)
        case Refusal():
            return replace(step, value=fill(step.value, names, outputs))
        case Text():
            return _fill_text(step, names, outputs)
        case CodeInterpreter():
            return replace(step, input=fill(step.input, names, outputs), logs=fill(step.logs, names, outputs))
        case FileSearch():
            return replace(step, query=fill(step.query, names, outputs))
        case Fail():
            return _fill_failure(step, names, outputs)
        case _:
            return step


def _fill_failure(failure: Fail, names: Mapping[str, str], outputs: Sequence[str]) -> Fail:
    return replace(failure, message=fill(failure.message, names, outputs))


def _fill_text(text: Text, names: Mapping[str, str], outputs: Sequence[str]) -> Text:
    if isinstance(text.then, Fail):
        text = replace(text, then=_fill_failure(text.then, names, outputs))
    if text.chunks is None:
        return replace(text, value=fill(text.value, names, outputs))
    # braces across the end of a chunk are not filled, so the value follows the chunks
    chunks = fill(text.chunks, names, outputs)
    return replace(text, value="".join(chunks), chunks=chunks)


def _fill_call(call: FunctionCall, names: Mapping[str, str], outputs: Sequence[str]) -> FunctionCall:
    if isinstance(call.then, Fail):
        call = replace(call, then=_fill_failure(call.then, names, outputs))
    if isinstance(call.arguments, str):
        return call
    return replace(call, arguments=fill(call.arguments, names, outputs))
