"""Translates pydantic's violations into the API's own errors, word for word.

Only the first fault is answered: a missing parameter before an unknown one before everything else (behaviour
section 3), then as the body was sent, depth first, a value's own fault before those inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.unions import BRANCH
from assistants_emulator.errors import InvalidParameter, missing_parameter, unknown_parameter, wrong_type

Step = str | int

_FIRST = {"missing_required_parameter": 0, "unknown_parameter": 1}


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding of pydantic's: its type and context, the steps to the value from the root, and the value."""

    type: str
    steps: tuple[Step, ...]
    value: Any
    context: dict[str, Any]

    @property
    def path(self) -> str:
        return path_of(self.steps)


def path_of(steps: Iterable[Step]) -> str:
    """The path as the API writes it: `tools[0].function.name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def first_error(body: object, error: ValidationError) -> InvalidParameter:
    """The one error to answer for a body that does not fit."""
    found = [(violation.steps, _fault(violation)) for violation in _violations(error)]
    urgency = min(_urgency(fault) for _, fault in found)
    return _earliest(body, [(steps, fault) for steps, fault in found if _urgency(fault) == urgency])


def _violations(error: ValidationError) -> Iterable[Violation]:
    for line in error.errors(include_url=False):
        steps = tuple(step for step in line["loc"] if not str(step).startswith(BRANCH))
        yield Violation(line["type"], steps, line["input"], line.get("ctx", {}))


def _urgency(fault: InvalidParameter) -> int:
    return _FIRST.get(fault.code or "", len(_FIRST))


def _earliest(value: Any, found: list[tuple[tuple[Step, ...], InvalidParameter]], depth: int = 0) -> InvalidParameter:
    own = next((fault for steps, fault in found if len(steps) == depth), None)
    if own is not None:
        return own
    sent = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    heads = dict.fromkeys(steps[depth] for steps, _ in found)
    # what an object lacks is asked for before its values are looked into
    order = [step for step in heads if step not in sent] or [step for step in sent if step in heads]
    inside = [(steps, fault) for steps, fault in found if steps[depth] == order[0]]
    return _earliest(value[order[0]] if order[0] in sent else None, inside, depth + 1)


def _fault(violation: Violation) -> InvalidParameter:
    return _FAULTS.get(violation.type, _unforeseen)(violation)


def _unforeseen(violation: Violation) -> InvalidParameter:
    """A rule of pydantic's that none of our models uses on purpose, such as its limit on depth."""
    return InvalidParameter(f"Invalid value for '{violation.path}'.", param=violation.path, code="invalid_value")


def _expected(words: str) -> Callable[[Violation], InvalidParameter]:
    return lambda violation: wrong_type(violation.path, words, error_texts.kind(violation.value))


def _not_an_array(violation: Violation) -> InvalidParameter:
    # every array of strings in the API is a list of ids, named so, and every list of ids is an array of strings
    strings = str(violation.steps[-1]).endswith("_ids")
    words = "an array of strings" if strings else "an array of objects"
    return wrong_type(violation.path, words, error_texts.kind(violation.value))


def _not_a_mapping(violation: Violation) -> InvalidParameter:
    words = "a metadata object" if violation.steps[-1] == "metadata" else "an object"
    return wrong_type(violation.path, words, error_texts.kind(violation.value))


def _not_a_model(violation: Violation) -> InvalidParameter:
    if not violation.steps:
        return error_texts.wrong_root(violation.value)
    return wrong_type(violation.path, "an object", error_texts.kind(violation.value))


def _wrong_literal(violation: Violation) -> InvalidParameter:
    # pydantic joins the values as it reads them: 'a', 'b' or 'c'
    supported = violation.context["expected"].replace(" or ", ", ").split(", ")
    return error_texts.wrong_choice(violation.path, violation.value, [value.strip("'") for value in supported])


def _wrong_tag(violation: Violation) -> InvalidParameter:
    if not isinstance(violation.value, dict):
        return _not_a_model(violation)
    path = path_of((*violation.steps, "type"))
    if "type" not in violation.value:
        return missing_parameter(path)
    return error_texts.wrong_choice(path, violation.value["type"], violation.context["listed"].split("\n"))


def _wrong_kind(violation: Violation) -> InvalidParameter:
    words = violation.context["listed"].split("\n")
    return wrong_type(violation.path, f"one of {error_texts.either(words)}", error_texts.kind(violation.value))


def _long_string(violation: Violation) -> InvalidParameter:
    limit = violation.context["max_length"]
    if violation.steps[-1] == "[key]" and violation.steps[-2] == violation.value:
        return error_texts.long_property_name(path_of(violation.steps[:-2]), violation.value, limit)
    return error_texts.long_string(violation.path, limit, len(violation.value))


def _too_many(violation: Violation) -> InvalidParameter:
    build = error_texts.many_properties if isinstance(violation.value, dict) else error_texts.long_array
    return build(violation.path, violation.context["max_length"], len(violation.value))


_FAULTS: dict[str, Callable[[Violation], InvalidParameter]] = {
    "missing": lambda violation: missing_parameter(violation.path),
    "extra_forbidden": lambda violation: unknown_parameter(violation.path),
    "string_type": _expected("a string"),
    "int_type": _expected("an integer"),
    "float_type": _expected("a decimal"),
    "bool_type": _expected("a boolean"),
    "list_type": _not_an_array,
    "dict_type": _not_a_mapping,
    "model_type": _not_a_model,
    "literal_error": _wrong_literal,
    "wrong_tag": _wrong_tag,
    "wrong_kind": _wrong_kind,
    "string_too_long": _long_string,
    "string_too_short": lambda violation: error_texts.empty_string(violation.path),
    "string_pattern_mismatch": lambda violation: error_texts.no_match(violation.path, violation.context["pattern"]),
    "string_unicode": lambda violation: error_texts.not_unicode(violation.path),
    "too_long": _too_many,
    "too_short": lambda violation: error_texts.empty_array(violation.path),
    "greater_than_equal": lambda v: error_texts.below_minimum(v.path, v.context["ge"], v.value),
    "less_than_equal": lambda v: error_texts.above_maximum(v.path, v.context["le"], v.value),
    "refused": lambda violation: violation.context["fault"](violation.path),
}
