"""Checks of bodies whose fields are looked at in an order of their own, not in the body's: Responses and its siblings.

A check gets the path of a value and the value, and raises the API's first error for it. Null counts as absent, but for
required fields. See docs/reference/behaviour.md#responses-order-of-checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from pydantic import ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from assistants_emulator.contract import error_texts
from assistants_emulator.contract.base import Body
from assistants_emulator.contract.error_texts import choice_of, kind
from assistants_emulator.errors import InvalidParameter, missing_parameter, unsupported_value, wrong_type

Check = Callable[[str, Any], None]
MOST_EDITS = 2  # a name that differs by more letters is not proposed
MAX_PROPERTIES, MAX_PROPERTY_NAME, MAX_PROPERTY_TEXT = 16, 64, 512


class OrderedBody(Body):
    """A body that `fields` describe, in the order in which the API checks them.

    `required` must be there, and are looked at before anything else. A field without a check may hold anything.
    """

    model_config = ConfigDict(extra="allow")
    required: ClassVar[tuple[str, ...]] = ()
    fields: ClassVar[Mapping[str, Check | None]] = {}

    @classmethod
    def check_in_order(cls, body: object) -> dict[str, Any]:
        """Return the body if it fits, else raise InvalidParameter for the first value that does not."""
        if not isinstance(body, dict):
            raise error_texts.wrong_root(body)
        for name in cls.required:
            if name not in body:
                raise missing_parameter(name)
            cls.check_presence(name, body[name])
        for name in body:
            if name not in cls.fields:
                raise cls.unknown(name, body)
        for name in sorted(body, key=_places(cls).__getitem__):
            check = cls.fields[name]
            if check is not None and (body[name] is not None or name in cls.required):
                check(name, body[name])
        return body

    @classmethod
    def check_presence(cls, name: str, value: Any) -> None:
        """Refuse a required value that counts as absent or is refused before unknown keys are."""

    @classmethod
    def unknown(cls, name: str, body: Mapping[str, Any]) -> InvalidParameter:
        """The error for a key that the body may not have: with the names that it may have been meant for."""
        return unknown_field(name, near(name, [field for field in cls.fields if field not in body]))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        required = {"required": list(cls.required)} if cls.required else {}
        return {"type": "object", "title": cls.__name__, "properties": {name: {} for name in cls.fields}, **required}


@cache
def _places(model: type[OrderedBody]) -> dict[str, int]:
    """The place of each field in the order of checks."""
    return {name: place for place, name in enumerate(model.fields)}


def near(name: str, names: Sequence[str]) -> list[str]:
    """The names within two edits of `name`, the nearest first, then by the alphabet."""
    distances = {each: _distance(name, each) for each in names if abs(len(each) - len(name)) <= MOST_EDITS}
    close = [each for each, distance in distances.items() if distance <= MOST_EDITS]
    return sorted(close, key=lambda each: (distances[each], each))


def _distance(one: str, other: str) -> int:
    """Letters to insert, delete or replace to make one of the other."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for place, opposite in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != opposite))
    return row[-1]


def unknown_field(path: str, proposals: Sequence[str] = ()) -> InvalidParameter:
    meant = f" Did you mean {error_texts.either([f'{name!r}' for name in proposals])}?" if proposals else ""
    return InvalidParameter(f"Unknown parameter: '{path}'.{meant}", param=path, code="unknown_parameter")


# Kinds of values


def anything(path: str, value: Any) -> None:
    """Accept every value."""


def _of_kind(words: str, *types: type) -> Check:
    def check(path: str, value: Any) -> None:
        if type(value) not in types:
            raise wrong_type(path, words, kind(value))

    return check


boolean = _of_kind("a boolean", bool)
text = _of_kind("a string", str)
any_object = _of_kind("an object", dict)


def short_text(limit: int) -> Check:
    def check(path: str, value: Any) -> None:
        text(path, value)
        if len(value) > limit:
            raise error_texts.long_string(path, limit, len(value))

    return check


def name_like(limit: int) -> Check:
    """Letters, digits, underscores and dashes."""

    def check(path: str, value: Any) -> None:
        short_text(limit)(path, value)
        if not value:
            raise error_texts.empty_string(path)
        if not all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in value):
            raise error_texts.no_match(path, "^[a-zA-Z0-9_-]+$")

    return check


def number(words: str, lowest: float | None = None, highest: float | None = None) -> Check:
    """`words` is "an integer" or "a decimal"; the bounds are inclusive, and of the number's type."""
    types = (int,) if words == "an integer" else (int, float)

    def check(path: str, value: Any) -> None:
        _of_kind(words, *types)(path, value)
        if lowest is not None and value < lowest:
            raise error_texts.below_minimum(path, lowest, value)
        if highest is not None and value > highest:
            raise error_texts.above_maximum(path, highest, value)

    return check


def integer(lowest: int | None = None, highest: int | None = None) -> Check:
    return number("an integer", lowest, highest)


def decimal(lowest: float, highest: float) -> Check:
    return number("a decimal", lowest, highest)


def choice(*names: str) -> Check:
    def check(path: str, value: Any) -> None:
        if not isinstance(value, str):
            raise wrong_type(path, choice_of(names), kind(value))
        if value not in names:
            raise unsupported_value(path, value, names)

    return check


def array(words: str, item: Check, most: int | None = None) -> Check:
    """`words` are the API's for the whole: "an array of tools"."""

    def check(path: str, value: Any) -> None:
        _of_kind(words, list)(path, value)
        if most is not None and len(value) > most:
            raise error_texts.long_array(path, most, len(value))
        for index, each in enumerate(value):
            item(f"{path}[{index}]", each)

    return check


def fields(known: Mapping[str, Check | None], required: Sequence[str] = ()) -> Check:
    """An object with these keys and no others; what is required is looked for first."""

    def check(path: str, value: Any) -> None:
        any_object(path, value)
        check_fields(path, value, known, required)

    return check


def check_fields(
    path: str, value: Mapping[str, Any], known: Mapping[str, Check | None], required: Sequence[str] = ()
) -> None:
    for name in required:
        if name not in value:
            raise missing_parameter(f"{path}.{name}")
    for name in value:
        if name not in known:
            raise unknown_field(f"{path}.{name}")
    for name, check in known.items():
        if check is not None and (value.get(name) is not None or (name in required and name in value)):
            check(f"{path}.{name}", value[name])


def by_type(variants: Mapping[str, Check]) -> Check:
    """An object whose `type` chooses how it is checked."""

    def check(path: str, value: Any) -> None:
        any_object(path, value)
        if value.get("type") is None:
            raise missing_parameter(f"{path}.type")
        choice(*variants)(f"{path}.type", value["type"])
        variants[value["type"]](path, value)

    return check


def metadata(path: str, value: Any) -> None:
    """See docs/reference/behaviour.md#metadata."""
    _of_kind("a metadata object", dict)(path, value)
    if len(value) > MAX_PROPERTIES:
        raise error_texts.many_properties(path, MAX_PROPERTIES, len(value))
    for name, held in value.items():
        if len(name) > MAX_PROPERTY_NAME:
            raise error_texts.long_property_name(path, name, MAX_PROPERTY_NAME)
        short_text(MAX_PROPERTY_TEXT)(f"{path}.{name}", held)
