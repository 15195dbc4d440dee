"""Translate pydantic's violations into the API's own errors, word for word.

Only the first one is answered: a missing parameter before an unknown one before everything else
(docs/reference/behaviour.md#validation), then in the body's order, depth first, a value before the values in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.unions import BRANCH, ByKind, ByType
from assistants_emulator.errors import InvalidParameter, missing_parameter, unknown_parameter, wrong_type

Step = str | int

_FIRST = {"missing_required_parameter": 0, "unknown_parameter": 1}


@dataclass(frozen=True, slots=True)
class Violation:
    """One error of pydantic's: its type and context, its location in the model, and the value that does not fit."""

    model: type[BaseModel]
    type: str
    location: tuple[Step, ...]
    value: Any
    context: dict[str, Any]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The location in the body: keys and indexes, without the branches of unions."""
        return tuple(step for step in self.location if not str(step).startswith(BRANCH))

    @property
    def path(self) -> str:
        return path_of(self.steps)

    @property
    def declared(self) -> Any:
        """The type that the model declares for the value, without null and annotations."""
        return _declared(self.model, tuple(0 if isinstance(step, int) else step for step in self.location))


def path_of(steps: Iterable[Step]) -> str:
    """The path as the API writes it: `tools[0].function.name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def first_error(model: type[BaseModel], body: object, error: ValidationError) -> InvalidParameter:
    """The one error to answer for a body that does not fit the model."""
    errors = [(violation.steps, _error(violation)) for violation in violations(model, error)]
    urgency = min(_urgency(error) for _, error in errors)
    return _earliest(body, [(steps, error) for steps, error in errors if _urgency(error) == urgency])


def violations(model: type[BaseModel], error: ValidationError) -> Iterator[Violation]:
    """The violations in an error of the model, in pydantic's order."""
    for line in error.errors(include_url=False):
        yield Violation(model, line["type"], line["loc"], line["input"], line.get("ctx", {}))


@lru_cache(512)  # a long list may have the same mistake in each of its items
def _declared(model: type[BaseModel], place: tuple[Step, ...]) -> Any:
    """The type at `place`, which names fields, items of lists and branches of unions, without null and annotations."""
    declared: Any = model
    for step in place:
        declared = _inside(declared, step)
    return _plain(declared)[0]


def _inside(declared: Any, step: Step) -> Any:
    """The type of the value at `step` in a value of the type `declared`."""
    plain, annotations = _plain(declared)
    union = next((each for each in annotations if isinstance(each, ByType | ByKind)), None)
    if union is not None:
        return union.branches(plain)[str(step)]
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        return next(field for name, field in plain.model_fields.items() if step == (field.alias or name))
    return get_args(plain)[-1]  # of a list its items, of a dict its values


def _plain(declared: Any) -> tuple[Any, list[Any]]:
    """The type without null and annotations, and its annotations."""
    annotations: list[Any] = []
    while True:
        if isinstance(declared, FieldInfo):
            declared, more = declared.annotation, declared.metadata
            annotations += more
        elif get_origin(declared) is Annotated:
            declared, *more = get_args(declared)
            annotations += more
        elif type(None) in get_args(declared):
            (declared,) = (each for each in get_args(declared) if each is not type(None))
        else:
            return declared, annotations


def _urgency(error: InvalidParameter) -> int:
    return _FIRST.get(error.code or "", len(_FIRST))


def _earliest(value: Any, errors: list[tuple[tuple[Step, ...], InvalidParameter]], depth: int = 0) -> InvalidParameter:
    own = next((error for steps, error in errors if len(steps) == depth), None)
    if own is not None:
        return own
    present = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    heads = dict.fromkeys(steps[depth] for steps, _ in errors)
    # what an object lacks is asked for before its values are looked into
    order = [step for step in heads if step not in present] or [step for step in present if step in heads]
    inside = [(steps, error) for steps, error in errors if steps[depth] == order[0]]
    return _earliest(value[order[0]] if order[0] in present else None, inside, depth + 1)


def _error(violation: Violation) -> InvalidParameter:
    return _ERRORS.get(violation.type, _fallback)(violation)


def _fallback(violation: Violation) -> InvalidParameter:
    """The error for a rule of pydantic's that no model uses on purpose, such as its limit on depth."""
    return InvalidParameter(f"Invalid value for '{violation.path}'.", param=violation.path, code="invalid_value")


def _expected(words: str) -> Callable[[Violation], InvalidParameter]:
    return lambda violation: wrong_type(violation.path, words, error_texts.kind(violation.value))


def _not_an_array(violation: Violation) -> InvalidParameter:
    words = "an array of strings" if get_args(violation.declared) == (str,) else "an array of objects"
    return wrong_type(violation.path, words, error_texts.kind(violation.value))


def _not_a_mapping(violation: Violation) -> InvalidParameter:
    words = "a metadata object" if violation.steps[-1] == "metadata" else "an object"
    return wrong_type(violation.path, words, error_texts.kind(violation.value))


def _not_a_model(violation: Violation) -> InvalidParameter:
    if not violation.steps:
        return error_texts.wrong_root(violation.value)
    return wrong_type(violation.path, "an object", error_texts.kind(violation.value))


def _wrong_literal(violation: Violation) -> InvalidParameter:
    return error_texts.wrong_choice(violation.path, violation.value, list(get_args(violation.declared)))


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


_ERRORS: dict[str, Callable[[Violation], InvalidParameter]] = {
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
    "refused": lambda violation: violation.context["error"](violation.path),
}
